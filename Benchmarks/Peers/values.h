// The operations and types of the protocol, what is in the tensors, and what the results must be.
//
// Values are whole numbers from 0 to 15, so that the sum over 16 ranks is exact in every type and in every order.
#ifndef FLEXMIG_VALUES_H
#define FLEXMIG_VALUES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum operation {
    ALLREDUCE, REDUCESCATTER, ALLGATHER, BROADCAST, REDUCE, GATHER, SCATTER, ALLTOALL, SENDRECV, BARRIER,
    OPERATION_COUNT
};
enum type { FLOAT32, FLOAT64, INT32, INT64, UINT8, FLOAT16, BFLOAT16, TYPE_COUNT };

extern const char *const operation_names[OPERATION_COUNT];
extern const char *const type_names[TYPE_COUNT];
extern const size_t type_sizes[TYPE_COUNT];

// Tensors of this round are all zeros: an in-place sum can be repeated on them for ever.
enum { ROUND_OF_ZEROS = 0 };

// One operation of one rank.
struct call {
    enum operation operation;
    enum type type;
    int rank, ranks;
    size_t block;                 // elements of one rank where the operation has blocks; else all elements
    size_t in_count, out_count;   // elements; 0 where this rank has no such tensor
    void *in, *out;               // the same where the operation is in place
};

// The shape of an operation whose larger buffer has about `bytes` bytes. Leaves the tensors alone.
void call_shape(struct call *call, enum operation operation, enum type type, size_t bytes, int rank, int ranks);
// Whether input and result share their memory on this rank.
int call_is_in_place(const struct call *call);
// Maps tensors for the call and touches every page; 0, or -1 when there is no memory.
int call_allocate(struct call *call);
void call_free(struct call *call);
// Writes this rank's whole input tensor.
void call_fill(const struct call *call, uint32_t round);
// Makes the result wrong where it is not also the input, so that a result that was never written is noticed.
void call_spoil(const struct call *call);
// The first element of the result that is not what the operation gives for that round; -1 when all are right.
int64_t call_check(const struct call *call, uint32_t round);

#ifdef __cplusplus
}
#endif

#endif
