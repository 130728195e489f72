// The kernels of one element type at one level. A template: Level.h includes it once a type, after defining
//
//   TYPE            its name
//   STORED          an element in memory
//   STORED_BYTES    how many bytes of elements make up a vector's worth; optional, VECTOR_BYTES
//   SUMMED          a lane to add and multiply in; for integers the unsigned type, which may wrap
//   ORDERED         a lane to compare in, of the same size
//   QUOTIENT        a lane to divide in
//   WIDEN, NARROW   optional: from a vector of STORED to one of SUMMED and back; NARROW's second argument says whether
//                   each lane is the unchanged value of some source
//   ADD             optional: a sum of two vectors of SUMMED, with the bits of +
//   FETCHED         optional: bytes of each source that are fetched before the first is reduced; 0
//
// all of which are undefined again at the end.

#ifndef STORED_BYTES
#define STORED_BYTES VECTOR_BYTES
#endif
#ifndef ADD
#define ADD(so_far, next) ((so_far) + (next))
#endif
#ifndef FETCHED
#define FETCHED 0
#endif
#ifndef WIDEN
#define WIDEN(stored) ((summed)(stored))
#define NARROW(lanes, are_sources) ((stored)(lanes))
#endif

#define NAMED(name) JOIN(name, TYPE)
#define stored NAMED(stored)
#define summed NAMED(summed)
#define ordered NAMED(ordered)
#define quotient NAMED(quotient)
#define combine NAMED(combine)
#define divide NAMED(divide)
#define finish NAMED(finish)
#define reduce_vectors NAMED(reduce_vectors)
#define reduce_rest NAMED(reduce_rest)
#define reduce NAMED(reduce)
#define block_vectors NAMED(block_vectors)

// Four vectors a block: 2 and 8 measured the same.
enum { block_vectors = 4 };
enum { NAMED(lanes) = STORED_BYTES / sizeof(STORED) };
typedef STORED stored __attribute__((ext_vector_type(NAMED(lanes))));
typedef SUMMED summed __attribute__((ext_vector_type(NAMED(lanes))));
typedef ORDERED ordered __attribute__((ext_vector_type(NAMED(lanes))));
typedef QUOTIENT quotient __attribute__((ext_vector_type(NAMED(lanes))));

// `operation` is a constant in each function from here on.

ALWAYS_INLINE summed combine(int operation, summed so_far, summed next) {
    switch (operation) {
    case creduction_product: return so_far * next;
    case creduction_min: {
        ordered least = (ordered)next < (ordered)so_far ? (ordered)next : (ordered)so_far;
        return (summed)((ordered)next != (ordered)next ? (ordered)next : least);
    }
    case creduction_max: {
        ordered greatest = (ordered)next > (ordered)so_far ? (ordered)next : (ordered)so_far;
        return (summed)((ordered)next != (ordered)next ? (ordered)next : greatest);
    }
    default: return ADD(so_far, next);
    }
}

ALWAYS_INLINE summed divide(summed total, int source_count) {
    quotient mean = __builtin_convertvector((ordered)total, quotient) / (QUOTIENT)source_count;
    return (summed)__builtin_convertvector(mean, ordered);
}

ALWAYS_INLINE stored finish(int operation, summed total, int source_count) {
    if (operation == creduction_mean) total = divide(total, source_count);
    const int are_sources = operation == creduction_min || operation == creduction_max || source_count == 1;
    (void)are_sources;
    return NARROW(total, are_sources);
}

// Reduces `vectors` (a constant, at most a block's) whole vectors at `offset` bytes. All reads come before the first
// write.
ALWAYS_INLINE void reduce_vectors(
    int operation, int vectors, const char *const *sources, int source_count, char *const *results, int result_count,
    size_t offset
) {
    stored values[block_vectors];
    summed totals[block_vectors];
#pragma clang loop unroll(full)
    for (int i = 0; i < vectors; i++) {
        memcpy(&values[i], sources[0] + offset + i * sizeof(stored), sizeof(stored));
        totals[i] = WIDEN(values[i]);
    }
    for (int s = 1; s < source_count; s++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < vectors; i++) {
            memcpy(&values[i], sources[s] + offset + i * sizeof(stored), sizeof(stored));
            totals[i] = combine(operation, totals[i], WIDEN(values[i]));
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < vectors; i++) values[i] = finish(operation, totals[i], source_count);
    for (int d = 0; d < result_count; d++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < vectors; i++) {
            memcpy(results[d] + offset + i * sizeof(stored), &values[i], sizeof(stored));
        }
    }
}

