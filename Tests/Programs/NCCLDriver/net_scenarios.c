// Point-to-point traffic that goes well, and processes that die in it.
#include "driver.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static traffic plan;
static channel_set set;

typedef struct {
    process *self;
    result code;
} progress_thread;

static void *run_progress(void *argument) {
    progress_thread *thread = argument;
    thread->code = progress_all(thread->self, &set);
    return NULL;
}

// Posts on every connection until the plugin takes no more, and then again and again: it says so each time. Nobody has
// asked whether anything is done, so it can't be otherwise, whatever the peers have moved meanwhile.
static void post_too_much(process *self) {
    for (int i = 0; i < set.count; i++) {
        stream *one = &set.streams[i];
        while (one->refusals < 100) OK(post(self, one));
        CHECK(one->posted == REQUESTS_PER_COMM);
    }
    barrier(self);
}

// Opens on this thread and moves on another, as NCCL does.
static result exchange(process *self) {
    open_channels(self, &plan, &set);
    if (plan.depth > REQUESTS_PER_COMM) post_too_much(self);
    progress_thread thread = {.self = self};
    pthread_t id;
    CHECK(pthread_create(&id, NULL, run_progress, &thread) == 0);
    pthread_join(id, NULL);
    return thread.code;
}

static int traffic_rank(process *self) {
    load(self);
    const result code = exchange(self);
    if (code) FAIL("rank %d: the plugin answers %d", self->rank, code);
    for (int i = 0; i < set.count; i++) atomic_fetch_add(&self->shared->messages, set.streams[i].done);
    close_channels(self, &set);
    return 0;
}

int scenario_traffic(int argc, char **argv) {
    if (argc != 7) FAIL("traffic needs 7 arguments");
    const int ranks = atoi(argv[0]);
    plan = (traffic){.channels = atoi(argv[1]), .messages = atoi(argv[2]), .most_bytes = (size_t)atoll(argv[3]),
                     .seed = strtoull(argv[4], NULL, 10) * 1000003, .depth = atoi(argv[5]),
                     .both_ways = strcmp(argv[6], "both") == 0, .to_everybody = strcmp(argv[6], "all") == 0};
    CHECK(plan.channels >= 1 && plan.channels <= MOST_CHANNELS && plan.depth >= 1 && plan.depth <= MOST_DEPTH);
    pid_t ids[MOST_RANKS];
    bootstrap *shared = make_bootstrap();
    start_ranks(shared, ranks, traffic_rank, ids);
    const int bad = wait_ranks(ranks, ids, -1);
    printf("%lld messages\n", (long long)shared->messages);
    return bad;
}

// MARK: Death

static int doomed_rank(process *self) {
    load(self);
    open_channels(self, &plan, &set);
    barrier(self);
    const result code = progress_all(self, &set);
    atomic_store(&self->shared->failed_at[self->rank], now_ns());
    if (code != REMOTE_ERROR) FAIL("rank %d: the plugin answers %d after a peer's death", self->rank, code);
    // What comes after the error is the same error, and closing works.
    CHECK(progress_all(self, &set) == REMOTE_ERROR);
    close_channels(self, &set);
    return 0;
}

int scenario_kill(int argc, char **argv) {
    if (argc != 2) FAIL("kill needs 2 arguments");
    const int ranks = atoi(argv[0]);
    uint64_t state = strtoull(argv[1], NULL, 10);
    plan = (traffic){.channels = 1 + (int)(next_random(&state) % 4), .messages = 1 << 30, .most_bytes = 4096ULL << next_random(&state) % 9,
                     .seed = next_random(&state), .depth = STEPS, .both_ways = next_random(&state) % 2};
    pid_t ids[MOST_RANKS];
    bootstrap *shared = make_bootstrap();
    start_ranks(shared, ranks, doomed_rank, ids);
    const int victim = (int)(next_random(&state) % (uint64_t)ranks);
    while (atomic_load(&shared->arrived[0]) < ranks) nap_us(100);
    nap_us((int)(next_random(&state) % 100000));
    kill(ids[victim], SIGKILL);
    const long long killed_at = now_ns();
    const int bad = wait_ranks(ranks, ids, victim);
    return bad + late_errors(shared, ranks, victim, killed_at);
}

// MARK: Loading again

static int times;

static int reload_rank(process *self) {
    for (int time = 0; time < times; time++) {
        load(self);
        // The handles of the last time are in the boxes.
        barrier(self);
        if (self->rank == 0)
            for (int box = 0; box < BOX_COUNT; box++) atomic_store(&self->shared->full[box], 0);
        barrier(self);
        const result code = exchange(self);
        if (code) FAIL("rank %d: the plugin answers %d", self->rank, code);
        close_channels(self, &set);
        unload(self);
    }
    return 0;
}

int scenario_reload(int argc, char **argv) {
    if (argc != 1) FAIL("reload needs an argument");
    times = atoi(argv[0]);
    plan = (traffic){.channels = 2, .messages = 50, .most_bytes = 300000, .seed = 5, .depth = STEPS, .both_ways = true};
    return run_ranks(2, reload_rank);
}

// MARK: Listeners that are killed

static int listening_rank(process *self) {
    load(self);
    unsigned char handle[HANDLE_BYTES];
    void *listener = NULL;
    OK(self->net->listen(0, handle, &listener));
    post_handle(self, 0, handle);
    for (;;) nap_us(1000000);
}

static int seconds;

// Connects to a dead listener; another one is swept when a process starts.
static int late_rank(process *self) {
    unsigned char handle[HANDLE_BYTES];
    take_handle(self, 0, handle);
    void *sender = (void *)1;
    load(self);
    CHECK(self->net->connect(0, handle, &sender, NULL) == REMOTE_ERROR && sender == NULL);
    return 0;
}

static int sweeping_rank(process *self) {
    load(self);
    return 0;
}

int scenario_listeners(int argc, char **argv) {
    if (argc != 1) FAIL("listeners needs an argument");
    seconds = atoi(argv[0]);
    pid_t listener, other;
    for (int round = 0; round < 2; round++) {
        bootstrap *shared = make_bootstrap();
        start_ranks(shared, 1, listening_rank, &listener);
        while (!atomic_load(&shared->full[0])) nap_us(1000);
        kill(listener, SIGKILL);
        wait_ranks(1, &listener, 0);
        if (round == 1) nap_us(seconds * 1000000);
        start_ranks(shared, 1, round == 0 ? late_rank : sweeping_rank, &other);
        if (wait_ranks(1, &other, -1)) return 1;
    }
    return 0;
}
