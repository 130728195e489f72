// A copy that leaves the caches alone.
#include "CReduction.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

void creduction_copy_streaming(void *to, const void *from, size_t bytes) {
    char *target = to;
    const char *source = from;
    const size_t line = 64;

    // Only whole cache lines: the processor would have to read and merge the others.
    const size_t misaligned = -(uintptr_t)target % line;
    const size_t head = misaligned < bytes ? misaligned : bytes;
    memcpy(target, source, head);
    target += head, source += head, bytes -= head;

    for (; bytes >= line; target += line, source += line, bytes -= line) {
        const __m128i a = _mm_loadu_si128((const __m128i *)source);
        const __m128i b = _mm_loadu_si128((const __m128i *)source + 1);
        const __m128i c = _mm_loadu_si128((const __m128i *)source + 2);
        const __m128i d = _mm_loadu_si128((const __m128i *)source + 3);
        _mm_stream_si128((__m128i *)target, a);
        _mm_stream_si128((__m128i *)target + 1, b);
        _mm_stream_si128((__m128i *)target + 2, c);
        _mm_stream_si128((__m128i *)target + 3, d);
    }
    memcpy(target, source, bytes);
    _mm_sfence();
}

#else

void creduction_copy_streaming(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }

#endif
