// Every collective and message of flexmig.h, as a rank of 1 to 3: results, places, types, background. C99 and C++.
// Prints "ok".
#include "check.h"

static flexmig_comm comm;
static int rank, size;

// -- Numbers of all types

static const size_t strides[] = {0, 4, 8, 4, 8, 2, 2, 1, 1, 4, 8};

// The few numbers that the test needs, as 16-bit floats: their bits.
static const struct { double value; uint16_t half, brain; } small_floats[] = {
    {1, 0x3c00, 0x3f80}, {1.5, 0x3e00, 0x3fc0}, {2, 0x4000, 0x4000}, {3, 0x4200, 0x4040}, {6, 0x4600, 0x40c0},
};

static void put(int type, double value, void *memory) {
    size_t i;
    float f = (float)value;
    int64_t n = (int64_t)value;
    switch (type) {
    case FLEXMIG_FLOAT32: memcpy(memory, &f, 4); return;
    case FLEXMIG_FLOAT64: memcpy(memory, &value, 8); return;
    case FLEXMIG_FLOAT16:
    case FLEXMIG_BFLOAT16:
        for (i = 0; i < sizeof small_floats / sizeof *small_floats; i++) {
            if (small_floats[i].value == value) {
                memcpy(memory, type == FLEXMIG_FLOAT16 ? &small_floats[i].half : &small_floats[i].brain, 2);
                return;
            }
        }
        CHECK(!"a small float");
        return;
    default: memcpy(memory, &n, strides[type]);  // the low bytes: x86-64 and aarch64 are little-endian
    }
}

// `count` elements of `value`, compared.
static int has(int type, double value, const void *memory, size_t count) {
    char wanted[8];
    size_t i;
    put(type, value, wanted);
    for (i = 0; i < count; i++) {
        if (memcmp((const char *)memory + i * strides[type], wanted, strides[type]) != 0) return 0;
    }
    return 1;
}

static void check_types(void) {
    const size_t counts[] = {1, 33, 3001};
    static char input[3001 * 8], output[3001 * 8];
    int type, is_float;
    size_t c, i, count;
    for (type = FLEXMIG_FLOAT32; type <= FLEXMIG_UINT64; type++) {
        const flexmig_type t = (flexmig_type)type;
        is_float = type == FLEXMIG_FLOAT32 || type == FLEXMIG_FLOAT64 || type == FLEXMIG_FLOAT16
            || type == FLEXMIG_BFLOAT16;
        for (c = 0; c < 3; c++) {
            count = counts[c];
            for (i = 0; i < count; i++) put(type, rank + 1, input + i * strides[type]);
            OK(flexmig_all_reduce(comm, input, output, count, t, FLEXMIG_SUM));
            CHECK(has(type, size == 3 ? 6 : size == 2 ? 3 : 1, output, count));
            OK(flexmig_all_reduce(comm, input, output, count, t, FLEXMIG_MEAN));
            CHECK(has(type, size == 3 ? 2 : size == 2 && is_float ? 1.5 : 1, output, count));
            OK(flexmig_all_reduce(comm, input, output, count, t, FLEXMIG_PRODUCT));
            CHECK(has(type, size == 3 ? 6 : size, output, count));
            OK(flexmig_all_reduce(comm, input, output, count, t, FLEXMIG_MIN));
            CHECK(has(type, 1, output, count));
            OK(flexmig_all_reduce(comm, input, output, count, t, FLEXMIG_MAX));
            CHECK(has(type, size, output, count));
            CHECK(has(type, rank + 1, input, count));
        }
    }
}

// All bits set are the largest number where there is no sign, and the smallest one of all ranks otherwise.
static void check_signs(void) {
    const int types[] = {FLEXMIG_INT32, FLEXMIG_INT64, FLEXMIG_INT8, FLEXMIG_UINT8, FLEXMIG_UINT32, FLEXMIG_UINT64};
    size_t i;
    for (i = 0; i < 6; i++) {
        const int is_largest = types[i] == FLEXMIG_UINT8 || types[i] == FLEXMIG_UINT32 || types[i] == FLEXMIG_UINT64;
        char value[8], result[8];
        put(types[i], rank == 0 ? -1 : 1, value);
        OK(flexmig_all_reduce(comm, value, result, 1, (flexmig_type)types[i], FLEXMIG_MAX));
        CHECK(has(types[i], is_largest || size == 1 ? -1 : 1, result, 1));
    }
}

// -- Every collective, in memory that is given, in place and not

// What rank r has at place i.
static int32_t element(int r, size_t i) { return (int32_t)(r * 100003 + (int)i % 1009); }

