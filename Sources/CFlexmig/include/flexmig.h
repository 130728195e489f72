// Collectives between the processes of a job on one node, through shared memory: the C interface of Flex-MIG.
//
// For C99, C++ and whatever calls C, such as Python's ctypes. Link with -lflexmig. docs/c-interface.md has examples.
//
// Errors. Every function returns a status: FLEXMIG_OK (0) or why it failed; nothing else is ever a reason to look at
// flexmig_last_error, which has the sentence for people. FLEXMIG_INVALID_ARGUMENT means that nothing was done: the
// communicator goes on. After any other status of a collective it is spent: later calls return the same status again,
// the elements of results are undefined, and what remains is flexmig_destroy. FLEXMIG_OUT_OF_SHARED_MEMORY of
// flexmig_alloc is the exception; see there. A rank whose process ends is FLEXMIG_RANK_DIED on all others within a
// second, one that is stopped or never comes FLEXMIG_TIMED_OUT after FLEXMIG_TIMEOUT seconds: never a hang.
//
// Arguments. A pointer may be NULL where its count is 0 or a comment says so; other NULLs, unknown numbers and ranks
// that don't exist are FLEXMIG_INVALID_ARGUMENT. A handle that is not one, or was destroyed, is undefined behaviour,
// and so is memory that is shorter than its count says. Output arguments are written on success only, but for
// handles, which become NULL on failure.
//
// Threads. One thread at a time uses a communicator; flexmig_abort may be called by any thread at any time before
// flexmig_destroy. Different communicators are independent. After fork the child must not use the parent's.
//
// All ranks call the same collectives of a communicator in the same order, with the same types, counts, reductions
// and roots; a difference is FLEXMIG_MISMATCH on all of them, and the text says what each wanted. So is a message that
// waits for a rank which is in a collective.
//
// dlclose leaves the library in memory: it does no harm, and gives nothing back.
#ifndef FLEXMIG_H
#define FLEXMIG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The library's version, and the number of its binary interface. Functions and numbers are added without raising the
// latter; it is raised when programs have to be compiled again. Whoever loads the library with dlopen compares.
#define FLEXMIG_VERSION "0.1.0"
#define FLEXMIG_ABI_VERSION 1

typedef enum flexmig_status {
    FLEXMIG_OK = 0,
    FLEXMIG_INVALID_ARGUMENT = 1,      // nothing was done
    FLEXMIG_INVALID_ENVIRONMENT = 2,   // a variable is missing or out of its range
    FLEXMIG_JOIN_TIMED_OUT = 3,        // some ranks had not joined when the time was up
    FLEXMIG_INCOMPATIBLE = 4,          // the ranks have different versions, or numbers of ranks
    FLEXMIG_RANK_TAKEN = 5,            // another living process has this rank
    FLEXMIG_NAME_TAKEN = 6,            // another living job uses this rendezvous
    FLEXMIG_OUT_OF_SHARED_MEMORY = 7,  // /dev/shm has no room
    FLEXMIG_SYSTEM = 8,                // a system call failed
    FLEXMIG_MISMATCH = 9,              // the ranks called different collectives
    FLEXMIG_RANK_DIED = 10,            // a rank's process ended without closing the communicator
    FLEXMIG_RANK_LEFT = 11,            // a rank closed the communicator while others wait for it
    FLEXMIG_TIMED_OUT = 12,            // a rank lives but did not come within FLEXMIG_TIMEOUT
    FLEXMIG_ABORTED = 13,              // a rank called flexmig_abort
    FLEXMIG_CLOSED = 14,               // this rank has closed the communicator
    FLEXMIG_UNKNOWN = 100              // a failure without a number of its own; treat others that you don't know alike
} flexmig_status;

typedef enum flexmig_type {
    FLEXMIG_FLOAT32 = 1,
    FLEXMIG_FLOAT64 = 2,
    FLEXMIG_INT32 = 3,
    FLEXMIG_INT64 = 4,
    FLEXMIG_FLOAT16 = 5,   // IEEE binary16; added up in 32 bits over all ranks and rounded once
    FLEXMIG_BFLOAT16 = 6,  // the upper half of a binary32; likewise
    FLEXMIG_INT8 = 7,
    FLEXMIG_UINT8 = 8,     // also for bytes of anything else, where nothing is reduced
    FLEXMIG_UINT32 = 9,
    FLEXMIG_UINT64 = 10
} flexmig_type;

