// A copy that leaves the caches alone.
#include "CReduction.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { line = 64 };

// Each copies `count` whole cache lines to an aligned target. The wider the stores, the fewer wait in the core's store
// queue, and the more of what follows can begin meanwhile.

static void copy_lines_baseline(char *to, const char *from, size_t count) {
    for (; count > 0; to += line, from += line, count -= 1) {
        const __m128i a = _mm_loadu_si128((const __m128i *)from);
        const __m128i b = _mm_loadu_si128((const __m128i *)from + 1);
        const __m128i c = _mm_loadu_si128((const __m128i *)from + 2);
        const __m128i d = _mm_loadu_si128((const __m128i *)from + 3);
        _mm_stream_si128((__m128i *)to, a);
        _mm_stream_si128((__m128i *)to + 1, b);
        _mm_stream_si128((__m128i *)to + 2, c);
        _mm_stream_si128((__m128i *)to + 3, d);
    }
}

__attribute__((target("avx2"))) static void copy_lines_avx2(char *to, const char *from, size_t count) {
    for (; count > 0; to += line, from += line, count -= 1) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)from);
        const __m256i b = _mm256_loadu_si256((const __m256i *)from + 1);
        _mm256_stream_si256((__m256i *)to, a);
        _mm256_stream_si256((__m256i *)to + 1, b);
    }
}

__attribute__((target("avx512f"))) static void copy_lines_avx512(char *to, const char *from, size_t count) {
    for (; count > 0; to += line, from += line, count -= 1)
        _mm512_stream_si512((__m512i *)to, _mm512_loadu_si512(from));
}

void creduction_copy_streaming(void *to, const void *from, size_t bytes, int level) {
    char *target = to;
    const char *source = from;

    // Only whole cache lines: the processor would have to read and merge the others.
    const size_t misaligned = -(uintptr_t)target % line;
    const size_t head = misaligned < bytes ? misaligned : bytes;
    memcpy(target, source, head);
    target += head, source += head, bytes -= head;

    const size_t count = bytes / line;
    switch (level) {
    case creduction_avx512: copy_lines_avx512(target, source, count); break;
    case creduction_avx2: copy_lines_avx2(target, source, count); break;
    default: copy_lines_baseline(target, source, count);
    }
    memcpy(target + count * line, source + count * line, bytes % line);
}

void creduction_end_streaming(void) { _mm_sfence(); }

#else

void creduction_copy_streaming(void *to, const void *from, size_t bytes, int level) {
    (void)level;
    memcpy(to, from, bytes);
}

void creduction_end_streaming(void) {}

#endif
