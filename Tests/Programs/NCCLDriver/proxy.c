// NCCL's service and progress threads, as far as the plugin sees them.
#include "driver.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

// Sizes of all kinds: none, a word, a few lines, up to the most.
size_t message_bytes(uint64_t seed, int message, size_t most) {
    uint64_t state = seed + (uint64_t)message * 0x1234567;
    const uint64_t kind = next_random(&state) % 8;
    const size_t value = next_random(&state);
    size_t bytes;
    switch (kind) {
    case 0: bytes = 0; break;
    case 1: bytes = 8; break;
    case 2: bytes = value % 49; break;
    case 3: bytes = value % 4097; break;
    case 4: bytes = 16 * (value % 4097); break;
    case 5: bytes = most; break;
    default: bytes = value % (most + 1); break;
    }
    return bytes < most ? bytes : most;
}

void fill(void *memory, size_t bytes, uint64_t seed) {
    char *target = memory;
    uint64_t value = seed * 0x9e3779b97f4a7c15 + 1;
    for (; bytes >= 8; bytes -= 8, target += 8, value += 0x9e3779b97f4a7c15) memcpy(target, &value, 8);
    memcpy(target, &value, bytes);
}

bool holds(const void *memory, size_t bytes, uint64_t seed) {
    const char *source = memory;
    uint64_t value = seed * 0x9e3779b97f4a7c15 + 1;
    for (; bytes >= 8; bytes -= 8, source += 8, value += 0x9e3779b97f4a7c15)
        if (memcmp(source, &value, 8) != 0) return false;
    return memcmp(source, &value, bytes) == 0;
}

// MARK: The service thread

typedef struct {
    void *listener;
    unsigned char peer[HANDLE_BYTES];
    int box, peer_box, tag, peer_tag;
    void *sender, *receiver;
    uint64_t send_seed, receive_seed;
} pair;

static void add_stream(channel_set *set, process *self, const traffic *plan, void *comm, bool sends, uint64_t seed, int tag) {
    stream *one = &set->streams[set->count++];
    *one = (stream){.comm = comm, .sends = sends, .seed = seed, .messages = plan->messages, .depth = plan->depth, .tag = tag};
    // Receives have more room than messages have bytes.
    one->room = (plan->most_bytes + 64 + 15) / 16 * 16;
    CHECK(posix_memalign((void **)&one->buffers, 4096, one->room * (size_t)plan->depth) == 0);
    memset(one->buffers, 0xee, one->room * (size_t)plan->depth);
    one->optional_completion = set->count % 2;
    OK(self->net->regMr(comm, one->buffers, one->room * (size_t)plan->depth, POINTER_HOST, &one->registration));
    CHECK(self->net->regMr(comm, one->buffers, one->room, POINTER_CUDA, &one->registration) == INTERNAL_ERROR);
}

static int box_of(int rank, int place) { return rank * 2 * MOST_CHANNELS + place; }

void open_channels(process *self, const traffic *plan, channel_set *set) {
    static pair pairs[2 * MOST_CHANNELS + MOST_RANKS];
    int count = 0;
    memset(set, 0, sizeof *set);
    const int n = self->ranks, me = self->rank;
    // Place p of a rank is what it listens on for a certain peer.
    if (plan->to_everybody) {
        CHECK(n <= 2 * MOST_CHANNELS || n <= MOST_RANKS);
        for (int other = 0; other < n; other++) {
            if (other == me) continue;
            pairs[count++] = (pair){.box = me * n + other, .peer_box = other * n + me, .tag = me, .peer_tag = other,
                                    .send_seed = plan->seed + (uint64_t)(me * n + other), .receive_seed = plan->seed + (uint64_t)(other * n + me)};
        }
    } else {
        for (int channel = 0; channel < plan->channels; channel++)
            for (int way = 0; way < (plan->both_ways ? 2 : 1); way++) {
                const int place = 2 * channel + way, step = way ? n - 1 : 1;
                pairs[count++] = (pair){
                    .box = box_of(me, place), .peer_box = box_of((me + step) % n, place),
                    .tag = me, .peer_tag = (me + n - step) % n,
                    .send_seed = plan->seed + (uint64_t)box_of(me, place),
                    .receive_seed = plan->seed + (uint64_t)box_of((me + n - step) % n, place)};
            }
    }

    for (int i = 0; i < count; i++) {
        unsigned char handle[HANDLE_BYTES];
        memset(handle, 0, sizeof handle);
        OK(self->net->listen(0, handle, &pairs[i].listener));
        CHECK(pairs[i].listener);
        // Nobody knows the handle: it says each time that nobody has connected, and does not wait.
        for (int again = 0; again < 100; again++) {
            void *early = (void *)1;
            OK(self->net->accept(pairs[i].listener, &early, NULL));
            CHECK(early == NULL);
        }
        post_handle(self, pairs[i].box, handle);
    }
    if (me == 0) nap_us(20000);
    for (int i = 0; i < count; i++) take_handle(self, pairs[i].peer_box, pairs[i].peer);

    for (int open = 2 * count; open > 0;) {
        for (int i = 0; i < count; i++) {
            if (!pairs[i].sender) {
                OK(self->net->connect(0, pairs[i].peer, &pairs[i].sender, NULL));
                if (pairs[i].sender) open--;
            }
            if (!pairs[i].receiver) {
                OK(self->net->accept(pairs[i].listener, &pairs[i].receiver, NULL));
                if (pairs[i].receiver) {
                    open--;
                    OK(self->net->closeListen(pairs[i].listener));
                }
            }
        }
        sched_yield();
    }
    for (int i = 0; i < count; i++) {
        add_stream(set, self, plan, pairs[i].sender, true, pairs[i].send_seed, pairs[i].tag);
        add_stream(set, self, plan, pairs[i].receiver, false, pairs[i].receive_seed, pairs[i].peer_tag);
    }
}