// Results are reduced in rank order: the same bits on all ranks and in every run.
typedef enum flexmig_reduction {
    FLEXMIG_SUM = 1,      // integers wrap around
    FLEXMIG_MEAN = 2,     // the sum divided by the number of ranks; integers: the wrapped sum, towards zero
    FLEXMIG_PRODUCT = 3,  // integers wrap around
    FLEXMIG_MIN = 4,      // NaN if any value is NaN; of -0 and +0 the one of the lower rank
    FLEXMIG_MAX = 5       // likewise
} flexmig_reduction;

typedef struct flexmig_communicator *flexmig_comm;
typedef struct flexmig_started *flexmig_work;

// -- Versions and errors. Any thread, no communicator needed.

const char *flexmig_version_string(void);  // FLEXMIG_VERSION of the library that is loaded. Static memory
int flexmig_abi_version(void);             // FLEXMIG_ABI_VERSION of the library that is loaded

// Such as "rank-died"; "unknown" for a number that is no status. Static memory.
const char *flexmig_status_name(int status);

// What the last failure on this thread was, in one sentence (UTF-8); "" when there was none. Success does not clear
// it. Valid until this thread's next failure.
const char *flexmig_last_error(void);

// The rank that the last failure on this thread is about, such as the one that died; -1 for none or more than one.
int flexmig_last_error_rank(void);

// -- Communicators

// Joins the communicator that the launcher's variables describe, and returns when all ranks have joined.
//
// RANK, WORLD_SIZE: both or neither; without them the process is the only rank. FLEXMIG_RENDEZVOUS, else
// FLEXMIG_JOB_ID, else MASTER_ADDR and MASTER_PORT: where the ranks meet. FLEXMIG_TIMEOUT: seconds to wait for other
// ranks, to join and in every call (0.1 to 86400; 300). FLEXMIG_DEATH_TIMEOUT, FLEXMIG_STAGE_BYTES, FLEXMIG_DEBUG
// (info, trace): docs/collectives.md. A process can join several times: its first call meets the others' first one.
//
// Returns INVALID_ENVIRONMENT, JOIN_TIMED_OUT, RANK_DIED, RANK_TAKEN, NAME_TAKEN, INCOMPATIBLE,
// OUT_OF_SHARED_MEMORY or SYSTEM; then nothing is left in /dev/shm.
int flexmig_init(flexmig_comm *comm);

// The same with the rendezvous given: `prefix` is the same text on all ranks and different for every two jobs of a
// node, 1 to 200 of A-Z a-z 0-9 . _ - without a "." at the start; `size` is 1 to 1024, `rank` 0 to size - 1; `timeout`
// is in seconds, 0.1 to 86400, or 0 for that of FLEXMIG_TIMEOUT. The other variables count as above.
int flexmig_init_with(const char *prefix, int rank, int size, double timeout, flexmig_comm *comm);

int flexmig_rank(flexmig_comm comm, int *rank);
int flexmig_size(flexmig_comm comm, int *size);

// Leaves the communicator, after the work that was started is done. Ranks that still wait for this one get RANK_LEFT.
// Collectives return CLOSED from now on; statistics still work. A second call does nothing.
int flexmig_close(flexmig_comm comm);

// Closes the communicator if need be, and releases the handle. Safe after any error; NULL does nothing. Works that
// were started and tensors stay valid until they are freed.
int flexmig_destroy(flexmig_comm comm);

// Makes the present and all later calls of this rank return ABORTED, and those of the others, who learn it within a
// second. Any thread. Does not wait; does nothing once the communicator is closed.
int flexmig_abort(flexmig_comm comm);

#define FLEXMIG_NO_COLOR (-1)

// Makes a communicator of the ranks that give the same color, in the order of their keys and, where those are equal,
// of their ranks. A collective: all ranks call it. `color` is 0 or more; with FLEXMIG_NO_COLOR this rank is in none,
// and *part is NULL. `comm` goes on; the parts are destroyed on their own. Costs a rendezvous: milliseconds.
int flexmig_split(flexmig_comm comm, int color, int key, flexmig_comm *part);

