// All-reduces through CollNet, and groups that can't come together.
#include "driver.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int calls;
static uint64_t seed;
static const char *kind;

// Leaves this process room for a few more files.
static void limit_files(int count) {
    const int next = open("/dev/null", O_RDONLY);
    CHECK(next >= 0 && close(next) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)(next + count), (rlim_t)(next + count)}) == 0);
}

group join_group(process *self, int round) {
    group made = {0};
    static unsigned char handles[MOST_RANKS][HANDLE_BYTES];
    void *pointers[MOST_RANKS];
    OK(self->collnet->listen(0, handles[self->rank], &made.listener));
    const int base = round * MOST_RANKS;
    post_handle(self, base + self->rank, handles[self->rank]);
    for (int rank = 0; rank < self->ranks; rank++) {
        take_handle(self, base + rank, handles[rank]);
        pointers[rank] = handles[rank];
    }
    // All ranks connect at the same time, and it waits.
    made.comm = (void *)1;
    if (kind && strcmp(kind, "connect") == 0 && self->rank == self->ranks - 1) {
        // No more files can be opened.
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0});
    }
    // Enough for the first lane, and not for four.
    if (kind && strcmp(kind, "lanes") == 0 && self->rank == self->ranks - 1) limit_files(3);
    if (kind && strcmp(kind, "death") == 0 && self->rank == self->ranks - 1) raise(SIGKILL);
    made.code = self->collnet->connect(pointers, self->ranks, self->rank, made.listener, &made.comm);
    OK(self->collnet->closeListen(made.listener));
    return made;
}

// Every operation of every type comes once in 40 calls; the same on all ranks.
static int type_of(uint64_t call) { return (int)(call % COLLNET_TYPES); }
static int operation_of(uint64_t call) { return (int)(call / COLLNET_TYPES % COLLNET_OPERATIONS); }

static int collnet_rank(process *self) {
    load(self);
    for (int type = 0; type < 14; type++)
        for (int operation = 0; operation < 6; operation++) {
            int supported = -1;
            OK(self->collnet->reduceSupport(type, operation, &supported));
            CHECK(supported == (type <= TYPE_BF16 && operation <= OP_MIN));
        }
    // Two groups at once: a communicator and one that was split from it.
    group groups[2] = {join_group(self, 0), join_group(self, 1)};
    for (int g = 0; g < 2; g++) {
        OK(groups[g].code);
        CHECK(groups[g].comm && groups[g].comm != (void *)1);
    }
    // One host buffer: 8 chunks to send, 8 to receive, of up to four parts each.
    enum { CHUNK = 512 << 10 };
    char *buffers[2];
    void *registration = NULL, *requests[2][STEPS] = {{0}};
    int posted[2] = {0}, done[2] = {0}, element_counts[2][STEPS], value_types[2][STEPS], operations[2][STEPS];
    for (int g = 0; g < 2; g++) {
        CHECK(posix_memalign((void **)&buffers[g], 4096, 2 * STEPS * CHUNK) == 0);
        memset(buffers[g], 0xff, 2 * STEPS * CHUNK);  // NaNs, where nothing is put
        OK(self->collnet->regMr(groups[g].comm, buffers[g], 2 * STEPS * CHUNK, POINTER_HOST, &registration));
    }
    uint64_t states[2] = {seed, seed + 1}, timing = seed + 100 + (uint64_t)self->rank;
    while (done[0] < calls || done[1] < calls) {
        for (int g = 0; g < 2; g++) {
            if (posted[g] < calls && posted[g] - done[g] < STEPS) {
                const int slot = posted[g] % STEPS;
                uint64_t state = states[g];
                const int type = type_of(seed + (uint64_t)posted[g]), operation = operation_of(seed + (uint64_t)posted[g]);
                const int bytes = type_bytes(type);
                const int elements = next_random(&state) % 4 == 0 ? (int)(next_random(&state) % 9) : (int)(next_random(&state) % (CHUNK / 8 + 1));
                char *input = buffers[g] + slot * CHUNK, *output = buffers[g] + (STEPS + slot) * CHUNK;
                for (int element = 0; element < elements; element++) put_value(input, type, operation, self->rank, posted[g], element);
                // The tail is stale: not-a-numbers and anything.
                const int stale = bytes * elements + 1024 <= CHUNK ? 1024 / bytes : 0;
                void *request = (void *)0x5a5a;
                OK(self->collnet->iallreduce(groups[g].comm, input, output, elements + stale, type, operation, registration, registration, &request));
                CHECK(request != (void *)0x5a5a);
                if (request) {
                    states[g] = state;
                    requests[g][slot] = request;
                    element_counts[g][slot] = elements, value_types[g][slot] = type, operations[g][slot] = operation;
                    posted[g]++;
                }
            }
            if (done[g] < posted[g]) {
                const int slot = done[g] % STEPS;
                int ready = -1, size = -1;
                OK(self->collnet->test(requests[g][slot], &ready, &size));
                if (ready) {
                    const char *output = buffers[g] + (STEPS + slot) * CHUNK;
                    for (int element = 0; element < element_counts[g][slot]; element++)
                        check_value(output, value_types[g][slot], operations[g][slot], self->ranks, done[g], element);
                    done[g]++;
                }
            }
        }
        if (next_random(&timing) % 4096 == 0) nap_us(500);
    }
    void *request = NULL;
    CHECK(self->collnet->iallgather(groups[0].comm, buffers[0], 1, NULL, 8, 0, 8, NULL, &request) == INVALID_USAGE && !request);
    CHECK(self->collnet->ireducescatter(groups[0].comm, 1, NULL, buffers[0], 8, 0, 8, TYPE_F32, OP_SUM, NULL, &request) == INVALID_USAGE && !request);
    CHECK(self->collnet->iallreduce(groups[0].comm, buffers[0], buffers[0], 8, TYPE_FP8, OP_SUM, NULL, NULL, &request) == INVALID_ARGUMENT);
    OK(self->collnet->deregMr(groups[0].comm, registration));
    for (int g = 0; g < 2; g++) OK(self->collnet->closeColl(groups[g].comm));
    return 0;
}

