// Latency and bandwidth of one connection: the plugin, the same pattern over loopback TCP, and plain copies through
// shared memory, by turns in one run.
#include "driver.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_BYTES = 16 << 20, MOST_REPEATS = 51 };

// A way to move messages, as NCCL's progress thread uses one: hand over, then ask.
typedef struct {
    const char *name;
    void (*open)(process *);
    // Each starts one more message; done() says how many of them are over.
    void (*send)(process *, char *, int);
    void (*receive)(process *, char *, int);
    int (*sent)(process *);
    int (*received)(process *);
} way;

// MARK: The plugin

static void *send_comm, *receive_comm, *send_requests[STEPS], *receive_requests[STEPS];
static int sends, sends_done, receives, receives_done;

static void open_plugin(process *self) {
    unsigned char handle[HANDLE_BYTES];
    void *listener = NULL;
    load(self);
    OK(self->net->listen(0, handle, &listener));
    post_handle(self, self->rank, handle);
    take_handle(self, 1 - self->rank, handle);
    while (!send_comm) OK(self->net->connect(0, handle, &send_comm, NULL));
    while (!receive_comm) OK(self->net->accept(listener, &receive_comm, NULL));
    OK(self->net->closeListen(listener));
}

static void send_plugin(process *self, char *place, int bytes) {
    OK(self->net->isend(send_comm, place, bytes, 0, NULL, &send_requests[sends % STEPS]));
    CHECK(send_requests[sends++ % STEPS]);
}

static void receive_plugin(process *self, char *place, int bytes) {
    void *places[1] = {place}, *registrations[1] = {NULL};
    int sizes[1] = {bytes}, tags[1] = {0};
    OK(self->net->irecv(receive_comm, 1, places, sizes, tags, registrations, &receive_requests[receives % STEPS]));
    CHECK(receive_requests[receives++ % STEPS]);
}

static int sent_plugin(process *self) {
    int done = 0, size = 0;
    if (sends_done < sends) OK(self->net->test(send_requests[sends_done % STEPS], &done, &size));
    return sends_done += done;
}

static int received_plugin(process *self) {
    int done = 0, size = 0;
    if (receives_done < receives) OK(self->net->test(receive_requests[receives_done % STEPS], &done, &size));
    return receives_done += done;
}

// MARK: TCP: a size, then the bytes, as NCCL's socket transport does

typedef struct {
    char *place;
    uint32_t size, moved, header, header_moved;
} tcp_message;
static int tcp;
static tcp_message tcp_sends[STEPS], tcp_receives[STEPS];
static int tcp_sent, tcp_sends_done, tcp_posted, tcp_received;

static void open_tcp(process *self) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    const int one = 1, number = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(number >= 0);
    unsigned char box[HANDLE_BYTES] = {0};
    if (self->rank == 0) {
        CHECK(bind(number, (struct sockaddr *)&address, sizeof address) == 0 && listen(number, 1) == 0);
        CHECK(getsockname(number, (struct sockaddr *)&address, &length) == 0);
        memcpy(box, &address, sizeof address);
        post_handle(self, 10, box);
        tcp = accept(number, NULL, NULL);
        CHECK(tcp >= 0);
        close(number);
    } else {
        take_handle(self, 10, box);
        memcpy(&address, box, sizeof address);
        CHECK(connect(number, (struct sockaddr *)&address, sizeof address) == 0);
        tcp = number;
    }
    setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void send_tcp(process *self, char *place, int bytes) {
    (void)self;
    tcp_sends[tcp_sent++ % STEPS] = (tcp_message){.place = place, .size = (uint32_t)bytes, .header = (uint32_t)bytes};
}

static void receive_tcp(process *self, char *place, int bytes) {
    (void)self, (void)bytes;
    tcp_receives[tcp_posted++ % STEPS] = (tcp_message){.place = place};
}

static bool step_tcp(char *place, uint32_t *moved, uint32_t size, bool sending) {
    if (*moved == size) return true;
    const ssize_t count = sending ? send(tcp, place + *moved, size - *moved, MSG_DONTWAIT | MSG_NOSIGNAL)
                                  : recv(tcp, place + *moved, size - *moved, MSG_DONTWAIT);
    if (count < 0) CHECK(errno == EAGAIN || errno == EWOULDBLOCK);
    if (count > 0) *moved += (uint32_t)count;
    return *moved == size;
}

