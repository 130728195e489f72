// A copy whose aligned words are never seen half written.
#include "CReduction.h"

#include <stdint.h>
#include <string.h>

// Processors store 16 aligned bytes in at least two whole halves of 8. Volatile, so that the compiler neither splits
// nor repeats a store, nor makes the loop a call of memcpy, which promises none of that.
typedef uint64_t pair __attribute__((vector_size(16), may_alias));
typedef uint64_t word __attribute__((may_alias));

void creduction_copy_words(void *to, const void *from, size_t bytes) {
    char *target = to;
    const char *source = from;

    for (; bytes > 0 && (uintptr_t)target % 8 != 0; target++, source++, bytes--) *(volatile char *)target = *source;
    if (bytes >= 8 && (uintptr_t)target % 16 != 0) {
        word value;
        memcpy(&value, source, sizeof value);
        *(volatile word *)target = value;
        target += 8, source += 8, bytes -= 8;
    }
    for (; bytes >= 64; target += 64, source += 64, bytes -= 64) {
        pair values[4];
        memcpy(values, source, sizeof values);
        ((volatile pair *)target)[0] = values[0];
        ((volatile pair *)target)[1] = values[1];
        ((volatile pair *)target)[2] = values[2];
        ((volatile pair *)target)[3] = values[3];
    }
    for (; bytes >= 8; target += 8, source += 8, bytes -= 8) {
        word value;
        memcpy(&value, source, sizeof value);
        *(volatile word *)target = value;
    }
    for (; bytes > 0; target++, source++, bytes--) *(volatile char *)target = *source;
}
