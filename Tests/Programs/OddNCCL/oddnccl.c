// Only where versions and failures matter: a "libnccl" that tells its version by ncclGetVersion alone, as one whose
// text was stripped would, and a "net plugin" whose init fails, or never ends where ODD_NCCL_HANGS is set.
#include "oddnccl.h"
#include <CNCCLNet.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((visibility("default"))) int ncclGetVersion(int *version) {
    *version = 22304;
    return 0;
}

static cncclnet_result refuse(cncclnet_log log) {
    (void)log;
    while (getenv("ODD_NCCL_HANGS")) pause();
    return 3;
}

__attribute__((visibility("default"))) const cncclnet_v8 ncclNetPlugin_v8 = {.name = "Odd", .init = refuse};
