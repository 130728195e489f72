// What NCCL does seldom, or should not do.
#include "driver.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char *kind;
static int count;

// One connection from rank 0 to rank 1; the comm of this rank's side.
static void *connect_two(process *self, int box) {
    unsigned char handle[HANDLE_BYTES];
    void *listener = NULL, *comm = NULL;
    if (self->rank == 1) {
        OK(self->net->listen(0, handle, &listener));
        post_handle(self, box, handle);
        while (!comm) OK(self->net->accept(listener, &comm, NULL));
        OK(self->net->closeListen(listener));
    } else {
        take_handle(self, box, handle);
        while (!comm) OK(self->net->connect(0, handle, &comm, NULL));
    }
    return comm;
}

static void *receive(process *self, void *comm, void *place, int size, int tag) {
    void *request = NULL, *places[1] = {place}, *registrations[1] = {NULL};
    int sizes[1] = {size}, tags[1] = {tag};
    OK(self->net->irecv(comm, 1, places, sizes, tags, registrations, &request));
    return request;
}

static void *send(process *self, void *comm, void *place, int size, int tag) {
    void *request = NULL;
    OK(self->net->isend(comm, place, size, tag, NULL, &request));
    return request;
}

static result wait_for(process *self, void *request, int *size) {
    for (;;) {
        int done = 0;
        const result code = self->net->test(request, &done, size);
        if (code || done) return code;
    }
}

static int close_comm(process *self, void *comm) {
    OK(self->rank == 1 ? self->net->closeRecv(comm) : self->net->closeSend(comm));
    return 0;
}

// MARK: Lines that a GPU polls

typedef struct {
    volatile uint64_t *lines;
    int words, message;
} watch;

static uint64_t line_word(int message, int word) {
    return (uint64_t)(message + 1) << 32 | (uint32_t)((unsigned)message * 2654435761u + (unsigned)word * 40503u);
}

// Plays the GPU: a word whose flag (the upper half) is new must have the new data, and never change again.
static void *poll_lines(void *argument) {
    const watch *task = argument;
    for (int word = 0; word < task->words; word++) {
        uint64_t value;
        do value = task->lines[word];
        while (value >> 32 != (uint64_t)(task->message + 1));
        if (value != line_word(task->message, word))
            FAIL("message %d, word %d is %llx", task->message, word, (unsigned long long)value);
    }
    for (int again = 0; again < 3; again++)
        for (int word = 0; word < task->words; word++)
            if (task->lines[word] != line_word(task->message, word)) FAIL("message %d, word %d has changed", task->message, word);
    return NULL;
}

static int lines_rank(process *self) {
    enum { WORDS = 8192 };
    load(self);
    void *comm = connect_two(self, 0);
    uint64_t *memory = NULL, state = 9;
    CHECK(posix_memalign((void **)&memory, 4096, STEPS * WORDS * 8) == 0);
    memset(memory, 0, STEPS * WORDS * 8);
    for (int message = 0; message < count; message++) {
        const int words = 2 * (1 + (int)(next_random(&state) % (WORDS / 2)));
        uint64_t *place = memory + message % STEPS * WORDS;
        int size = 0;
        if (self->rank == 0) {
            for (int word = 0; word < words; word++) place[word] = line_word(message, word);
            OK(wait_for(self, send(self, comm, place, words * 8, 0), &size));
        } else {
            pthread_t gpu;
            watch task = {place, words, message};
            CHECK(pthread_create(&gpu, NULL, poll_lines, &task) == 0);
            OK(wait_for(self, receive(self, comm, place, WORDS * 8, 0), &size));
            pthread_join(gpu, NULL);
        }
        CHECK(size == words * 8);
    }
    barrier(self);
    return close_comm(self, comm);
}

int scenario_lines(int argc, char **argv) {
    if (argc != 1) FAIL("lines needs an argument");
    count = atoi(argv[0]);
    return run_ranks(2, lines_rank);
}

// MARK: What does not fit

