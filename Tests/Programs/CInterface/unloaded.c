// Loads the library, uses it as a rank, unloads it and goes on. The argument is the library's path. Prints "ok".
#include "check.h"

#include <dlfcn.h>

static int (*init)(flexmig_comm *), (*destroy)(flexmig_comm), (*abi)(void), (*work_free)(flexmig_work);
static int (*all_reduce_async)(
    flexmig_comm, const void *, void *, size_t, flexmig_type, flexmig_reduction, flexmig_work *);

// ISO C has no way from an object pointer to a function pointer; POSIX has this one.
static void find(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    memcpy(function, &symbol, sizeof symbol);
}

int main(int count, char **arguments) {
    int round;
    if (count != 2) return 64;
    for (round = 0; round < 3; round++) {
        void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        flexmig_comm comm;
        flexmig_work work;
        double value = 0.5;
        if (library == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        find(library, "flexmig_abi_version", &abi);
        find(library, "flexmig_init", &init);
        find(library, "flexmig_destroy", &destroy);
        find(library, "flexmig_all_reduce_async", &all_reduce_async);
        find(library, "flexmig_work_free", &work_free);
        if (abi() != FLEXMIG_ABI_VERSION || init(&comm) != FLEXMIG_OK
            || all_reduce_async(comm, &value, &value, 1, FLEXMIG_FLOAT64, FLEXMIG_PRODUCT, &work) != FLEXMIG_OK
            || work_free(work) != FLEXMIG_OK || destroy(comm) != FLEXMIG_OK || value > 0.5) {
            fprintf(stderr, "round %d failed\n", round);
            return 1;
        }
        if (dlclose(library) != 0) return 1;
    }
    printf("ok\n");
    return 0;
}
