#define _GNU_SOURCE
#include "values.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

const char *const operation_names[OPERATION_COUNT] = {
    "allreduce", "reducescatter", "allgather", "broadcast", "reduce",
    "gather", "scatter", "alltoall", "sendrecv", "barrier",
};
const char *const type_names[TYPE_COUNT] = {"float32", "float64", "int32", "int64", "uint8", "float16", "bfloat16"};
const size_t type_sizes[TYPE_COUNT] = {4, 8, 4, 8, 1, 2, 2};

enum { HUGE_PAGE = 2 << 20, HUGE_FROM = 4 << 20 };

void call_shape(struct call *call, enum operation operation, enum type type, size_t bytes, int rank, int ranks) {
    size_t all = bytes / type_sizes[type], block = all / (size_t)ranks;
    if (all == 0) all = 1;
    if (block == 0) block = 1;
    size_t blocks = block * (size_t)ranks;
    memset(call, 0, sizeof *call);
    call->operation = operation;
    call->type = type;
    call->rank = rank;
    call->ranks = ranks;
    call->block = block;
    switch (operation) {
    case REDUCESCATTER: call->in_count = blocks, call->out_count = block; break;
    case ALLGATHER: call->in_count = block, call->out_count = blocks; break;
    case GATHER: call->in_count = block, call->out_count = rank == 0 ? blocks : 0; break;
    case SCATTER: call->in_count = rank == 0 ? blocks : 0, call->out_count = block; break;
    case ALLTOALL: call->in_count = call->out_count = blocks; break;
    case ALLREDUCE:
    case SENDRECV: call->block = call->in_count = call->out_count = all; break;
    case BROADCAST: call->block = call->out_count = all, call->in_count = rank == 0 ? all : 0; break;
    case REDUCE: call->block = call->in_count = all, call->out_count = rank == 0 ? all : 0; break;
    default: call->block = 0; break;
    }
}

int call_is_in_place(const struct call *call) {
    return call->operation == ALLREDUCE || call->operation == BROADCAST || call->operation == REDUCE;
}