int scenario_collnet(int argc, char **argv) {
    if (argc != 3) FAIL("collnet needs 3 arguments");
    calls = atoi(argv[1]);
    seed = strtoull(argv[2], NULL, 10);
    return run_ranks(atoi(argv[0]), collnet_rank);
}

// MARK: More than there is room for

// With 64 calls under way the next one is answered by NULL, however often it comes, until one was asked for and is done.
static int full_rank(process *self) {
    enum { LIMIT = 64, CALLS = 300, ELEMENTS = 100, BYTES = 8 * ELEMENTS };
    load(self);
    group made = join_group(self, 0);
    OK(made.code);
    static char inputs[LIMIT + 1][BYTES], outputs[LIMIT + 1][BYTES];
    void *requests[LIMIT + 1] = {0};
    int posted = 0, done = 0, refusals = 0;
    while (done < CALLS) {
        if (posted < CALLS) {
            const int place = posted % (LIMIT + 1), type = type_of((uint64_t)posted), operation = operation_of((uint64_t)posted);
            for (int element = 0; element < ELEMENTS; element++) put_value(inputs[place], type, operation, self->rank, posted, element);
            void *request = (void *)0x5a5a;
            OK(self->collnet->iallreduce(made.comm, inputs[place], outputs[place], ELEMENTS, type, operation, NULL, NULL, &request));
            CHECK(request != (void *)0x5a5a);
            CHECK(!request == (posted - done == LIMIT));
            if (request) {
                requests[place] = request;
                posted++;
                continue;
            }
            if (++refusals % 10) continue;
        }
        const int place = done % (LIMIT + 1);
        int ready = 0, size = 0;
        while (!ready) OK(self->collnet->test(requests[place], &ready, &size));
        for (int element = 0; element < ELEMENTS; element++)
            check_value(outputs[place], type_of((uint64_t)done), operation_of((uint64_t)done), self->ranks, done, element);
        done++;
    }
    CHECK(refusals == 10 * (CALLS - LIMIT));
    OK(self->collnet->closeColl(made.comm));
    return 0;
}

int scenario_collnet_full(int argc, char **argv) {
    if (argc != 1) FAIL("collnet-full needs an argument");
    return run_ranks(atoi(argv[0]), full_rank);
}

// MARK: Death

