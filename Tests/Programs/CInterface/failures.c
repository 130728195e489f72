// What the ranks see when one of them does something wrong. The argument says what. Prints "ok" on those that stay.
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <signal.h>

static flexmig_comm comm;
static int rank, size, last;

// Every later call says the same as the first one, on any thread, and destroying is safe.
static void finish(int status, const char *words) {
    int32_t value = 0;
    flexmig_work work;
    flexmig_comm part;
    void *memory;
    FAILS(status, words, flexmig_barrier(comm));
    FAILS(status, words, flexmig_all_reduce(comm, &value, &value, 1, FLEXMIG_INT32, FLEXMIG_SUM));
    FAILS(status, words, flexmig_split(comm, 0, 0, &part));
    FAILS(status, words, flexmig_alloc(comm, 8, &memory));
    CHECK(part == NULL && (size == 1 || memory == NULL));
    OK(flexmig_barrier_async(comm, &work));
    FAILS(status, words, flexmig_work_wait(work));
    OK(flexmig_work_free(work));
    INVALID("no rank", flexmig_broadcast(comm, &value, 1, FLEXMIG_INT32, size));
    OK(flexmig_close(comm));
    OK(flexmig_destroy(comm));
    printf("ok\n");
}

static void mismatch(void) {
    float value = 1;
    const flexmig_reduction reduction = rank == last ? FLEXMIG_MAX : FLEXMIG_SUM;
    FAILS(FLEXMIG_MISMATCH, "all-reduce (max)",
          flexmig_all_reduce(comm, &value, &value, 1, FLEXMIG_FLOAT32, reduction));
    CHECK(strstr(flexmig_last_error(), "all-reduce (sum)") != NULL);
    CHECK(flexmig_last_error_rank() == last);
    finish(FLEXMIG_MISMATCH, "different collectives");
}

// The last rank waits for a message of a rank that is in a barrier and waits for it.
static void standstill(void) {
    float value = 1;
    char words[60];
    snprintf(words, sizeof words, rank == last ? "rank %d a message with rank 0" : "rank %d called another collective",
             last);
    if (rank == last) FAILS(FLEXMIG_MISMATCH, words, flexmig_recv(comm, &value, 1, FLEXMIG_FLOAT32, 0));
    else FAILS(FLEXMIG_MISMATCH, words, flexmig_barrier(comm));
    CHECK(flexmig_last_error_rank() == last);
    finish(FLEXMIG_MISMATCH, words);
}

static void death(void) {
    float value = 1;
    char words[40];
    flexmig_work work;
    if (rank == last) raise(SIGKILL);
    snprintf(words, sizeof words, "rank %d died", last);
    OK(flexmig_all_reduce_async(comm, &value, &value, 1, FLEXMIG_FLOAT32, FLEXMIG_SUM, &work));
    FAILS(FLEXMIG_RANK_DIED, words, flexmig_work_wait(work));
    CHECK(flexmig_last_error_rank() == last);
    FAILS(FLEXMIG_RANK_DIED, words, flexmig_work_wait(work));
    OK(flexmig_work_free(work));
    finish(FLEXMIG_RANK_DIED, words);
}

static void departure(void) {
    char words[40];
    if (rank == last) {
        OK(flexmig_destroy(comm));
        printf("ok\n");
        return;
    }
    snprintf(words, sizeof words, "rank %d closed", last);
    FAILS(FLEXMIG_RANK_LEFT, words, flexmig_barrier(comm));
    finish(FLEXMIG_RANK_LEFT, words);
}

// The last rank comes when its standard input ends. The others have come to the first barrier, but wait no longer.
static void lateness(void) {
    char words[40];
    if (rank == last) {
        while (getchar() != EOF) continue;
        flexmig_barrier(comm);
    }
    snprintf(words, sizeof words, rank == last ? "gave up waiting for rank %d" : "rank %d did not come", last);
    FAILS(FLEXMIG_TIMED_OUT, words, flexmig_barrier(comm));
    CHECK(flexmig_last_error_rank() == last);
    finish(FLEXMIG_TIMED_OUT, words);
}

static void *abort_it(void *unused) {
    // This thread has an error text of its own.
    CHECK(strcmp(flexmig_last_error(), "") == 0);
    OK(flexmig_abort(comm));
    return unused;
}

static void abortion(void) {
    char words[40];
    float value;
    pthread_t thread;
    snprintf(words, sizeof words, "rank %d aborted", last);
    INVALID("NULL", flexmig_barrier(NULL));
    if (rank == last) {
        CHECK(pthread_create(&thread, NULL, abort_it, NULL) == 0);
        // Nobody sends that.
        FAILS(FLEXMIG_ABORTED, words, flexmig_recv(comm, &value, 1, FLEXMIG_FLOAT32, 0));
        CHECK(pthread_join(thread, NULL) == 0);
    } else {
        FAILS(FLEXMIG_ABORTED, words, flexmig_barrier(comm));
    }
    CHECK(flexmig_last_error_rank() == last);
    finish(FLEXMIG_ABORTED, words);
}

// Started with a wrong environment: the arguments are the status that flexmig_init has, and words of its text.
static int refused(int status, const char *words) {
    flexmig_comm none = (flexmig_comm)&none;
    FAILS(status, words, flexmig_init(&none));
    CHECK(none == NULL);
    printf("ok\n");
    return 0;
}

int main(int count, char **arguments) {
    if (count == 4 && strcmp(arguments[1], "refused") == 0) return refused(atoi(arguments[2]), arguments[3]);
    CHECK(count == 2);
    OK(flexmig_init(&comm));
    OK(flexmig_rank(comm, &rank));
    OK(flexmig_size(comm, &size));
    last = size - 1;
    if (strcmp(arguments[1], "mismatch") == 0) mismatch();
    else if (strcmp(arguments[1], "standstill") == 0) standstill();
    else if (strcmp(arguments[1], "death") == 0) death();
    else if (strcmp(arguments[1], "departure") == 0) departure();
    else if (strcmp(arguments[1], "lateness") == 0) lateness();
    else if (strcmp(arguments[1], "abortion") == 0) abortion();
    else return 64;
    return 0;
}
