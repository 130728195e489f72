// The kernels for any processor of the architecture: 16-byte vectors (SSE2, NEON).
#define LEVEL_TABLE creduction_table_baseline
#define VECTOR_BYTES 16
#include "Level.h"