static int doomed_rank(process *self) {
    load(self);
    group made = join_group(self, 0);
    OK(made.code);
    enum { COUNT = 65536 };
    float *memory = calloc(2 * STEPS, COUNT * sizeof *memory);
    void *requests[STEPS] = {0};
    barrier(self);
    result code = SUCCESS;
    for (int call = 0; code == SUCCESS; call++) {
        const int slot = call % STEPS;
        int done = 0, size = 0;
        while (requests[slot] && !done && code == SUCCESS) code = self->collnet->test(requests[slot], &done, &size);
        if (done) requests[slot] = NULL;
        if (code == SUCCESS)
            code = self->collnet->iallreduce(made.comm, memory + slot * COUNT, memory + (STEPS + slot) * COUNT, COUNT, TYPE_F32, OP_SUM, NULL, NULL, &requests[slot]);
    }
    atomic_store(&self->shared->failed_at[self->rank], now_ns());
    if (code != REMOTE_ERROR) FAIL("rank %d: the plugin answers %d after a peer's death", self->rank, code);
    // The same from every lane: what is not done is an error at once, and nothing more is taken.
    for (int slot = 0; slot < STEPS; slot++) {
        int done = 0, size = 0;
        if (!requests[slot]) continue;
        const result answer = self->collnet->test(requests[slot], &done, &size);
        CHECK(done ? answer == SUCCESS : answer == REMOTE_ERROR);
    }
    void *more = NULL;
    CHECK(self->collnet->iallreduce(made.comm, memory, memory, 8, TYPE_F32, OP_SUM, NULL, NULL, &more) == REMOTE_ERROR);
    OK(self->collnet->closeColl(made.comm));
    free(memory);
    return 0;
}

int scenario_collnet_kill(int argc, char **argv) {
    if (argc != 2) FAIL("collnet-kill needs 2 arguments");
    const int ranks = atoi(argv[0]);
    uint64_t state = strtoull(argv[1], NULL, 10);
    pid_t ids[MOST_RANKS];
    bootstrap *shared = make_bootstrap();
    start_ranks(shared, ranks, doomed_rank, ids);
    const int victim = (int)(next_random(&state) % (uint64_t)ranks);
    while (atomic_load(&shared->arrived[0]) < ranks) nap_us(100);
    nap_us((int)(next_random(&state) % 50000));
    kill(ids[victim], SIGKILL);
    const long long killed_at = now_ns();
    const int bad = wait_ranks(ranks, ids, victim);
    return bad + late_errors(shared, ranks, victim, killed_at);
}

// MARK: All or none

static int refused_rank(process *self) {
    load(self);
    if (strcmp(kind, "listen") == 0 && self->rank == self->ranks / 2) setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0});
    group made = join_group(self, 0);
    if (made.code == SUCCESS || made.comm != NULL) FAIL("rank %d has joined a group that others could not", self->rank);
    return 0;
}

int scenario_collnet_refused(int argc, char **argv) {
    if (argc != 2) FAIL("collnet-refused needs 2 arguments");
    const int ranks = atoi(argv[0]);
    kind = argv[1];
    pid_t ids[MOST_RANKS];
    start_ranks(make_bootstrap(), ranks, refused_rank, ids);
    return wait_ranks(ranks, ids, strcmp(kind, "death") == 0 ? ranks - 1 : -1);
}

// MARK: Closing in the middle

// One rank leaves while calls are under way, and its memory is its own again; the others learn it by asking.
static int closing_rank(process *self) {
    enum { BYTES = 1 << 20, ROUNDS = 8 };
    load(self);
    char *memory = calloc(2 * STEPS, BYTES);
    CHECK(memory);
    uint64_t state = seed;
    for (int round = 0; round < ROUNDS; round++) {
        group made = join_group(self, round);
        OK(made.code);
        // A rank that leaves at once would fail those that still join.
        barrier(self);
        const bool leaves = self->rank == (int)(next_random(&state) % (uint64_t)self->ranks);
        const int calls_before = (int)(next_random(&state) % (2 * STEPS));
        void *requests[STEPS] = {0};
        result code = SUCCESS;
        for (int call = 0; code == SUCCESS && !(leaves && call == calls_before); call++) {
            const int slot = call % STEPS;
            int done = 0, size = 0;
            while (requests[slot] && !done && code == SUCCESS) code = self->collnet->test(requests[slot], &done, &size);
            if (code == SUCCESS)
                code = self->collnet->iallreduce(made.comm, memory + slot * BYTES, memory + (STEPS + slot) * BYTES, BYTES / 4, TYPE_F32, OP_SUM, NULL, NULL, &requests[slot]);
        }
        if (leaves) {
            OK(code);
            OK(self->collnet->closeColl(made.comm));
            memset(memory, round + 1, 2 * STEPS * (size_t)BYTES);
            nap_us(2000);
            for (size_t byte = 0; byte < 2 * STEPS * (size_t)BYTES; byte++) CHECK(memory[byte] == (char)(round + 1));
        } else {
            CHECK(code == REMOTE_ERROR);
            OK(self->collnet->closeColl(made.comm));
        }
    }
    free(memory);
    return 0;
}