static int sent_tcp(process *self) {
    (void)self;
    tcp_message *one = &tcp_sends[tcp_sends_done % STEPS];
    if (tcp_sends_done < tcp_sent && step_tcp((char *)&one->header, &one->header_moved, 4, true) && step_tcp(one->place, &one->moved, one->size, true))
        tcp_sends_done++;
    return tcp_sends_done;
}

static int received_tcp(process *self) {
    (void)self;
    tcp_message *one = &tcp_receives[tcp_received % STEPS];
    if (tcp_received < tcp_posted && step_tcp((char *)&one->header, &one->header_moved, 4, false) && step_tcp(one->place, &one->moved, one->header, false))
        tcp_received++;
    return tcp_received;
}

// MARK: Plain memcpy into shared memory and out of it again, on the thread that asks

typedef struct {
    _Alignas(128) _Atomic int sent;
    _Alignas(128) _Atomic int taken;
    _Alignas(128) char slots[STEPS][MOST_BYTES];
} copies;
static copies *out, *in;
static char *copy_sends[STEPS], *copy_receives[STEPS];
static int copy_sizes[STEPS], copy_posted, copy_sent, copy_room[STEPS], copy_wanted, copy_received;

static void open_copies(process *self) { (void)self; }

static void send_copies(process *self, char *place, int bytes) {
    (void)self;
    copy_sends[copy_posted % STEPS] = place;
    copy_sizes[copy_posted++ % STEPS] = bytes;
}

static void receive_copies(process *self, char *place, int bytes) {
    (void)self;
    copy_receives[copy_wanted % STEPS] = place;
    copy_room[copy_wanted++ % STEPS] = bytes;
}

static int sent_copies(process *self) {
    (void)self;
    if (copy_sent < copy_posted && copy_sent - atomic_load_explicit(&out->taken, memory_order_acquire) < STEPS) {
        memcpy(out->slots[copy_sent % STEPS], copy_sends[copy_sent % STEPS], (size_t)copy_sizes[copy_sent % STEPS]);
        atomic_store_explicit(&out->sent, ++copy_sent, memory_order_release);
    }
    return copy_sent;
}

static int received_copies(process *self) {
    (void)self;
    if (copy_received < copy_wanted && atomic_load_explicit(&in->sent, memory_order_acquire) > copy_received) {
        memcpy(copy_receives[copy_received % STEPS], in->slots[copy_received % STEPS], (size_t)copy_room[copy_received % STEPS]);
        atomic_store_explicit(&in->taken, ++copy_received, memory_order_release);
    }
    return copy_received;
}

static const way ways[] = {
    {"FlexMIG", open_plugin, send_plugin, receive_plugin, sent_plugin, received_plugin},
    {"TCP", open_tcp, send_tcp, receive_tcp, sent_tcp, received_tcp},
    {"memcpy", open_copies, send_copies, receive_copies, sent_copies, received_copies},
};
enum { WAYS = 3 };

// MARK: Patterns

static int sent_before[WAYS], received_before[WAYS];
static char *buffers;

// NCCL's progress thread gives the processor away when it has looked at everything for nothing.
static void wait_until(process *self, int (*count)(process *), int wanted) {
    while (count(self) < wanted) sched_yield();
}

// Half a round trip, in nanoseconds.
static double latency(process *self, int w, int bytes, int rounds) {
    const way *one = &ways[w];
    const long long start = now_ns();
    for (int round = 0; round < rounds; round++)
        for (int half = 0; half < 2; half++) {
            if (half == self->rank) {
                one->send(self, buffers, bytes);
                wait_until(self, one->sent, ++sent_before[w]);
            } else {
                one->receive(self, buffers + MOST_BYTES, bytes);
                wait_until(self, one->received, ++received_before[w]);
            }
        }
    return (double)(now_ns() - start) / rounds / 2;
}

