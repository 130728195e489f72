// Chooses kernels: the processor's level, and the table of each level.
#include "CReduction.h"
#include "Levels.h"

static int is_supported(int level) {
    switch (level) {
    case creduction_baseline: return 1;
#if defined(__x86_64__)
    // These also ask the operating system whether it saves the registers.
    case creduction_avx2:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")
            && __builtin_cpu_supports("fma");
    case creduction_avx512:
        return is_supported(creduction_avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default: return 0;
    }
}

static const creduction_table *table_of(int level) {
    switch (level) {
#if defined(__x86_64__)
    case creduction_avx2: return &creduction_table_avx2;
    case creduction_avx512: return &creduction_table_avx512;
#endif
    default: return &creduction_table_baseline;
    }
}

creduction_kernel creduction_find(int type, int operation, int level) {
    if (type < 0 || type >= creduction_type_limit) return NULL;
    if (operation < 0 || operation >= creduction_operation_limit) return NULL;
    if (!is_supported(level)) return NULL;
    // Converting halves is as fast with AVX2, comparing them faster (Zen 4).
    if (type == creduction_float16 && level == creduction_avx512) level = creduction_avx2;
    return table_of(level)->kernels[type][operation];
}

int creduction_best_level(void) {
    int level = creduction_avx512;
    while (!is_supported(level)) level -= 1;
    return level;
}

const char *creduction_level_name(int level) {
    switch (level) {
    case creduction_baseline: return "baseline";
    case creduction_avx2: return "avx2";
    case creduction_avx512: return "avx512";
    default: return "unknown";
    }
}
