// What flexmig.h says about arguments, memory, statistics and versions, as a rank of 1 to 3. C99 and C++. Prints "ok".
#include "check.h"

static flexmig_comm comm;
static int rank, size;

static void check_memory(void) {
    void *some, *nothing, *large;
    OK(flexmig_alloc(comm, 0, &nothing));
    OK(flexmig_alloc(comm, 200, &some));
    OK(flexmig_alloc(comm, 5000, &large));
    CHECK(nothing != NULL && ((char *)large)[4999] == 0);
    CHECK((uintptr_t)some % 128 == 0 && (uintptr_t)large % 4096 == 0);
    memset(some, 1, 200);
    memset(large, 1, 5000);
    OK(flexmig_free(some));
    INVALID("flexmig_alloc", flexmig_free(some));
    INVALID("flexmig_alloc", flexmig_free((char *)large + 128));
    OK(flexmig_free(nothing));
    OK(flexmig_free(large));
    OK(flexmig_free(NULL));
    // More than any /dev/shm has: the communicator goes on.
    if (size > 1) {
        FAILS(FLEXMIG_OUT_OF_SHARED_MEMORY, "/dev/shm", flexmig_alloc(comm, (size_t)1 << 44, &some));
        CHECK(some == NULL);
    }
    INVALID("bytes", flexmig_alloc(comm, SIZE_MAX, &some));
    INVALID("NULL", flexmig_alloc(comm, 8, NULL));
    OK(flexmig_barrier(comm));
}

static void check_statistics(void) {
    uint64_t waited[most_ranks];
    flexmig_statistics short_one;
    flexmig_work work;
    uint64_t barriers;
    struct { flexmig_statistics known; uint64_t future; } long_one;
    memset(&short_one, 0x55, sizeof short_one);
    short_one.struct_size = 2 * sizeof(uint64_t);
    OK(flexmig_get_statistics(comm, &short_one));
    CHECK(short_one.struct_size == 16 && short_one.straggler == 0x55555555);
    long_one.known.struct_size = sizeof long_one;
    long_one.future = 1;
    OK(flexmig_get_statistics(comm, &long_one.known));
    CHECK(long_one.future == 0 && long_one.known.reserved == 0);
    CHECK(long_one.known.straggler >= -1 && long_one.known.straggler < size && long_one.known.straggler != rank);
    barriers = long_one.known.calls[FLEXMIG_KIND_BARRIER].calls;
    OK(flexmig_barrier_async(comm, &work));
    OK(flexmig_get_statistics(comm, &long_one.known));
    CHECK(long_one.known.calls[FLEXMIG_KIND_BARRIER].calls == barriers + 1);
    CHECK(long_one.known.calls[FLEXMIG_KIND_BARRIER].bytes == 0);
    CHECK(long_one.known.calls[FLEXMIG_KIND_BARRIER].ways[size == 1 ? FLEXMIG_WAY_ALONE : FLEXMIG_WAY_STEP] > 0);
    OK(flexmig_work_free(work));
    short_one.struct_size = 0;
    INVALID("struct_size", flexmig_get_statistics(comm, &short_one));
    INVALID("NULL", flexmig_get_statistics(comm, NULL));
    OK(flexmig_get_waited(comm, waited, size));
    CHECK(waited[rank] == 0);
    INVALID("ranks", flexmig_get_waited(comm, waited, size + 1));
    INVALID("NULL", flexmig_get_waited(comm, NULL, size));
}

static void check_arguments(void) {
    int32_t a[4 * most_ranks] = {0}, b[4 * most_ranks];
    const flexmig_type t = FLEXMIG_INT32;
    const flexmig_reduction sum = FLEXMIG_SUM;
    const int other = rank == 0 ? size - 1 : 0;
    flexmig_work work = NULL;
    flexmig_comm part = NULL;
    int done;
    INVALID("communicator is NULL", flexmig_barrier(NULL));
    INVALID("communicator is NULL", flexmig_all_reduce(NULL, a, b, 1, t, sum));
    INVALID("communicator is NULL", flexmig_rank(NULL, &done));
    INVALID("communicator is NULL", flexmig_abort(NULL));
    INVALID("communicator is NULL", flexmig_close(NULL));
    INVALID("NULL", flexmig_rank(comm, NULL));
    INVALID("NULL", flexmig_size(comm, NULL));
    INVALID("NULL", flexmig_init(NULL));
    INVALID("input is NULL", flexmig_all_reduce(comm, NULL, b, 1, t, sum));
    INVALID("output is NULL", flexmig_all_reduce(comm, a, NULL, 1, t, sum));
    INVALID("output is NULL", flexmig_broadcast(comm, NULL, 1, t, 0));
    INVALID("output is NULL", flexmig_gather(comm, a, NULL, 1, t, rank));
    INVALID("input is NULL", flexmig_scatter(comm, NULL, b, 1, t, rank));
    INVALID("output is NULL", flexmig_reduce(comm, a, NULL, 1, t, sum, rank));
    INVALID("input is NULL", flexmig_send(comm, NULL, 1, t, other));
    INVALID("output is NULL", flexmig_recv(comm, NULL, 1, t, other));
    INVALID("output is NULL", flexmig_sendrecv(comm, a, 1, other, NULL, 1, other, t));
    INVALID("no rank", flexmig_broadcast(comm, a, 1, t, size));
    INVALID("no rank", flexmig_broadcast(comm, a, 1, t, -1));
    INVALID("no rank", flexmig_sendrecv(comm, a, 1, other, b, 1, size, t));
    INVALID("flexmig_type", flexmig_all_gather(comm, a, b, 1, (flexmig_type)0));
    INVALID("flexmig_type", flexmig_all_to_all(comm, a, b, 1, (flexmig_type)11));
    INVALID("flexmig_reduction", flexmig_all_reduce(comm, a, b, 1, t, (flexmig_reduction)0));
    INVALID("flexmig_reduction", flexmig_reduce_scatter(comm, a, b, 1, t, (flexmig_reduction)6));
    INVALID("elements", flexmig_all_gather(comm, a, b, SIZE_MAX, t));
    INVALID("elements", flexmig_all_gather(comm, a, b, SIZE_MAX / 4, t));
    INVALID("color", flexmig_split(comm, -2, 0, &part));
    CHECK(part == NULL);
    INVALID("NULL", flexmig_split(comm, 0, 0, NULL));
    INVALID("no rank", flexmig_reduce_async(comm, a, b, 1, t, sum, size, &work));
    CHECK(work == NULL);
    INVALID("NULL", flexmig_barrier_async(comm, NULL));
    INVALID("work is NULL", flexmig_work_wait(NULL));
    INVALID("work is NULL", flexmig_work_test(NULL, &done));
    OK(flexmig_work_free(NULL));
    CHECK(flexmig_last_error_rank() == -1);
    // None of them was sent, and nothing is needed for no elements.
    OK(flexmig_all_reduce(comm, NULL, NULL, 0, t, sum));
    OK(flexmig_all_to_all(comm, NULL, NULL, 0, t));
    OK(flexmig_broadcast(comm, NULL, 0, t, 0));
    OK(flexmig_barrier(comm));
}

