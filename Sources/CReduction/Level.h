// All kernels of one level, and their table. A template: each level's file includes it once, after defining
//
//   LEVEL_TABLE      the name of the table
//   VECTOR_BYTES     the size of the level's vectors
//   WIDEN_FLOAT16    optional, with NARROW_FLOAT16: the conversions of one vector by an instruction
//   WITH_FMA         optional: the level has fused multiplications and additions
//   WITHOUT_FLOAT16  optional: no float16 kernels at this level
//
// and under a target attribute that applies to every function here.

// Functions pass vectors by value that are larger than the level's registers. There is no calling convention to change:
// each is inlined into a kernel of the same file (ALWAYS_INLINE).
#pragma clang diagnostic ignored "-Wpsabi"

// The levels' results are the same bits only if no one fuses a multiplication and an addition (avx512f implies fma).
#pragma STDC FP_CONTRACT OFF

#include <stdint.h>
#include <string.h>

#include "Levels.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define VECTOR_OF(lane, bytes) lane __attribute__((ext_vector_type((bytes) / sizeof(lane))))
#define JOIN_EXPANDED(a, b) a##_##b
#define JOIN(a, b) JOIN_EXPANDED(a, b)

#include "SixteenBitFloats.h"

#define TYPE float32
#define STORED float
#define SUMMED float
#define ORDERED float
#define QUOTIENT float
#include "Element.h"

#define TYPE float64
#define STORED double
#define SUMMED double
#define ORDERED double
#define QUOTIENT double
#include "Element.h"

// A quotient of integers rounds to the right one in a float with more bits than both of them have: next to an integer
// it cannot reach, a / b stays at least 1 / b away, which is more than the rounding error. 64 bits have no such float.
#define TYPE int32
#define STORED int32_t
#define SUMMED uint32_t
#define ORDERED int32_t
#define QUOTIENT double
#include "Element.h"

#define TYPE uint32
#define STORED uint32_t
#define SUMMED uint32_t
#define ORDERED uint32_t
#define QUOTIENT double
#include "Element.h"

#define TYPE int64
#define STORED int64_t
#define SUMMED uint64_t
#define ORDERED int64_t
#define QUOTIENT int64_t
#include "Element.h"

#define TYPE uint64
#define STORED uint64_t
#define SUMMED uint64_t
#define ORDERED uint64_t
#define QUOTIENT uint64_t
#include "Element.h"

#define TYPE int8
#define STORED int8_t
#define SUMMED uint8_t
#define ORDERED int8_t
#define QUOTIENT float
#include "Element.h"

#define TYPE uint8
#define STORED uint8_t
#define SUMMED uint8_t
#define ORDERED uint8_t
#define QUOTIENT float
#include "Element.h"

#ifndef WITHOUT_FLOAT16
#define TYPE float16
#define STORED uint16_t
#define STORED_BYTES (VECTOR_BYTES / 2)
#define SUMMED float
#define ORDERED float
#define QUOTIENT float
#define WIDEN widen_float16
#define NARROW(lanes, are_sources) narrow_float16(lanes)
#define ADD add_float16
#define FETCHED 4096
#include "Element.h"
#endif

#define TYPE bfloat16
#define STORED uint16_t
#define SUMMED float
#define ORDERED float
#define QUOTIENT float
#define WIDEN widen_bfloat16
#define NARROW narrow_bfloat16
#define FETCHED 4096
#include "Element.h"

// The sums and products of an unsigned type are those of its signed twin, bit by bit.
#define ROW(type, twin) \
    [creduction_##type] = { \
        [creduction_sum] = sum_##twin, [creduction_mean] = mean_##type, [creduction_product] = product_##twin, \
        [creduction_min] = min_##type, [creduction_max] = max_##type, \
    }

const creduction_table LEVEL_TABLE = {{
    ROW(float32, float32),
    ROW(float64, float64),
    ROW(int32, int32),
    ROW(int64, int64),
#ifndef WITHOUT_FLOAT16
    ROW(float16, float16),
#endif
    ROW(bfloat16, bfloat16),
    ROW(int8, int8),
    ROW(uint8, int8),
    ROW(uint32, int32),
    ROW(uint64, int64),
}};