// The mapping of a tensor: where it is large, room to begin it at a huge page.
static size_t mapped_bytes(size_t bytes) {
    return bytes < HUGE_FROM ? bytes : (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

static void *map_tensor(size_t bytes) {
    size_t size = mapped_bytes(bytes), extra = bytes < HUGE_FROM ? 0 : HUGE_PAGE;
    char *memory = mmap(NULL, size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    if (extra > 0) {
        size_t before = (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
        if (before > 0) munmap(memory, before);
        if (extra > before) munmap(memory + before + size, extra - before);
        memory += before;
        madvise(memory, size, MADV_HUGEPAGE);
    }
    memset(memory, 1, size);
    return memory;
}

int call_allocate(struct call *call) {
    size_t element = type_sizes[call->type];
    call->in = call->out = NULL;
    if (call_is_in_place(call)) {
        call->in = call->out = map_tensor(call->block * element);
        return call->in == NULL ? -1 : 0;
    }
    if (call->in_count > 0 && (call->in = map_tensor(call->in_count * element)) == NULL) return -1;
    if (call->out_count > 0 && (call->out = map_tensor(call->out_count * element)) == NULL) return -1;
    return 0;
}

void call_free(struct call *call) {
    size_t element = type_sizes[call->type];
    if (call_is_in_place(call)) {
        munmap(call->in, mapped_bytes(call->block * element));
    } else {
        if (call->in) munmap(call->in, mapped_bytes(call->in_count * element));
        if (call->out) munmap(call->out, mapped_bytes(call->out_count * element));
    }
    call->in = call->out = NULL;
}

// Values are a hash of rank, round and index. The part of it that does not depend on the index:
static uint32_t salt(int rank, uint32_t round) { return ((uint32_t)rank + 1) * 0x9E3779B9u + round * 0x85EBCA6Bu; }

static inline uint32_t value(uint32_t index, uint32_t salt) { return (index * 2654435761u + salt) >> 28; }

// The bits of the whole numbers up to 255 as 16-bit floating point. All are exact.
static uint16_t half_bits(uint32_t number, int mantissa, int bias) {
    if (number == 0) return 0;
    int exponent = 31 - __builtin_clz(number);
    uint32_t fraction = (number << (31 - exponent)) & 0x7FFFFFFFu;
    return (uint16_t)(((uint32_t)(exponent + bias) << mantissa) | (fraction >> (31 - mantissa)));
}

static uint16_t float16_bits[256], bfloat16_bits[256];

__attribute__((constructor)) static void make_tables(void) {
    for (uint32_t number = 0; number < 256; number++) {
        float16_bits[number] = half_bits(number, 10, 15);
        bfloat16_bits[number] = half_bits(number, 7, 127);
    }
}

#define AS_NUMBER(number) (number)
#define AS_FLOAT16(number) float16_bits[number]
#define AS_BFLOAT16(number) bfloat16_bits[number]

// For each type: fill a tensor; find the first element from `base` on that is not the sum over the ranks
// [first, last] of the values from `index` on.
#define DEFINE(NAME, C, AS)                                                                                       \
    static void fill_##NAME(C *tensor, size_t count, uint32_t salt) {                                             \
        for (size_t i = 0; i < count; i++) tensor[i] = (C)AS((int32_t)value((uint32_t)i, salt));                  \
    }                                                                                                             \
    static int64_t check_##NAME(const C *tensor, size_t count, int first, int last, size_t index, uint32_t round) { \
        for (size_t i = 0; i < count; i++) {                                                                      \
            int32_t sum = 0;                                                                                      \
            for (int rank = first; rank <= last && round != ROUND_OF_ZEROS; rank++)                               \
                sum += (int32_t)value((uint32_t)(index + i), salt(rank, round));                                  \
            if (tensor[i] != (C)AS(sum)) return (int64_t)i;                                                       \
        }                                                                                                         \
        return -1;                                                                                                \
    }
#define TYPES(DO)                                                                                   \
    DO(FLOAT32, float, AS_NUMBER) DO(FLOAT64, double, AS_NUMBER) DO(INT32, int32_t, AS_NUMBER)       \
    DO(INT64, int64_t, AS_NUMBER) DO(UINT8, uint8_t, AS_NUMBER) DO(FLOAT16, uint16_t, AS_FLOAT16)    \
    DO(BFLOAT16, uint16_t, AS_BFLOAT16)
TYPES(DEFINE)

void call_fill(const struct call *call, uint32_t round) {
    if (call->in_count == 0) return;
    if (round == ROUND_OF_ZEROS) {
        memset(call->in, 0, call->in_count * type_sizes[call->type]);
        return;
    }
    uint32_t own = salt(call->rank, round);
    switch (call->type) {
#define FILL(NAME, C, AS) \
    case NAME: fill_##NAME((C *)call->in, call->in_count, own); break;
        TYPES(FILL)
    default: break;
    }
}

void call_spoil(const struct call *call) {
    if (call->out != NULL && (call->out != call->in || call->in_count == 0))
        memset(call->out, 0x55, call->out_count * type_sizes[call->type]);
}

// Checks `count` elements of the result from `base` on.
static int64_t check_part(const struct call *call, size_t base, size_t count, int first, int last, size_t index,
                          uint32_t round) {
    int64_t wrong = -1;
    const char *part = (const char *)call->out + base * type_sizes[call->type];
    switch (call->type) {
#define CHECK(NAME, C, AS) \
    case NAME: wrong = check_##NAME((const C *)(const void *)part, count, first, last, index, round); break;
        TYPES(CHECK)
    default: break;
    }
    return wrong < 0 ? -1 : wrong + (int64_t)base;
}

int64_t call_check(const struct call *call, uint32_t round) {
    if (call->out_count == 0) return -1;
    int last = call->ranks - 1, before = (call->rank + last) % call->ranks;
    size_t block = call->block, own = (size_t)call->rank * block;
    switch (call->operation) {
    case ALLREDUCE:
    case REDUCE: return check_part(call, 0, block, 0, last, 0, round);
    case REDUCESCATTER: return check_part(call, 0, block, 0, last, own, round);
    case BROADCAST: return check_part(call, 0, block, 0, 0, 0, round);
    case SCATTER: return check_part(call, 0, block, 0, 0, own, round);
    case SENDRECV: return check_part(call, 0, block, before, before, 0, round);
    case ALLGATHER:
    case GATHER:
    case ALLTOALL:
        for (int rank = 0; rank < call->ranks; rank++) {
            size_t index = call->operation == ALLTOALL ? own : 0;
            int64_t wrong = check_part(call, (size_t)rank * block, block, rank, rank, index, round);
            if (wrong >= 0) return wrong;
        }
        return -1;
    default: return -1;
    }
}
