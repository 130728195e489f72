// What Swift cannot call by itself: variadic system calls, macros, and headers outside the Glibc module.
// Every name starts with `cplatform_`. No logic lives here: -1 and errno reach the caller unchanged.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// prctl is variadic.
static inline int cplatform_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }
static inline int cplatform_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

// signalfd.h is not part of the Glibc module.
static inline int cplatform_signalfd(const sigset_t *_Nonnull mask) { return signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK); }

// pidfd.h is not part of the Glibc module, and glibc has the calls only since 2.36.
static inline int cplatform_pidfd_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }
static inline int cplatform_pidfd_send(int fd, int signal) { return (int)syscall(SYS_pidfd_send_signal, fd, signal, (void *)0, 0); }

// SIG_IGN is a macro that casts a number to a function, and Swift can't compare functions. -1 on failure.
static inline int cplatform_is_ignored(int signal) {
    struct sigaction action;
    if (sigaction(signal, (const struct sigaction *)0, &action) != 0) return -1;
    return action.sa_handler == SIG_IGN;
}

// fcntl is variadic; the Open File Description commands need _GNU_SOURCE.
static inline int cplatform_lock(int fd, int command, struct flock *_Nonnull lock) { return fcntl(fd, command, lock); }
static inline int cplatform_duplicate_above(int fd, int lowest) { return fcntl(fd, F_DUPFD_CLOEXEC, lowest); }
static inline int cplatform_open(const char *_Nonnull path, int flags, mode_t mode) { return open(path, flags, mode); }

// glibc has no futex function. Not the private kind: the word may lie in memory that processes share.
static inline long cplatform_futex_wait(void *_Nonnull word, uint32_t expected, const struct timespec *_Nonnull timeout) {
    return syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout, (void *)0, 0);
}
static inline long cplatform_futex_wake(void *_Nonnull word) {
    return syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, (void *)0, (void *)0, 0);
}

// process_vm_readv is declared for _GNU_SOURCE only.
static inline ssize_t cplatform_read_memory(pid_t process, void *_Nonnull to, uint64_t from, size_t bytes) {
    struct iovec local = {to, bytes}, remote = {(void *)(uintptr_t)from, bytes};
    return process_vm_readv(process, &local, 1, &remote, 1, 0);
}

// Tells the core that this is a spin loop; Swift has no public name for the instruction.
static inline void cplatform_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

// cpu_set_t's functions are declared for _GNU_SOURCE only. The CPUs that the calling thread may use, a bit for each;
// the answer of the first is the number of bytes written.
static inline long cplatform_get_affinity(void *_Nonnull mask, size_t bytes) {
    return syscall(SYS_sched_getaffinity, 0, bytes, mask);
}
static inline long cplatform_set_affinity(const void *_Nonnull mask, size_t bytes) {
    return syscall(SYS_sched_setaffinity, 0, bytes, mask);
}

// `environ` is a mutable global, which Swift 6 does not let us read.
extern char *_Nullable *_Nonnull environ;
static inline char *_Nullable *_Nonnull cplatform_environment(void) { return environ; }

static const int cplatform_set_lock = F_SETLK;
static const int cplatform_query_lock = F_GETLK;
static const int cplatform_set_open_file_lock = F_OFD_SETLK;
static const int cplatform_set_open_file_lock_wait = F_OFD_SETLKW;
static const int cplatform_query_open_file_lock = F_OFD_GETLK;

#endif