void close_channels(process *self, channel_set *set) {
    for (int i = 0; i < set->count; i++) {
        stream *one = &set->streams[i];
        OK(self->net->deregMr(one->comm, one->registration));
        OK(one->sends ? self->net->closeSend(one->comm) : self->net->closeRecv(one->comm));
        free(one->buffers);
    }
}

// MARK: The progress thread

result post(process *self, stream *one) {
    const int slot = one->posted % one->depth;
    char *place = one->buffers + one->room * (size_t)slot;
    const size_t bytes = message_bytes(one->seed, one->posted, one->room - 64);
    void *request = (void *)0x5a5a;
    if (one->sends) {
        fill(place, bytes, one->seed + (uint64_t)one->posted);
        const result code = self->net->isend(one->comm, place, (int)bytes, one->tag, one->registration, &request);
        if (code) return code;
    } else {
        memset(place, 0xee, one->room < 256 ? one->room : 256);
        if (one->optional_completion) request = (void *)1;
        void *places[1] = {place}, *registrations[1] = {one->registration};
        int sizes[1] = {(int)one->room}, tags[1] = {one->tag};
        const result code = self->net->irecv(one->comm, 1, places, sizes, tags, registrations, &request);
        if (code) return code;
    }
    CHECK(request != (void *)0x5a5a && request != (void *)1);
    if (!request) {
        one->refusals++;
        return SUCCESS;
    }
    one->requests[slot] = request;
    one->sizes[slot] = (int)bytes;
    one->posted++;
    return SUCCESS;
}

result progress(process *self, stream *one) {
    if (one->posted < one->messages && one->posted - one->done < one->depth) {
        const result code = post(self, one);
        if (code) return code;
    }
    if (one->done == one->posted) return SUCCESS;
    // NCCL asks for the oldest only, and never again once it is done.
    const int slot = one->done % one->depth;
    int done = -1, size = -1;
    const result code = self->net->test(one->requests[slot], &done, &size);
    if (code) return code;
    CHECK(done == 0 || done == 1);
    if (!done) return SUCCESS;
    one->requests[slot] = NULL;
    if (size != one->sizes[slot]) FAIL("message %d has %d bytes, not %d", one->done, size, one->sizes[slot]);
    if (!one->sends) {
        const char *place = one->buffers + one->room * (size_t)slot;
        if (!holds(place, (size_t)size, one->seed + (uint64_t)one->done)) FAIL("message %d of %d bytes is wrong", one->done, size);
        for (int byte = 0; byte < 16 && (size_t)(size + byte) < 256; byte++)
            CHECK((unsigned char)place[size + byte] == 0xee);  // nothing behind the message
    }
    one->done++;
    return SUCCESS;
}

result progress_all(process *self, channel_set *set) {
    for (bool open = true; open;) {
        open = false;
        bool idle = true;
        for (int i = 0; i < set->count; i++) {
            stream *one = &set->streams[i];
            const int before = one->done + one->posted;
            const result code = progress(self, one);
            if (code) return code;
            if (one->done + one->posted != before) idle = false;
            if (one->done < one->messages) open = true;
        }
        if (idle) sched_yield();
    }
    return SUCCESS;
}
