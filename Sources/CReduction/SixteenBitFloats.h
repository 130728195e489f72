// float16 and bfloat16 to float32 and back, a vector at a time. Part of Level.h.

typedef VECTOR_OF(float, VECTOR_BYTES) float32_lanes;
typedef VECTOR_OF(uint32_t, VECTOR_BYTES) uint32_lanes;
typedef VECTOR_OF(int32_t, VECTOR_BYTES) int32_lanes;

// MARK: float16: half a vector of values to a vector of floats, lane by lane

typedef VECTOR_OF(uint16_t, VECTOR_BYTES / 2) float16_stored;

#if defined(WIDEN_FLOAT16)

// The empty asm statements are no instructions. The first keeps the compiler from selecting among halves, and
// converting again, where a minimum selects among floats (half the speed); the second from converting once per result,
// with the form of the instruction that stores.

ALWAYS_INLINE float32_lanes widen_float16(float16_stored halves) {
    typedef VECTOR_OF(long long, VECTOR_BYTES / 2) register_type;
    float32_lanes floats = (float32_lanes)WIDEN_FLOAT16((register_type)halves);
    __asm__("" : "+v"(floats));
    return floats;
}

ALWAYS_INLINE float16_stored narrow_float16(float32_lanes floats) {
    float16_stored halves = (float16_stored)NARROW_FLOAT16(floats);
    __asm__("" : "+v"(halves));
    return halves;
}

#else

// float16 has 5 bits of exponent (bias 15) and 10 of mantissa; float32 has 8 (bias 127) and 23.
#define FLOAT32_EXPONENT(exponent) ((127 + (exponent)) << 23)

ALWAYS_INLINE float32_lanes widen_float16(float16_stored halves) {
    uint32_lanes bits = __builtin_convertvector(halves, uint32_lanes);
    uint32_lanes magnitude = (bits & 0x7fff) << 13;
    uint32_lanes rebiased = magnitude + ((127 - 15) << 23);
    uint32_lanes infinite_or_nan = magnitude + ((255 - 31) << 23);
    // A subnormal is its mantissa * 2^-24: as the low bits of a float of 2^-14, less that 2^-14.
    uint32_lanes least_normal = FLOAT32_EXPONENT(-14);
    uint32_lanes subnormal = (uint32_lanes)((float32_lanes)(magnitude + least_normal) - (float32_lanes)least_normal);

    // Signed comparisons: SSE2 has no others.
    uint32_lanes result = (int32_lanes)magnitude >= (0x7c00 << 13) ? infinite_or_nan : rebiased;
    result = (int32_lanes)magnitude < (0x0400 << 13) ? subnormal : result;
    return (float32_lanes)(result | (bits & 0x8000) << 16);
}

ALWAYS_INLINE float16_stored narrow_float16(float32_lanes floats) {
    uint32_lanes bits = (uint32_lanes)floats;
    uint32_lanes magnitude = bits & 0x7fffffff;
    // Nearest even: just under half a unit, and one more if the last bit is odd. A carry goes to the exponent, up to
    // infinity.
    uint32_lanes rounded = magnitude - ((127 - 15) << 23) + 0x0fff + (magnitude >> 13 & 1);
    uint32_lanes normal = rounded >> 13;
    // 0.5 has the ulp 2^-24, the least float16; the processor rounds.
    uint32_lanes half = FLOAT32_EXPONENT(-1);
    uint32_lanes subnormal = (uint32_lanes)((float32_lanes)magnitude + (float32_lanes)half) - half;
    uint32_lanes infinity = 0x7c00;
    uint32_lanes quiet_nan = 0x7e00;

    uint32_lanes result = (int32_lanes)magnitude < FLOAT32_EXPONENT(-14) ? subnormal : normal;
    result = (int32_lanes)magnitude >= FLOAT32_EXPONENT(16) ? infinity : result;
    result = (int32_lanes)magnitude > FLOAT32_EXPONENT(128) ? quiet_nan : result;
    return __builtin_convertvector(result | (bits >> 16 & 0x8000), float16_stored);
}

#undef FLOAT32_EXPONENT
#endif

#if defined(WITH_FMA)

// 1 * so_far + next has the bits of so_far + next, and on AMD's cores a fused operation runs where no conversion does,
// which an addition is in the way of: a seventh less time. The empty asm statement keeps the compiler from seeing the 1.
ALWAYS_INLINE float32_lanes add_float16(float32_lanes so_far, float32_lanes next) {
    float32_lanes one = 1;
    __asm__("" : "+v"(one));
    return __builtin_elementwise_fma(so_far, one, next);
}

#else

ALWAYS_INLINE float32_lanes add_float16(float32_lanes so_far, float32_lanes next) { return so_far + next; }

#endif

// MARK: bfloat16: a vector of values to two of floats, the even lanes and the odd ones, which needs no shuffling

typedef VECTOR_OF(uint16_t, VECTOR_BYTES) bfloat16_stored;
typedef VECTOR_OF(float, 2 * VECTOR_BYTES) bfloat16_lanes;

ALWAYS_INLINE bfloat16_lanes widen_bfloat16(bfloat16_stored values) {
    uint32_lanes pairs = (uint32_lanes)values;
    bfloat16_lanes floats;
    floats.lo = (float32_lanes)(pairs << 16);
    floats.hi = (float32_lanes)(pairs & 0xffff0000);
    return floats;
}

// A source's value, which needs no rounding, but may be a signalling NaN.
ALWAYS_INLINE uint32_lanes quiet_bfloat16(float32_lanes floats) {
    uint32_lanes bits = (uint32_lanes)floats;
    return floats != floats ? bits | 0x00400000 : bits;
}

// The even lanes' upper or lower halves and the odd lanes', side by side as they are stored.
ALWAYS_INLINE bfloat16_stored upper_halves(uint32_lanes even, uint32_lanes odd) {
    return (bfloat16_stored)(even >> 16 | (odd & 0xffff0000));
}

ALWAYS_INLINE bfloat16_stored lower_halves(uint32_lanes even, uint32_lanes odd) {
    return (bfloat16_stored)((even & 0xffff) | odd << 16);
}

// To nearest even: one more where the lower half is above the middle, or in it and the upper one is odd. A NaN would be
// rounded like a number, but the lower half of each that arrives here is 0: it comes from a source or is the
// processor's own, and stays as it is.
ALWAYS_INLINE bfloat16_stored round_bfloat16(bfloat16_lanes floats) {
    bfloat16_stored upper = upper_halves((uint32_lanes)floats.lo, (uint32_lanes)floats.hi);
    bfloat16_stored lower = lower_halves((uint32_lanes)floats.lo, (uint32_lanes)floats.hi);
    return upper - (bfloat16_stored)(__builtin_elementwise_add_sat(lower, upper & 1) > 0x8000);
}

ALWAYS_INLINE bfloat16_stored narrow_bfloat16(bfloat16_lanes floats, int are_sources) {
    if (!are_sources) return round_bfloat16(floats);
    return upper_halves((uint32_lanes)quiet_bfloat16(floats.lo), (uint32_lanes)quiet_bfloat16(floats.hi));
}
