// What the files of this target share: the kernels of each level, by type and operation.
#ifndef CREDUCTION_LEVELS_H
#define CREDUCTION_LEVELS_H

#include "CReduction.h"

enum { creduction_type_limit = 11, creduction_operation_limit = 6 };

// NULL where there is no such code.
typedef struct {
    creduction_kernel _Nullable kernels[creduction_type_limit][creduction_operation_limit];
} creduction_table;

extern const creduction_table creduction_table_baseline __attribute__((visibility("hidden")));
#if defined(__x86_64__)
extern const creduction_table creduction_table_avx2 __attribute__((visibility("hidden")));
extern const creduction_table creduction_table_avx512 __attribute__((visibility("hidden")));
#endif

#endif
