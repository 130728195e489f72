// The kernels for AVX-512 F, BW, DQ and VL: 64-byte vectors. Nothing here may run before the processor was asked.
#if defined(__x86_64__)
#define LEVEL_TABLE creduction_table_avx512
#define VECTOR_BYTES 64
#define WITHOUT_FLOAT16

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c"))), apply_to = function)
#include "Level.h"
#pragma clang attribute pop
#endif
