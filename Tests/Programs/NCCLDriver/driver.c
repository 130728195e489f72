#include "driver.h"

#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *library_path;

void fail(const char *file, int line, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *slash = strrchr(file, '/');
    fprintf(stderr, "%s:%d: process %d: %s\n", slash ? slash + 1 : file, line, (int)getpid(), text);
    exit(1);
}

long long now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

void nap_us(int microseconds) {
    nanosleep(&(struct timespec){microseconds / 1000000, microseconds % 1000000 * 1000L}, NULL);
}

static long long processor_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// MARK: The library

static void write_log(int level, unsigned long flags, const char *file, int line, const char *format, ...) {
    (void)flags, (void)file, (void)line;
    if (!getenv("DRIVER_LOG")) return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "[%d] NCCL %s %s\n", (int)getpid(), level == LOG_WARN ? "WARN" : "INFO", text);
}

// The number of a rank in a list: of 4,1 it is 4 for rank 0, 1 for rank 1, 4 for rank 2 and so on.
static int number_of(const char *list, int rank) {
    int count = 1, number = 0;
    for (const char *c = list; *c; c++) count += *c == ',';
    for (int skip = rank % count; skip > 0; skip--) list = strchr(list, ',') + 1;
    CHECK(sscanf(list, "%d", &number) == 1);
    return number;
}

// DRIVER_WORKERS lists FLEXMIG_NCCL_WORKERS by rank, DRIVER_CPUS the one processor that a rank is bound to.
static void set_up(int rank) {
    const char *workers = getenv("DRIVER_WORKERS"), *cpus = getenv("DRIVER_CPUS");
    if (workers) {
        char text[16];
        snprintf(text, sizeof text, "%d", number_of(workers, rank));
        CHECK(setenv("FLEXMIG_NCCL_WORKERS", text, 1) == 0);
    }
    if (cpus) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(number_of(cpus, rank), &set);
        CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
    }
}

result start_plugin(process *self) {
    set_up(self->rank);
    self->library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    if (!self->library) FAIL("%s", dlerror());
    self->net = dlsym(self->library, "ncclNetPlugin_v8");
    self->collnet = dlsym(self->library, "ncclCollNetPlugin_v8");
    CHECK(self->net && self->collnet);
    return self->net->init(write_log);
}

void load(process *self) {
    OK(start_plugin(self));
    CHECK(self->net->regMrDmaBuf == NULL && self->net->getDeviceMr == NULL && self->net->irecvConsumed == NULL);
    CHECK(self->collnet->iallgather && self->collnet->ireducescatter && self->collnet->iflush && self->net->iflush);

    int devices = 0;
    OK(self->net->devices(&devices));
    CHECK(devices == 1);
    properties net, collnet;
    memset(&net, 0x55, sizeof net);
    memset(&collnet, 0x55, sizeof collnet);
    OK(self->net->getProperties(0, &net));
    OK(self->collnet->init(write_log));
    OK(self->collnet->devices(&devices));
    CHECK(devices == 1);
    OK(self->collnet->getProperties(0, &collnet));
    CHECK(strcmp(net.name, "FlexMIG") == 0 && strcmp(self->net->name, "FlexMIG") == 0);
    CHECK(strcmp(net.name, collnet.name) == 0 && strcmp(self->collnet->name, "FlexMIG") == 0);
    CHECK(net.pciPath == NULL && net.ptrSupport == POINTER_HOST && net.speed == 200000 && net.latency == 0);
    CHECK(net.maxRecvs == 1 && net.netDeviceType == 0 && net.maxComms >= 4096);
    CHECK(self->net->getProperties(1, &net) == INVALID_ARGUMENT);
}

void unload(process *self) {
    CHECK(dlclose(self->library) == 0);
    self->library = NULL;
}

// MARK: The bootstrap

bootstrap *make_bootstrap(void) {
    bootstrap *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    return shared;
}

void post_handle(process *self, int box, const void *handle) {
    memcpy(self->shared->handles[box], handle, HANDLE_BYTES);
    atomic_store(&self->shared->full[box], 1);
}

void take_handle(process *self, int box, void *handle) {
    while (!atomic_load(&self->shared->full[box])) nap_us(100);
    memcpy(handle, self->shared->handles[box], HANDLE_BYTES);
}

void barrier(process *self) {
    const int number = self->barriers++;
    CHECK(number < 64);
    atomic_fetch_add(&self->shared->arrived[number], 1);
    while (atomic_load(&self->shared->arrived[number]) < self->ranks) nap_us(100);
}

// MARK: Ranks

void start_ranks(bootstrap *shared, int ranks, int (*body)(process *), pid_t *ids) {
    const pid_t parent = getpid();
    CHECK(ranks >= 1 && ranks <= MOST_RANKS);
    fflush(NULL);
    for (int rank = 0; rank < ranks; rank++) {
        ids[rank] = fork();
        CHECK(ids[rank] >= 0);
        if (ids[rank] == 0) {
            // Ranks don't outlive a driver that is killed.
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) _exit(1);
            alarm(MOST_SECONDS);
            process self = {.rank = rank, .ranks = ranks, .shared = shared};
            exit(body(&self));
        }
    }
}

int late_errors(const bootstrap *shared, int ranks, int victim, long long killed_at) {
    double first = -1, last = 0;
    for (int rank = 0; rank < ranks; rank++) {
        if (rank == victim) continue;
        const double took = (double)(atomic_load(&shared->failed_at[rank]) - killed_at) / 1e9;
        if (first < 0 || took < first) first = took;
        if (took > last) last = took;
    }
    printf("errors after %.3f to %.3f s\n", first, last);
    if (last <= LATEST_ERROR_SECONDS) return 0;
    fprintf(stderr, "the last error came %.3f s after the death; allowed are %d s\n", last, LATEST_ERROR_SECONDS);
    return 1;
}

int wait_ranks(int ranks, const pid_t *ids, int killed) {
    int bad = 0;
    for (int rank = 0; rank < ranks; rank++) {
        int status = 0;
        CHECK(waitpid(ids[rank], &status, 0) == ids[rank]);
        if (rank == killed || status == 0) continue;
        fprintf(stderr, "rank %d ended with %s %d\n", rank, WIFSIGNALED(status) ? "signal" : "code",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        bad++;
    }
    return bad;
}

void idle_for_a_second(process *self) {
    barrier(self);
    // What was done before comes to rest.
    nap_us(100000);
    const long long before = processor_ns();
    nap_us(1000000);
    atomic_store(&self->shared->results[self->rank], processor_ns() - before);
    barrier(self);
}

int run_idle_ranks(int (*body)(process *)) {
    pid_t ids[2];
    bootstrap *shared = make_bootstrap();
    start_ranks(shared, 2, body, ids);
    const int bad = wait_ranks(2, ids, -1);
    const double most = (double)(shared->results[0] > shared->results[1] ? shared->results[0] : shared->results[1]) / 1e9;
    printf("%.1f ms of processor time in an idle second\n", most * 1e3);
    return bad || most > 0.2;
}

int run_ranks(int ranks, int (*body)(process *)) {
    pid_t ids[MOST_RANKS];
    bootstrap *shared = make_bootstrap();
    start_ranks(shared, ranks, body, ids);
    return wait_ranks(ranks, ids, -1);
}