// -- Collectives
//
// Counts are in elements, and memory needs no alignment. In place where a comment says so, that is: with exactly the
// addresses it tells; otherwise input and output must not overlap. p is the number of ranks. Small calls don't
// allocate unless a rank is late by a tenth of a second. A call of up to 40 bytes takes about a microsecond when all
// ranks come at once; larger ones are bound by copying, less of it for memory of flexmig_alloc. A rank that comes early
// spins for some microseconds, yields for a millisecond, and sleeps then.

// Returns when all ranks have called it.
int flexmig_barrier(flexmig_comm comm);

// Overwrites `count` elements of all ranks with those of the root.
int flexmig_broadcast(flexmig_comm comm, void *buffer, size_t count, flexmig_type type, int root);

// output: p * count elements, those of rank 0 first. In place: input is output + rank * count.
int flexmig_all_gather(flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type);

// Reduces element by element; all ranks get the result. In place: the same address.
int flexmig_all_reduce(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, flexmig_reduction reduction);

// input: p * count elements; output: block number `rank` of the result, `count` elements.
// In place: output is input + rank * count.
int flexmig_reduce_scatter(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, flexmig_reduction reduction);

// Reduces element by element; the root gets the result. output: not touched elsewhere, where it may be NULL.
// In place on the root: the same address.
int flexmig_reduce(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, flexmig_reduction reduction,
    int root);

// output: on the root p * count elements, those of rank 0 first; not touched elsewhere, where it may be NULL.
// In place on the root: input is output + rank * count.
int flexmig_gather(flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, int root);

// input: on the root p * count elements, those for rank 0 first; not read elsewhere, where it may be NULL.
// output: `count` elements. In place on the root: output is input + rank * count.
int flexmig_scatter(flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, int root);

// Block s of rank r becomes block r of rank s. Both: p * count elements. In place: the same address.
int flexmig_all_to_all(flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type);

// -- Messages between two ranks. The others may do something else meanwhile.

// Returns when `input` may be changed again: up to 64 KiB at once, if the receiver has taken this rank's messages
// before it and at most three others of this rank are under way; else when enough was taken. Two ranks that send each
// other large messages at the same time use flexmig_sendrecv.
int flexmig_send(flexmig_comm comm, const void *input, size_t count, flexmig_type type, int receiver);

// The next message of one rank, in the order in which they were sent: of the same count and type, else MISMATCH.
int flexmig_recv(flexmig_comm comm, void *output, size_t count, flexmig_type type, int sender);

// Both at the same time, with the same rank or different ones. No form in place.
int flexmig_sendrecv(
    flexmig_comm comm, const void *input, size_t send_count, int receiver, void *output, size_t recv_count, int sender,
    flexmig_type type);

// -- Work in the background
//
// Every call above has a form that returns at once and is done by the communicator's own thread, in the order in which
// they were started. Calls without _async on the same communicator wait for all that was started before. Leave the
// memory alone until the work is done. All ranks have the same order, whether in the background or not.
//
// INVALID_ARGUMENT, CLOSED, and SYSTEM when no thread can be started, are returned at once, and *work is NULL;
// all else is the work's. Starting allocates.

int flexmig_barrier_async(flexmig_comm comm, flexmig_work *work);
int flexmig_broadcast_async(
    flexmig_comm comm, void *buffer, size_t count, flexmig_type type, int root, flexmig_work *work);
int flexmig_all_gather_async(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, flexmig_work *work);
int flexmig_all_reduce_async(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, flexmig_reduction reduction,
    flexmig_work *work);
int flexmig_reduce_scatter_async(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, flexmig_reduction reduction,
    flexmig_work *work);
int flexmig_reduce_async(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, flexmig_reduction reduction,
    int root, flexmig_work *work);
int flexmig_gather_async(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, int root,
    flexmig_work *work);
int flexmig_scatter_async(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, int root,
    flexmig_work *work);
int flexmig_all_to_all_async(
    flexmig_comm comm, const void *input, void *output, size_t count, flexmig_type type, flexmig_work *work);
int flexmig_send_async(
    flexmig_comm comm, const void *input, size_t count, flexmig_type type, int receiver, flexmig_work *work);
int flexmig_recv_async(
    flexmig_comm comm, void *output, size_t count, flexmig_type type, int sender, flexmig_work *work);
