// What the test of the hot path counts in its own process: allocations, system calls, and processor time.
#pragma once

/// Calls of malloc and its kin in this process so far; -1 under a sanitizer, which has an allocator of its own.
long hotpath_allocations(void);

/// From now on this thread may do nothing but what a waiting rank needs (sched_yield, futex, fcntl), write, and end the
/// process: every other system call fails with ENOSYS and is counted. There is no way back.
///
/// Returns 0; or the errno where the kernel allows no such filter.
int hotpath_forbid_system_calls(void);

/// How many forbidden calls were tried, and the number of the last one.
long hotpath_forbidden_calls(void);
long hotpath_last_forbidden_call(void);

/// User and system time of this process, in microseconds.
long hotpath_processor_microseconds(void);