static int32_t sum(size_t i) {
    int32_t total = 0;
    int r;
    for (r = 0; r < size; r++) total += element(r, i);
    return total;
}

static void fill(int32_t *values, int r, size_t from, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) values[i] = element(r, from + i);
}

static int is_from(const int32_t *values, int r, size_t from, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) if (values[i] != element(r, from + i)) return 0;
    return 1;
}

static int is_sum(const int32_t *values, size_t from, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) if (values[i] != sum(from + i)) return 0;
    return 1;
}

static void wait_for(flexmig_work *work) {
    int done = 0;
    CHECK(*work != NULL);
    OK(flexmig_work_wait(*work));
    OK(flexmig_work_wait(*work));
    OK(flexmig_work_test(*work, &done));
    CHECK(done == 1);
    OK(flexmig_work_free(*work));
}

// Runs a call, or starts it and waits.
#define RUN(name, ...)                                                   \
    do {                                                                 \
        if (in_background) {                                             \
            flexmig_work work;                                           \
            OK(flexmig_##name##_async(comm, __VA_ARGS__, &work));        \
            wait_for(&work);                                             \
        } else {                                                         \
            OK(flexmig_##name(comm, __VA_ARGS__));                       \
        }                                                                \
    } while (0)

// a and b: room for size * n elements each.
static void check_collectives(int32_t *a, int32_t *b, size_t n, int in_background) {
    const flexmig_type t = FLEXMIG_INT32;
    const size_t all = n * (size_t)size, own = n * (size_t)rank;
    int r, root;
    for (root = 0; root < size; root++) {
        fill(a, rank, 0, n);
        RUN(broadcast, a, n, t, root);
        CHECK(is_from(a, root, 0, n));

        fill(a, rank, 0, n);
        memset(b, 0, all * 4);
        RUN(gather, a, rank == root ? b : NULL, n, t, root);
        for (r = 0; rank == root && r < size; r++) CHECK(is_from(b + r * n, r, 0, n));
        if (rank == root) {
            fill(b + own, rank, 0, n);
            RUN(gather, b + own, b, n, t, root);
            for (r = 0; r < size; r++) CHECK(is_from(b + r * n, r, 0, n));
        } else {
            RUN(gather, a, NULL, n, t, root);
        }

        fill(a, rank, 0, all);
        RUN(scatter, rank == root ? a : NULL, b, n, t, root);
        CHECK(is_from(b, root, own, n));
        if (rank == root) {
            RUN(scatter, a, a + own, n, t, root);
            CHECK(is_from(a, rank, 0, all));
        } else {
            RUN(scatter, NULL, b, n, t, root);
            CHECK(is_from(b, root, own, n));
        }

        fill(a, rank, 0, n);
        RUN(reduce, a, rank == root ? b : NULL, n, t, FLEXMIG_SUM, root);
        CHECK(rank == root ? is_sum(b, 0, n) : is_from(a, rank, 0, n));
        RUN(reduce, a, rank == root ? a : NULL, n, t, FLEXMIG_SUM, root);
        CHECK(rank == root ? is_sum(a, 0, n) : is_from(a, rank, 0, n));
    }

    fill(a, rank, 0, n);
    RUN(all_gather, a, b, n, t);
    for (r = 0; r < size; r++) CHECK(is_from(b + r * n, r, 0, n));
    memset(b, 0, all * 4);
    fill(b + own, rank, 0, n);
    RUN(all_gather, b + own, b, n, t);
    for (r = 0; r < size; r++) CHECK(is_from(b + r * n, r, 0, n));

    fill(a, rank, 0, n);
    RUN(all_reduce, a, b, n, t, FLEXMIG_SUM);
    CHECK(is_sum(b, 0, n));
    RUN(all_reduce, a, a, n, t, FLEXMIG_SUM);
    CHECK(is_sum(a, 0, n));

    fill(a, rank, 0, all);
    RUN(reduce_scatter, a, b, n, t, FLEXMIG_SUM);
    CHECK(is_sum(b, own, n));
    RUN(reduce_scatter, a, a + own, n, t, FLEXMIG_SUM);
    CHECK(is_sum(a + own, own, n));

    fill(a, rank, 0, all);
    RUN(all_to_all, a, b, n, t);
    for (r = 0; r < size; r++) CHECK(is_from(b + r * n, r, own, n));
    RUN(all_to_all, a, a, n, t);
    for (r = 0; r < size; r++) CHECK(is_from(a + r * n, r, own, n));

    if (size > 1) {
        const int next = (rank + 1) % size, last = (rank + size - 1) % size;
        fill(a, rank, 0, n);
        RUN(sendrecv, a, n, next, b, n, last, t);
        CHECK(is_from(b, last, 0, n));
        if (rank == 0) {
            RUN(send, a, n, t, 1);
            RUN(recv, b, n, t, 1);
            CHECK(is_from(b, 1, 0, n));
        } else if (rank == 1) {
            RUN(recv, b, n, t, 0);
            RUN(send, a, n, t, 0);
            CHECK(is_from(b, 0, 0, n));
        }
    }
    if (in_background) {
        flexmig_work work;
        OK(flexmig_barrier_async(comm, &work));
        wait_for(&work);
    } else {
        OK(flexmig_barrier(comm));
    }
}

// The same in memory of flexmig_alloc, which is used directly.
static void check_tensors(void) {
    const size_t n = 100000, bytes = n * (size_t)size * sizeof(int32_t);
    const int way = size == 1 ? FLEXMIG_WAY_ALONE : FLEXMIG_WAY_DIRECT;
    flexmig_statistics before, after;
    void *a, *b;
    before.struct_size = after.struct_size = sizeof after;
    OK(flexmig_alloc(comm, bytes, &a));
    OK(flexmig_alloc(comm, bytes, &b));
    OK(flexmig_get_statistics(comm, &before));
    check_collectives((int32_t *)a, (int32_t *)b, n, 0);
    check_collectives((int32_t *)a, (int32_t *)b, n, 1);
    OK(flexmig_get_statistics(comm, &after));
    CHECK(after.calls[FLEXMIG_KIND_ALL_REDUCE].ways[way] == before.calls[FLEXMIG_KIND_ALL_REDUCE].ways[way] + 4);
    OK(flexmig_free(a));
    OK(flexmig_free(b));
}

// Several works at once, and a call that comes after them.
static void check_order(void) {
    enum { works = 20, n = 5000 };
    static int32_t values[works][n];
    flexmig_work started[works];
    int i, done;
    for (i = 0; i < works; i++) {
        fill(values[i], rank, 0, n);
        OK(flexmig_all_reduce_async(
            comm, values[i], values[i], n, FLEXMIG_INT32, FLEXMIG_SUM, &started[i]));
    }
    OK(flexmig_barrier(comm));
    for (i = 0; i < works; i++) {
        OK(flexmig_work_test(started[i], &done));
        CHECK(done == 1);
        CHECK(is_sum(values[i], 0, n));
        OK(flexmig_work_free(started[i]));
    }
    // Freeing waits.
    fill(values[0], rank, 0, n);
    OK(flexmig_all_reduce_async(comm, values[0], values[0], n, FLEXMIG_INT32, FLEXMIG_SUM, &started[0]));
    OK(flexmig_work_free(started[0]));
    CHECK(is_sum(values[0], 0, n));
}

static void check_split(void) {
    flexmig_comm part, none;
    int32_t value = rank + 1;
    int r, n, wanted = 0;
    // Even and odd ranks, in reverse order.
    OK(flexmig_split(comm, rank % 2, -rank, &part));
    OK(flexmig_rank(part, &r));
    OK(flexmig_size(part, &n));
    CHECK(n == (size + 1 - rank % 2) / 2);
    CHECK(r == n - 1 - rank / 2);
    OK(flexmig_all_reduce(part, &value, &value, 1, FLEXMIG_INT32, FLEXMIG_SUM));
    for (r = rank % 2; r < size; r += 2) wanted += r + 1;
    CHECK(value == wanted);
    OK(flexmig_destroy(part));
    OK(flexmig_split(comm, rank == 0 ? 7 : FLEXMIG_NO_COLOR, 0, &none));
    CHECK((none != NULL) == (rank == 0));
    OK(flexmig_destroy(none));
    OK(flexmig_barrier(comm));
}

int main(void) {
    const size_t counts[] = {0, 1, 10, 5000, 300001};
    const size_t most = 300001 * most_ranks;
    int32_t *a = (int32_t *)malloc(most * 4), *b = (int32_t *)malloc(most * 4);
    size_t i;
    CHECK(a != NULL && b != NULL);
    OK(flexmig_init(&comm));
    OK(flexmig_rank(comm, &rank));
    OK(flexmig_size(comm, &size));
    CHECK(rank >= 0 && rank < size && size <= 3);
    check_types();
    check_signs();
    for (i = 0; i < sizeof counts / sizeof *counts; i++) {
        check_collectives(a, b, counts[i], 0);
        check_collectives(a, b, counts[i], 1);
    }
    check_tensors();
    check_order();
    check_split();
    OK(flexmig_destroy(comm));
    free(a);
    free(b);
    printf("ok\n");
    return 0;
}