int scenario_collnet_close(int argc, char **argv) {
    if (argc != 2) FAIL("collnet-close needs 2 arguments");
    seed = strtoull(argv[1], NULL, 10);
    return run_ranks(atoi(argv[0]), closing_rank);
}

// MARK: Doing nothing

// A group that nobody asks for anything costs no processor time.
static int idle_rank(process *self) {
    load(self);
    group made = join_group(self, 0);
    OK(made.code);
    enum { BYTES = 1 << 20 };
    static char memory[2 * BYTES];
    for (int call = 0; call < 2; call++) {
        void *request = NULL;
        int done = 0, size = 0;
        OK(self->collnet->iallreduce(made.comm, memory, memory + BYTES, BYTES / 4, TYPE_F32, OP_SUM, NULL, NULL, &request));
        while (!done) {
            OK(self->collnet->test(request, &done, &size));
            sched_yield();
        }
        CHECK(size == BYTES);
        if (call == 1) break;  // they have slept, and have been woken
        idle_for_a_second(self);
    }
    OK(self->collnet->closeColl(made.comm));
    return 0;
}

int scenario_collnet_idle(int argc, char **argv) {
    (void)argc, (void)argv;
    return run_idle_ranks(idle_rank);
}

// MARK: Bandwidth

static size_t bench_bytes;
static int bench_repeats;

static int later(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Eight calls under way, as NCCL's progress thread has them.
static int bench_rank(process *self) {
    load(self);
    group made = join_group(self, 0);
    OK(made.code);
    char *memory = NULL;
    CHECK(posix_memalign((void **)&memory, 4096, 2 * STEPS * bench_bytes) == 0);
    memset(memory, 0, 2 * STEPS * bench_bytes);
    double *times = calloc((size_t)bench_repeats, sizeof *times);
    CHECK(times);
    // The first one is a rehearsal.
    for (int repeat = -1; repeat < bench_repeats; repeat++) {
        const long long start = now_ns();
        void *requests[STEPS] = {0};
        int posted = 0, done = 0;
        while (done < calls) {
            bool idle = true;
            if (posted < calls && posted - done < STEPS) {
                char *input = memory + (size_t)(posted % STEPS) * bench_bytes;
                OK(self->collnet->iallreduce(made.comm, input, input + STEPS * bench_bytes, (int)(bench_bytes / 4), TYPE_F32, OP_SUM, NULL, NULL, &requests[posted % STEPS]));
                if (requests[posted % STEPS]) posted++, idle = false;
            }
            if (done < posted) {
                int ready = 0, size = 0;
                OK(self->collnet->test(requests[done % STEPS], &ready, &size));
                if (ready) done++, idle = false;
            }
            if (idle) sched_yield();
        }
        if (repeat >= 0) times[repeat] = (double)(now_ns() - start) / 1e6;
    }
    if (self->rank == 0) {
        qsort(times, (size_t)bench_repeats, sizeof *times, later);
        printf("%d calls of %zu bytes: %.2f ms (%.2f-%.2f), %.2f GB/s\n", calls, bench_bytes, times[bench_repeats / 2], times[0],
               times[bench_repeats - 1], (double)calls * (double)bench_bytes / times[bench_repeats / 2] / 1e6);
        fflush(stdout);
    }
    free(times);
    free(memory);
    OK(self->collnet->closeColl(made.comm));
    return 0;
}

int scenario_collnet_bench(int argc, char **argv) {
    if (argc < 3 || argc > 4) FAIL("collnet-bench needs 3 or 4 arguments");
    bench_bytes = strtoull(argv[1], NULL, 10) / 4 * 4;
    calls = atoi(argv[2]);
    bench_repeats = argc > 3 ? atoi(argv[3]) : 9;
    CHECK(bench_bytes > 0 && bench_bytes <= 1 << 30 && calls > 0 && bench_repeats > 0);
    return run_ranks(atoi(argv[0]), bench_rank);
}