// Bytes a nanosecond (GB/s) from rank 0 to rank 1, with eight messages in flight; 0 on rank 0.
static double bandwidth(process *self, int w, int bytes, int messages) {
    const way *one = &ways[w];
    const long long start = now_ns();
    int posted = 0, done = 0, *before = self->rank ? &received_before[w] : &sent_before[w];
    while (done < messages) {
        while (posted < messages && posted - done < STEPS && posted - done < 2 * MOST_BYTES / bytes) {
            char *place = buffers + (size_t)(posted % (2 * MOST_BYTES / bytes < STEPS ? 2 * MOST_BYTES / bytes : STEPS)) * (size_t)bytes;
            self->rank ? one->receive(self, place, bytes) : one->send(self, place, bytes);
            posted++;
        }
        const int now = (self->rank ? one->received(self) : one->sent(self)) - *before;
        if (now == done) sched_yield();
        done = now;
    }
    *before += messages;
    return (double)bytes * messages / (double)(now_ns() - start);
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int repeats = 9;
static const int latency_sizes[] = {8, 64, 1024, 8192, 65536};
static const int bandwidth_sizes[] = {8192, 65536, 131072, 524288, 1 << 20, 4 << 20};

static void measure(process *self, bool is_latency, int bytes) {
    static double values[WAYS][MOST_REPEATS];
    for (int repeat = -1; repeat < repeats; repeat++)
        for (int w = 0; w < WAYS; w++) {
            // The first one is a rehearsal.
            const double value = is_latency ? latency(self, w, bytes, bytes > 8192 ? 300 : 2000)
                                            : bandwidth(self, w, bytes, (64 << 20) / bytes < 4000 ? (64 << 20) / bytes : 4000);
            // Both are here, so that nobody measures the other one's work.
            latency(self, w, 8, 1);
            if (repeat >= 0) values[w][repeat] = value;
        }
    if (self->rank == 0) return;
    printf("%-9s %9d", is_latency ? "latency" : "bandwidth", bytes);
    for (int w = 0; w < WAYS; w++) {
        qsort(values[w], (size_t)repeats, sizeof(double), compare);
        printf("   %8.2f (%.2f-%.2f)", values[w][repeats / 2] / (is_latency ? 1000 : 1), values[w][0] / (is_latency ? 1000 : 1),
               values[w][repeats - 1] / (is_latency ? 1000 : 1));
    }
    const double plugin = values[0][repeats / 2], tcp_ = values[1][repeats / 2];
    printf("   %6.2f x TCP\n", is_latency ? tcp_ / plugin : plugin / tcp_);
    fflush(stdout);
}

static int bench_rank(process *self) {
    out = (copies *)(uintptr_t)self->shared->results[self->rank];
    in = (copies *)(uintptr_t)self->shared->results[1 - self->rank];
    CHECK(posix_memalign((void **)&buffers, 4096, 2 * (size_t)MOST_BYTES) == 0);
    memset(buffers, 1, 2 * (size_t)MOST_BYTES);
    for (int w = 0; w < WAYS; w++) ways[w].open(self);
    for (size_t i = 0; i < sizeof latency_sizes / sizeof *latency_sizes; i++) measure(self, true, latency_sizes[i]);
    for (size_t i = 0; i < sizeof bandwidth_sizes / sizeof *bandwidth_sizes; i++) measure(self, false, bandwidth_sizes[i]);
    return 0;
}

int scenario_bench(int argc, char **argv) {
    if (argc > 0) repeats = atoi(argv[0]);
    if (argc > 1 || repeats < 1 || repeats > MOST_REPEATS) FAIL("bench takes a number of repeats, 1 to %d", MOST_REPEATS);
    bootstrap *shared = make_bootstrap();
    for (int rank = 0; rank < 2; rank++) {
        copies *memory = mmap(NULL, sizeof(copies), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        CHECK(memory != MAP_FAILED);
        shared->results[rank] = (long long)(uintptr_t)memory;
    }
    printf("latency: us, half a round trip; bandwidth: GB/s, one way, 8 messages in flight; median (least-most) of %d\n", repeats);
    printf("%-9s %9s   %22s   %22s   %22s\n", "", "bytes", "FlexMIG", "TCP", "memcpy");
    fflush(stdout);
    pid_t ids[2];
    start_ranks(shared, 2, bench_rank, ids);
    return wait_ranks(2, ids, -1);
}
