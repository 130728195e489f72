// The start line: a tiny barrier of the benchmark's own, the same for all contenders, so that all ranks begin an
// operation together without the barrier of the peer that is measured.
//
// It lives in a file of 4096 zero bytes that the caller makes. Rank i has the 128 bytes at 128 * (1 + i), with three
// numbers of 8 bytes in it: how many start lines it has come to, and when it came to the last of even and of odd number, in
// nanoseconds of CLOCK_MONOTONIC.
//
// Ranks leave it at an agreed time, the latest coming and a window: who comes last would else leave first, by as much as a
// cache line travels, and that is no less than a small operation takes. Where ranks share CPUs, they leave when they can.
#ifndef FLEXMIG_STARTLINE_H
#define FLEXMIG_STARTLINE_H

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { STARTLINE_BYTES = 4096, STARTLINE_LINE = 128, STARTLINE_RANKS = 16, STARTLINE_SPINS = 2000, STARTLINE_WINDOW = 2000 };

struct startline {
    char *base;
    uint64_t number;
    int rank, ranks, spins;
};

// Returns 0, or -1 with errno set.
static inline int startline_open(struct startline *line, const char *path, int rank, int ranks) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return -1;
    void *base = mmap(0, STARTLINE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (base == MAP_FAILED) return -1;
    line->base = (char *)base;
    line->number = 0;
    line->rank = rank;
    line->ranks = ranks;
    line->spins = ranks <= sysconf(_SC_NPROCESSORS_ONLN) ? STARTLINE_SPINS : 0;
    return 0;
}

static inline uint64_t *startline_counter(const struct startline *line, int rank) {
    return (uint64_t *)(void *)(line->base + STARTLINE_LINE * (1 + rank));
}

static inline void startline_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

static inline uint64_t startline_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Returns when all ranks have called it as often as this one, at the same time where each has a CPU.
static inline void startline_wait(struct startline *line) {
    uint64_t number = ++line->number, latest = 0;
    // By turns, since a rank may come to the next start line before this is read.
    unsigned turn = 1 + (unsigned)(number & 1);
    __atomic_store_n(startline_counter(line, line->rank) + turn, startline_now(), __ATOMIC_RELAXED);
    __atomic_store_n(startline_counter(line, line->rank), number, __ATOMIC_RELEASE);
    for (int rank = 0; rank < line->ranks; rank++) {
        const uint64_t *counter = startline_counter(line, rank);
        for (int spin = 0; __atomic_load_n(counter, __ATOMIC_ACQUIRE) < number; spin++) {
            if (spin < line->spins)
                startline_pause();
            else
                sched_yield();
        }
        uint64_t came = __atomic_load_n(counter + turn, __ATOMIC_RELAXED);
        if (came > latest) latest = came;
    }
    if (line->spins == 0) return;
    while (startline_now() < latest + STARTLINE_WINDOW) {}
}

#endif
