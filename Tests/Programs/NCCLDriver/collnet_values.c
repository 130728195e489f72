// The values of all-reduces that are checked.
#include "driver.h"

#include <math.h>
#include <string.h>

int type_bytes(int type) {
    switch (type) {
    case TYPE_INT8: case TYPE_UINT8: return 1;
    case TYPE_F16: case TYPE_BF16: return 2;
    case TYPE_INT64: case TYPE_UINT64: case TYPE_F64: return 8;
    default: return 4;
    }
}

static bool is_float(int type) { return type == TYPE_F16 || type == TYPE_F32 || type == TYPE_F64 || type == TYPE_BF16; }
static bool is_signed(int type) { return type == TYPE_INT8 || type == TYPE_INT32 || type == TYPE_INT64; }

static uint64_t mixed(int rank, int call, int element) {
    uint64_t z = (uint64_t)(rank + 1) * 0x9e3779b97f4a7c15 + (uint64_t)(call + 1) * 0xbf58476d1ce4e5b9 + (uint64_t)(element + 1) * 0x94d049bb133111eb;
    z = (z ^ z >> 29) * 0xff51afd7ed558ccd;
    return z ^ z >> 32;
}

// MARK: Integers

// Any bits at all: half of them are above the largest signed value. Sums and products wrap.
static uint64_t integer_value(int rank, int call, int element, int operation) {
    const uint64_t bits = mixed(rank, call, element);
    return operation == OP_PROD ? bits | 1 : bits;  // odd ones, so that no product is zero
}

// The value that the bits of a type stand for, widened to 64 bits.
static uint64_t widened(uint64_t bits, int type) {
    const int unused = 64 - 8 * type_bytes(type);
    return is_signed(type) ? (uint64_t)((int64_t)(bits << unused) >> unused) : bits << unused >> unused;
}

static uint64_t expected_integer(int type, int operation, int ranks, int call, int element) {
    uint64_t total = widened(integer_value(0, call, element, operation), type);
    for (int rank = 1; rank < ranks; rank++) {
        const uint64_t next = widened(integer_value(rank, call, element, operation), type);
        const bool is_less = is_signed(type) ? (int64_t)next < (int64_t)total : next < total;
        switch (operation) {
        case OP_SUM: total += next; break;
        case OP_PROD: total *= next; break;
        case OP_MAX: if (!is_less) total = next; break;
        default: if (is_less) total = next; break;
        }
    }
    return widened(total, type);
}

// MARK: Floats

// Small whole numbers. Products have at most one factor that is neither 1 nor -1. The smallest and the largest are near
// the type's limits: those of bfloat16 are no number as a half.
static double float_value(int rank, int call, int element, int operation, int type) {
    const uint64_t bits = mixed(rank, call, element);
    if ((call + element) % 61 == 0 && rank == call % 2) return NAN;
    switch (operation) {
    case OP_SUM: return (double)(bits % 5) - 2;
    case OP_PROD: return (bits % 2 ? 1 : -1) * (rank == call % 2 ? 3 : 1);
    default: return ((double)(bits % 7) - 3) * (type == TYPE_F16 ? 8192 : 0x1p120);
    }
}

static double expected_float(int type, int operation, int ranks, int call, int element) {
    double total = float_value(0, call, element, operation, type);
    for (int rank = 1; rank < ranks; rank++) {
        const double next = float_value(rank, call, element, operation, type);
        if (isnan(total) || isnan(next)) return NAN;
        switch (operation) {
        case OP_SUM: total += next; break;
        case OP_PROD: total *= next; break;
        case OP_MAX: total = next > total ? next : total; break;
        default: total = next < total ? next : total; break;
        }
    }
    return total;
}

// A number that a half holds exactly, not too small; or none at all.
static uint16_t half_of(double number) {
    const uint16_t sign = signbit(number) ? 0x8000 : 0;
    double magnitude = fabs(number);
    int exponent = 15;
    if (isnan(number)) return 0x7e00;
    if (magnitude == 0) return sign;
    for (; magnitude >= 2; magnitude /= 2) exponent++;
    for (; magnitude < 1; magnitude *= 2) exponent--;
    CHECK(exponent > 0 && exponent < 31);
    return (uint16_t)(sign | exponent << 10 | (int)((magnitude - 1) * 1024));
}

static double number_of_half(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double magnitude = exponent ? 1024 + fraction : fraction;
    if (exponent == 31) return fraction ? NAN : bits >> 15 ? -INFINITY : INFINITY;
    for (int power = exponent ? exponent : 1; power < 25; power++) magnitude /= 2;
    for (int power = 25; power < exponent; power++) magnitude *= 2;
    return bits >> 15 ? -magnitude : magnitude;
}

// MARK: Memory

void put_value(void *memory, int type, int operation, int rank, int call, int element) {
    const int bytes = type_bytes(type);
    char *place = (char *)memory + (size_t)bytes * (size_t)element;
    if (!is_float(type)) {
        const uint64_t bits = integer_value(rank, call, element, operation);
        memcpy(place, &bits, (size_t)bytes);  // its lower bytes
        return;
    }
    const double number = float_value(rank, call, element, operation, type);
    const float narrow = (float)number;
    const uint16_t half = type == TYPE_F16 ? half_of(number) : 0;
    switch (type) {
    case TYPE_F16: memcpy(place, &half, sizeof half); break;
    case TYPE_BF16: memcpy(place, (const char *)&narrow + 2, 2); break;
    case TYPE_F32: memcpy(place, &narrow, sizeof narrow); break;
    default: memcpy(place, &number, sizeof number); break;
    }
}

void check_value(const void *memory, int type, int operation, int ranks, int call, int element) {
    const int bytes = type_bytes(type);
    const char *place = (const char *)memory + (size_t)bytes * (size_t)element;
    if (!is_float(type)) {
        uint64_t got = 0;
        memcpy(&got, place, (size_t)bytes);
        got = widened(got, type);
        const uint64_t wanted = expected_integer(type, operation, ranks, call, element);
        if (got != wanted)
            FAIL("call %d, type %d, operation %d, element %d is %#llx, not %#llx", call, type, operation, element, (unsigned long long)got, (unsigned long long)wanted);
        return;
    }
    double got = 0;
    float narrow = 0;
    uint16_t half = 0;
    switch (type) {
    case TYPE_F16: memcpy(&half, place, sizeof half), got = number_of_half(half); break;
    case TYPE_BF16: memcpy((char *)&narrow + 2, place, 2), got = (double)narrow; break;
    case TYPE_F32: memcpy(&narrow, place, sizeof narrow), got = (double)narrow; break;
    default: memcpy(&got, place, sizeof got); break;
    }
    const double wanted = expected_float(type, operation, ranks, call, element);
    if (got != wanted && !(isnan(got) && isnan(wanted)))
        FAIL("call %d, type %d, operation %d, element %d is %g, not %g", call, type, operation, element, got, wanted);
}
