// A stand-in for NCCL: processes that load the plugin as NCCL does and drive it as its proxy threads do.
#pragma once

#include "nccl_abi.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

// What NCCL's bootstrap does: 128 bytes from each rank to the others, and barriers. Shared by all ranks.
enum { MOST_RANKS = 64, MOST_CHANNELS = 16, MOST_DEPTH = 64, BOX_COUNT = MOST_RANKS * MOST_CHANNELS * 2 };
typedef struct {
    _Atomic int arrived[64];
    _Atomic int full[BOX_COUNT];
    unsigned char handles[BOX_COUNT][HANDLE_BYTES];
    // What the ranks tell their parent.
    _Atomic long long failed_at[MOST_RANKS];
    _Atomic long long messages;
    _Atomic long long results[MOST_RANKS];
} bootstrap;

// One rank, which is a process of its own.
typedef struct {
    int rank, ranks;
    bootstrap *shared;
    void *library;
    const net_v8 *net;
    const collnet_v8 *collnet;
    int barriers;
} process;

extern const char *library_path;

// Ends the process with a sentence.
#define FAIL(...) fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) \
    do { if (!(condition)) FAIL("not so: %s", #condition); } while (0)
#define OK(call) \
    do { const result code_ = (call); if (code_ != SUCCESS) FAIL("%s answers %d", #call, code_); } while (0)
void fail(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));

long long now_ns(void);
void nap_us(int microseconds);
uint64_t next_random(uint64_t *state);

// dlopen and init, as NCCL does at the first communicator; dlclose, as it does after the last.
void load(process *self);
void unload(process *self);
// dlopen alone; the answer of init.
result start_plugin(process *self);

void post_handle(process *self, int box, const void *handle);
void take_handle(process *self, int box, void *handle);
void barrier(process *self);

// Starts the ranks; each runs the body and exits with its answer. Returns their process ids.
bootstrap *make_bootstrap(void);
void start_ranks(bootstrap *shared, int ranks, int (*body)(process *), pid_t *ids);
// The number of ranks that did not exit with 0; `killed` is one that is not counted, or -1.
int wait_ranks(int ranks, const pid_t *ids, int killed);
// Both.
int run_ranks(int ranks, int (*body)(process *));

// No process of a scenario lives longer: a call that hangs ends the run, and says which rank.
enum { MOST_SECONDS = 120, LATEST_ERROR_SECONDS = 10 };
// After a kill: prints when the first and the last survivor got the error, and answers 1 where one of them was late.
// NCCL's users are promised a second for each that waits for the dead; the limit leaves room for a machine that is busy.
int late_errors(const bootstrap *shared, int ranks, int victim, long long killed_at);

// One rank's end of a CollNet group, or the plugin's error and no end.
typedef struct {
    void *listener, *comm;
    result code;
} group;
// Listens, exchanges handles, connects. Every round of a run needs another number, 0 to 31.
group join_group(process *self, int round);

// Sleeps for a second, and tells the parent how much processor time this process took meanwhile.
void idle_for_a_second(process *self);
// Runs two ranks that call it; bad when one took more than a fifth of the second.
int run_idle_ranks(int (*body)(process *));

// One connection as the proxy sees it: messages go through a ring of `depth` buffers.
typedef struct {
    void *comm, *registration;
    bool sends;
    uint64_t seed;
    size_t room;
    int messages, depth, posted, done, tag;
    char *buffers;
    // By place in the ring of buffers, of which there may be more than the plugin takes requests.
    void *requests[MOST_DEPTH];
    int sizes[MOST_DEPTH];
    bool optional_completion;
    // Answers of NULL: "try again".
    long long refusals;
} stream;

// All connections of one rank.
typedef struct {
    int count;
    stream streams[4 * MOST_CHANNELS + 2 * MOST_RANKS];
} channel_set;

typedef struct {
    int channels, messages, depth;
    size_t most_bytes;
    uint64_t seed;
    bool both_ways, to_everybody;
} traffic;

// NCCL's service thread: listen, exchange, connect and accept until they answer, register.
void open_channels(process *self, const traffic *plan, channel_set *set);
void close_channels(process *self, channel_set *set);
// NCCL's progress thread: moves all streams on until they are done. Returns the first error of the plugin.
result progress_all(process *self, channel_set *set);
// One round for one stream.
result progress(process *self, stream *one);
// Posts one message; counts a refusal where the plugin can't take it now.
result post(process *self, stream *one);

size_t message_bytes(uint64_t seed, int message, size_t most);
void fill(void *memory, size_t bytes, uint64_t seed);
bool holds(const void *memory, size_t bytes, uint64_t seed);

// All-reduces of all types and operations: values of which every reduction is exact in any order, that differ between
// ranks, calls and elements, lie on both sides of what signed and unsigned, half and bfloat16 take them for, and are now
// and then not a number.
enum { TYPE_INT8, TYPE_UINT8, TYPE_INT32, TYPE_UINT32, TYPE_INT64, TYPE_UINT64, TYPE_F16, TYPE_F32, TYPE_F64, TYPE_BF16, TYPE_FP8 };
enum { OP_SUM, OP_PROD, OP_MAX, OP_MIN };
enum { COLLNET_TYPES = TYPE_FP8, COLLNET_OPERATIONS = OP_MIN + 1 };
int type_bytes(int type);
void put_value(void *memory, int type, int operation, int rank, int call, int element);
// Ends the process where an element is not what the ranks' values come to.
void check_value(const void *memory, int type, int operation, int ranks, int call, int element);

int scenario_traffic(int argc, char **argv);
int scenario_kill(int argc, char **argv);
int scenario_reload(int argc, char **argv);
int scenario_lines(int argc, char **argv);
int scenario_mismatch(int argc, char **argv);
int scenario_pending(int argc, char **argv);
int scenario_listeners(int argc, char **argv);
int scenario_idle(int argc, char **argv);
int scenario_refused(int argc, char **argv);
int scenario_collnet(int argc, char **argv);
int scenario_collnet_full(int argc, char **argv);
int scenario_collnet_kill(int argc, char **argv);
int scenario_collnet_refused(int argc, char **argv);
int scenario_collnet_close(int argc, char **argv);
int scenario_collnet_idle(int argc, char **argv);
int scenario_collnet_bench(int argc, char **argv);
int scenario_bench(int argc, char **argv);
