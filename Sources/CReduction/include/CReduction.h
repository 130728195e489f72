// The inner loops of reductions: element-wise sum, mean, product, minimum and maximum of arrays in memory.
// A kernel makes one pass over memory, has no state and never fails. Every name starts with `creduction_`.
#ifndef CREDUCTION_H
#define CREDUCTION_H

#include <stddef.h>

// Element types. The codes are part of a wire format.
enum {
    creduction_float32 = 1,
    creduction_float64 = 2,
    creduction_int32 = 3,
    creduction_int64 = 4,
    creduction_float16 = 5,   // IEEE binary16
    creduction_bfloat16 = 6,  // the upper half of a binary32
    creduction_int8 = 7,
    creduction_uint8 = 8,
    creduction_uint32 = 9,
    creduction_uint64 = 10,
};

// Operations. The codes are part of a wire format.
enum {
    creduction_sum = 1,      // integers wrap around
    creduction_mean = 2,     // the sum divided once by the number of sources; integers: the wrapped sum, towards zero
    creduction_product = 3,  // integers wrap around
    creduction_min = 4,      // NaN if any source is NaN; of equal values (-0 and +0) the first source's
    creduction_max = 5,      // likewise
};

// Vector units, each with all that it needs: avx2 includes f16c and fma, avx512 is f, bw, dq and vl.
enum {
    creduction_baseline = 0,  // what every processor of the architecture has
    creduction_avx2 = 1,
    creduction_avx512 = 2,
};

// results[d][i] = sources[0][i] op sources[1][i] op ... op sources[source_count - 1][i]
// for every i < count (in elements) and d < result_count, from left to right.
//
// source_count and result_count are at least 1. No alignment is needed. A result may start where a source
// starts; otherwise no result may overlap a source or another result. Sources may overlap each other.
//
// float16 and bfloat16 are reduced in binary32 over all sources and rounded once, to nearest even; subnormals
// are kept, a NaN becomes a quiet NaN. All levels give the same bits, but for which NaN it is. The caller's
// floating-point environment must be the default one (nearest even, no flushing of subnormals).
//
// Costs one read of every source and one write of every result; it is bound by the caches or the memory, except
// integer means (one division an element) and 16-bit floats at the baseline level (converted with integer
// arithmetic).
typedef void (*creduction_kernel)(
    const void *_Nonnull const *_Nonnull sources, int source_count,
    void *_Nonnull const *_Nonnull results, int result_count, size_t count);

// The kernel for a type and an operation at a level; NULL if one of them is unknown, or if this processor lacks the
// level. Kernels live as long as the process. Cheap, but a table look-up more than calling a kernel that is kept.
creduction_kernel _Nullable creduction_find(int type, int operation, int level);

// The highest level that this processor and its operating system support.
int creduction_best_level(void);

// "baseline", "avx2", "avx512"; "unknown" for anything else. Static memory.
const char *_Nonnull creduction_level_name(int level);

// Copies `bytes` bytes past the caches, with non-temporal stores as wide as the level's vectors. The memory must not
// overlap; any alignment and any length; the processor must have the level. Pays off where the copy is not read again
// before it would leave the caches, from about the size of the L2 cache, or is read by a core that shares no cache with
// this one. A plain memcpy where there is no such instruction.
//
// These stores are not ordered with later ones until creduction_end_streaming was called. That waits until they have
// left the core, so copy much before it: a fence after each 8 KiB takes half as long again as the copy.
void creduction_copy_streaming(void *_Nonnull to, const void *_Nonnull from, size_t bytes, int level);

// Orders all streaming stores of this thread before all its later stores (sfence).
void creduction_end_streaming(void);

// Copies `bytes` bytes with whole stores: every 8 bytes that lie within the memory and start at a multiple of 8 are
// stored once and at once (where the target has 16 aligned bytes left, those), so that who reads such words meanwhile,
// like a GPU that polls flags in them, sees old or new ones and never halves. The memory must not overlap.
void creduction_copy_words(void *_Nonnull to, const void *_Nonnull from, size_t bytes);

#endif
