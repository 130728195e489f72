// Many small all-reduces: prints how often this thread's heap was asked for memory meanwhile, and nanoseconds a call.
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <time.h>

// Instead of glibc's, for the whole process.
extern void *__libc_malloc(size_t);
extern void *__libc_memalign(size_t, size_t);
static volatile long allocations;

void *malloc(size_t bytes) {
    allocations++;
    return __libc_malloc(bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
    allocations++;
    *memory = __libc_memalign(alignment, bytes);
    return *memory == NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(void) {
    enum { rounds = 100000 };
    flexmig_comm comm;
    double value = 0, beginning = 0;
    int i, rank;
    long before = 0;
    OK(flexmig_init(&comm));
    OK(flexmig_rank(comm, &rank));
    for (i = -1000; i < rounds; i++) {
        if (i == 0) {
            before = allocations;
            beginning = now();
        }
        OK(flexmig_all_reduce(comm, &value, &value, 1, FLEXMIG_FLOAT64, FLEXMIG_SUM));
    }
    printf("%ld allocations, %.0f ns\n", allocations - before, (now() - beginning) / rounds);
    OK(flexmig_destroy(comm));
    return before == 0;
}