static int mismatch_rank(process *self) {
    load(self);
    char memory[256] = {0};
    int size = 0;
    void *comm = connect_two(self, 0);
    if (strcmp(kind, "tag") == 0 || strcmp(kind, "size") == 0) {
        const bool tag = strcmp(kind, "tag") == 0;
        if (self->rank == 0) {
            OK(wait_for(self, send(self, comm, memory, 100, 7), &size));
        } else {
            memset(memory, 3, sizeof memory);
            void *bad = receive(self, comm, memory, tag ? 200 : 99, tag ? 8 : 7);
            CHECK(wait_for(self, bad, &size) == INVALID_USAGE);
            for (int byte = 0; byte < 256; byte++) CHECK(memory[byte] == 3);
            // For good: nothing is received in the wrong place later.
            void *request = NULL, *places[1] = {memory};
            int sizes[1] = {200}, tags[1] = {7};
            CHECK(self->net->irecv(comm, 1, places, sizes, tags, places, &request) == INVALID_USAGE && !request);
        }
    } else if (strcmp(kind, "group") == 0) {
        void *request = NULL, *places[2] = {memory, memory};
        int sizes[2] = {8, 8}, tags[2] = {1, 2};
        if (self->rank == 1) CHECK(self->net->irecv(comm, 2, places, sizes, tags, places, &request) == INVALID_ARGUMENT);
        if (self->rank == 0) CHECK(self->net->isend(comm, memory, -1, 0, NULL, &request) == INVALID_ARGUMENT);
        CHECK(!request);
    } else if (strcmp(kind, "handle") == 0) {
        unsigned char handle[HANDLE_BYTES] = {0};
        void *sender = NULL;
        CHECK(self->net->connect(0, handle, &sender, NULL) == INVALID_ARGUMENT && !sender);
        memset(handle, 'a', sizeof handle);
        CHECK(self->net->connect(0, handle, &sender, NULL) == INVALID_ARGUMENT && !sender);
        CHECK(self->net->test(NULL, &size, &size) == INVALID_ARGUMENT);
        CHECK(self->net->closeSend(NULL) == INVALID_ARGUMENT);
    } else {
        // A handle that was used: its name is gone.
        unsigned char handle[HANDLE_BYTES];
        void *sender = NULL;
        take_handle(self, 0, handle);
        CHECK(self->net->connect(0, handle, &sender, NULL) == REMOTE_ERROR && !sender);
    }
    barrier(self);
    return close_comm(self, comm);
}

int scenario_mismatch(int argc, char **argv) {
    if (argc != 1) FAIL("mismatch needs an argument");
    kind = argv[0];
    return run_ranks(2, mismatch_rank);
}

// MARK: Closing in the middle

static int pending_rank(process *self) {
    enum { BYTES = 4 << 20, ROUNDS = 8 };
    load(self);
    char *memory = malloc(STEPS * (size_t)BYTES);
    CHECK(memory);
    for (int round = 0; round < ROUNDS; round++) {
        void *comm = connect_two(self, round);
        if (self->rank == 1)
            for (int step = 0; step < STEPS; step++) receive(self, comm, memory + step * (size_t)BYTES, BYTES, 0);
        else
            for (int step = 0; step < STEPS; step++) send(self, comm, memory + step * (size_t)BYTES, BYTES, 0);
        nap_us(round * 500);
        if (round % 2 == self->rank) {
            // One side closes at once, and its memory is its own again; the other one learns it by asking.
            close_comm(self, comm);
            memset(memory, round, STEPS * (size_t)BYTES);
            nap_us(1000);
            CHECK(memory[0] == (char)round && memcmp(memory, memory + 1, STEPS * (size_t)BYTES - 1) == 0);
        } else {
            result code = SUCCESS;
            void *request = NULL, *places[1] = {memory};
            int sizes[1] = {BYTES}, tags[1] = {0};
            while (code == SUCCESS) {
                code = self->rank == 1 ? self->net->irecv(comm, 1, places, sizes, tags, places, &request)
                                       : self->net->isend(comm, memory, BYTES, 0, NULL, &request);
                int done = 0, size = 0;
                // All eight are in use, and more come until 32.
                if (code == SUCCESS && request) code = self->net->test(request, &done, &size);
                while (code == SUCCESS && request && !done) code = self->net->test(request, &done, &size);
            }
            CHECK(code == REMOTE_ERROR);
            close_comm(self, comm);
        }
    }
    free(memory);
    return 0;
}

int scenario_pending(int argc, char **argv) {
    (void)argc, (void)argv;
    return run_ranks(2, pending_rank);
}

// MARK: Doing nothing

// Open connections and open receives that nobody asks for cost no processor time.
static int idle_rank(process *self) {
    load(self);
    void *comm = connect_two(self, 0);
    static char memory[1 << 20];
    void *request = NULL;
    int size = 0;
    // The workers have been awake.
    request = self->rank ? receive(self, comm, memory, sizeof memory, 0) : send(self, comm, memory, sizeof memory, 0);
    OK(wait_for(self, request, &size));
    if (self->rank == 1) request = receive(self, comm, memory, sizeof memory, 0);
    idle_for_a_second(self);
    if (self->rank == 0) request = send(self, comm, memory, sizeof memory, 0);
    OK(wait_for(self, request, &size));
    return close_comm(self, comm);
}

int scenario_idle(int argc, char **argv) {
    (void)argc, (void)argv;
    return run_idle_ranks(idle_rank);
}

// MARK: Settings that are not allowed

int scenario_refused(int argc, char **argv) {
    (void)argc, (void)argv;
    process self = {.ranks = 1};
    unsigned char handle[HANDLE_BYTES];
    void *listener = NULL;
    // Each time, for NET and for CollNet, and nothing else works.
    CHECK(start_plugin(&self) == INVALID_ARGUMENT && self.collnet->init(NULL) == INVALID_ARGUMENT);
    CHECK(self.net->listen(0, handle, &listener) == INVALID_ARGUMENT && !listener);
    CHECK(self.collnet->listen(0, handle, &listener) == INVALID_ARGUMENT && !listener);
    return 0;
}