int flexmig_sendrecv_async(
    flexmig_comm comm, const void *input, size_t send_count, int receiver, void *output, size_t recv_count, int sender,
    flexmig_type type, flexmig_work *work);

// Waits until the work is done, and returns its status, each time. Any thread, any number of them.
int flexmig_work_wait(flexmig_work work);

// Sets *done to 1 when the work is done, and then returns its status; else sets it to 0 and returns OK. Any thread.
int flexmig_work_test(flexmig_work work, int *done);

// Waits until the work is done, forgets its status, and releases the handle: so memory that the work uses can be freed
// afterwards. NULL does nothing. A failure is not lost: the communicator's next call returns it again.
int flexmig_work_free(flexmig_work work);

// -- Memory

// Memory that all ranks reach directly: collectives on it copy less. A collective: all ranks ask for the same number of
// bytes, 0 to 2^46 / ranks. Filled with zeros, all of it present, aligned to 128 bytes, and to 4096 from 4096 bytes on.
// Cheap where there is room from what was freed; else it maps at least 8 MiB a rank of /dev/shm.
//
// Returns OUT_OF_SHARED_MEMORY on all ranks when /dev/shm has no room, and then the communicator goes on.
int flexmig_alloc(flexmig_comm comm, size_t bytes, void **memory);

// Releases memory of flexmig_alloc, on this rank alone; also after its communicator was destroyed, and on any thread.
// NULL does nothing; an address that flexmig_alloc has not returned, or that was freed, is INVALID_ARGUMENT.
int flexmig_free(void *memory);

// -- Statistics

typedef enum flexmig_kind {
    FLEXMIG_KIND_BARRIER = 1,
    FLEXMIG_KIND_BROADCAST = 2,
    FLEXMIG_KIND_ALL_GATHER = 3,
    FLEXMIG_KIND_ALL_REDUCE = 4,
    FLEXMIG_KIND_REDUCE_SCATTER = 5,
    FLEXMIG_KIND_REDUCE = 6,
    FLEXMIG_KIND_GATHER = 7,
    FLEXMIG_KIND_SCATTER = 8,
    FLEXMIG_KIND_ALL_TO_ALL = 9,
    FLEXMIG_KIND_SEND = 10,  // flexmig_sendrecv too
    FLEXMIG_KIND_RECV = 11,
    FLEXMIG_KIND_SPLIT = 12,
    FLEXMIG_KIND_ALLOC = 13
} flexmig_kind;

// The ways that bytes take between ranks.
typedef enum flexmig_way {
    FLEXMIG_WAY_ALONE = 0,       // no other rank is involved
    FLEXMIG_WAY_STEP = 1,        // no bytes
    FLEXMIG_WAY_INLINE = 2,      // up to 40 bytes, inside of the message that a rank has come
    FLEXMIG_WAY_FLAT = 3,        // through shared memory, whole
    FLEXMIG_WAY_STAGED = 4,      // through shared memory, part by part
    FLEXMIG_WAY_DIRECT = 5,      // from and to memory of flexmig_alloc
    FLEXMIG_WAY_SINGLE_COPY = 6  // copied once by the kernel
} flexmig_way;

typedef struct flexmig_calls {
    uint64_t calls;     // that succeeded
    uint64_t bytes;     // of this rank's tensors in them: the larger one of input and output
    uint64_t ways[14];  // how many took which way, by flexmig_way
} flexmig_calls;

typedef struct flexmig_statistics {
    size_t struct_size;       // set it to sizeof(flexmig_statistics) before the call
    uint64_t waited_ns;       // nanoseconds that this rank waited for others, partly estimated
    int32_t straggler;        // the rank that it waited for longest; -1 when it waited for none
    int32_t reserved;         // 0
    flexmig_calls calls[16];  // by flexmig_kind
} flexmig_statistics;

// What this rank has done so far on the communicator; waits for work that was started. Also after flexmig_close.
// Writes no more than struct_size bytes, and zeros to what this library does not know.
int flexmig_get_statistics(flexmig_comm comm, flexmig_statistics *statistics);

// Nanoseconds that this rank waited for each rank: waited[r] for rank r, 0 for itself. `count` is the number of ranks.
int flexmig_get_waited(flexmig_comm comm, uint64_t *waited, int count);

#ifdef __cplusplus
}
#endif

#endif