static void check_init_with(void) {
    flexmig_comm alone, part;
    double value = 2.5;
    flexmig_work work, late;
    flexmig_statistics statistics;
    void *memory;
    statistics.struct_size = sizeof statistics;
    INVALID("NULL", flexmig_init_with(NULL, 0, 1, 0, &alone));
    INVALID("prefix", flexmig_init_with("", 0, 1, 0, &alone));
    INVALID("prefix", flexmig_init_with(".a", 0, 1, 0, &alone));
    INVALID("prefix", flexmig_init_with("a/b", 0, 1, 0, &alone));
    INVALID("rank is 1", flexmig_init_with("a", 1, 1, 0, &alone));
    INVALID("rank is -1", flexmig_init_with("a", -1, 1, 0, &alone));
    INVALID("ranks", flexmig_init_with("a", 0, 0, 0, &alone));
    INVALID("ranks", flexmig_init_with("a", 0, 1025, 0, &alone));
    INVALID("timeout", flexmig_init_with("a", 0, 1, -1, &alone));
    INVALID("NULL", flexmig_init_with("a", 0, 1, 0, NULL));
    CHECK(alone == NULL);
    OK(flexmig_init_with("a", 0, 1, 1.5, &alone));
    OK(flexmig_all_reduce(alone, &value, &value, 1, FLEXMIG_FLOAT64, FLEXMIG_MEAN));
    CHECK(value == 2.5);
    OK(flexmig_alloc(alone, 1 << 20, &memory));
    OK(flexmig_barrier_async(alone, &work));
    OK(flexmig_close(alone));
    OK(flexmig_close(alone));
    FAILS(FLEXMIG_CLOSED, "closed", flexmig_barrier(alone));
    FAILS(FLEXMIG_CLOSED, "closed", flexmig_split(alone, 0, 0, &part));
    FAILS(FLEXMIG_CLOSED, "closed", flexmig_barrier_async(alone, &late));
    CHECK(part == NULL && late == NULL);
    OK(flexmig_get_statistics(alone, &statistics));
    CHECK(statistics.calls[FLEXMIG_KIND_ALL_REDUCE].calls == 1);
    CHECK(statistics.straggler == -1 && statistics.waited_ns == 0);
    OK(flexmig_abort(alone));
    OK(flexmig_destroy(alone));
    OK(flexmig_destroy(NULL));
    OK(flexmig_work_wait(work));
    OK(flexmig_work_free(work));
    memset(memory, 1, 1 << 20);
    OK(flexmig_free(memory));
}

static void check_versions(void) {
    CHECK(strcmp(flexmig_last_error(), "") == 0 && flexmig_last_error_rank() == -1);
    CHECK(strcmp(flexmig_version_string(), FLEXMIG_VERSION) == 0);
    CHECK(flexmig_abi_version() == FLEXMIG_ABI_VERSION);
    CHECK(strcmp(flexmig_status_name(FLEXMIG_OK), "ok") == 0);
    CHECK(strcmp(flexmig_status_name(FLEXMIG_RANK_DIED), "rank-died") == 0);
    CHECK(strcmp(flexmig_status_name(-1), "unknown") == 0);
}

int main(void) {
    check_versions();
    OK(flexmig_init(&comm));
    OK(flexmig_rank(comm, &rank));
    OK(flexmig_size(comm, &size));
    CHECK(size <= most_ranks);
    OK(flexmig_barrier(comm));
    check_memory();
    check_statistics();
    check_arguments();
    check_init_with();
    OK(flexmig_destroy(comm));
    printf("ok\n");
    return 0;
}
