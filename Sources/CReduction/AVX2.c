// The kernels for AVX2 with F16C and FMA: 32-byte vectors. Nothing here may run before the processor was asked.
#if defined(__x86_64__)
#include <immintrin.h>

#define LEVEL_TABLE creduction_table_avx2
#define VECTOR_BYTES 32
#define WITH_FMA
#define WIDEN_FLOAT16(halves) _mm256_cvtph_ps(halves)
#define NARROW_FLOAT16(floats) _mm256_cvtps_ph(floats, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

#pragma clang attribute push(__attribute__((target("avx2,f16c,fma"))), apply_to = function)
#include "Level.h"
#pragma clang attribute pop
#endif