// Reduces `bytes` bytes at `offset`, less than a vector. With a constant, small tensors don't go through memory.
ALWAYS_INLINE void reduce_rest(
    int operation, const char *const *sources, int source_count, char *const *results, int result_count,
    size_t offset, size_t bytes
) {
    stored values = 0;
    memcpy(&values, sources[0] + offset, bytes);
    summed total = WIDEN(values);
    for (int s = 1; s < source_count; s++) {
        memcpy(&values, sources[s] + offset, bytes);
        total = combine(operation, total, WIDEN(values));
    }
    values = finish(operation, total, source_count);
    for (int d = 0; d < result_count; d++) memcpy(results[d] + offset, &values, bytes);
}

ALWAYS_INLINE void reduce(
    int operation, const void *const *raw_sources, int source_count, void *const *raw_results, int result_count,
    size_t count
) {
    const char *const *sources = (const char *const *)raw_sources;
    char *const *results = (char *const *)raw_results;
    const size_t block = block_vectors * sizeof(stored);
    const size_t bytes = count * sizeof(STORED);
    size_t offset = 0;

    // A line that has to be converted takes so many instructions that few of the next lines are asked for meanwhile.
    const size_t fetched = bytes < FETCHED ? bytes : FETCHED;
    for (int s = 0; s < source_count; s++) {
        for (size_t line = 0; line < fetched; line += 64) __builtin_prefetch(sources[s] + line);
    }

    // The pointers of the frequent cases stay in registers: a store might change `sources`, for all the compiler knows.
    if (source_count == 2 && result_count <= 2) {
        const char *const pair[] = {sources[0], sources[1]};
        char *const first[] = {results[0], results[result_count - 1]};
        if (result_count == 1) {
            for (; bytes - offset >= block; offset += block) {
                reduce_vectors(operation, block_vectors, pair, 2, first, 1, offset);
            }
        } else {
            for (; bytes - offset >= block; offset += block) {
                reduce_vectors(operation, block_vectors, pair, 2, first, 2, offset);
            }
        }
    } else {
        for (; bytes - offset >= block; offset += block) {
            reduce_vectors(operation, block_vectors, sources, source_count, results, result_count, offset);
        }
    }
    for (; bytes - offset >= sizeof(stored); offset += sizeof(stored)) {
        reduce_vectors(operation, 1, sources, source_count, results, result_count, offset);
    }
    for (; bytes - offset >= 8; offset += 8) {
        reduce_rest(operation, sources, source_count, results, result_count, offset, 8);
    }
    if (offset < bytes) reduce_rest(operation, sources, source_count, results, result_count, offset, bytes - offset);
}

// Unused where a type takes the sums and products of its twin.
#define KERNEL(operation) \
    __attribute__((unused)) static void NAMED(operation)( \
        const void *const *sources, int source_count, void *const *results, int result_count, size_t count \
    ) { \
        reduce(creduction_##operation, sources, source_count, results, result_count, count); \
    }

KERNEL(sum)
KERNEL(mean)
KERNEL(product)
KERNEL(min)
KERNEL(max)

#undef KERNEL
#undef block_vectors
#undef reduce
#undef reduce_rest
#undef reduce_vectors
#undef finish
#undef divide
#undef combine
#undef quotient
#undef ordered
#undef summed
#undef stored
#undef NAMED
#undef FETCHED
#undef ADD
#undef NARROW
#undef WIDEN
#undef QUOTIENT
#undef ORDERED
#undef SUMMED
#undef STORED_BYTES
#undef STORED
#undef TYPE
