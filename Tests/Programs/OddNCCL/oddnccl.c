// Only where versions and failures matter: a "libnccl" that tells its version by ncclGetVersion alone, as one whose
// text was stripped would, and a "net plugin" whose init fails, or never ends where ODD_NCCL_HANGS is set. Where
// ODD_NCCL_FORWARDS names a plugin, it does as that one, but has no CollNet.
#include "oddnccl.h"
#include <CNCCLNet.h>
#include <dlfcn.h>
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

__attribute__((visibility("default"))) cncclnet_v8 ncclNetPlugin_v8 = {.name = "Odd", .init = refuse};

__attribute__((constructor)) static void forward(void) {
    const char *path = getenv("ODD_NCCL_FORWARDS");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const cncclnet_v8 *net = library ? dlsym(library, "ncclNetPlugin_v8") : NULL;
    if (net) ncclNetPlugin_v8 = *net;
}
