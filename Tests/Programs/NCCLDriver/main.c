// Drives an NCCL network plugin as NCCL does, without GPUs.
#include "driver.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *arguments;
    int (*run)(int argc, char **argv);
} scenarios[] = {
    {"traffic", "RANKS CHANNELS MESSAGES BYTES SEED DEPTH ring|both|all", scenario_traffic},
    {"kill", "RANKS SEED", scenario_kill},
    {"reload", "TIMES", scenario_reload},
    {"lines", "MESSAGES", scenario_lines},
    {"mismatch", "tag|size|group|handle|twice", scenario_mismatch},
    {"pending", "RANKS", scenario_pending},
    {"listeners", "SECONDS", scenario_listeners},
    {"idle", "", scenario_idle},
    {"refused", "", scenario_refused},
    {"collnet", "RANKS CALLS SEED", scenario_collnet},
    {"collnet-full", "RANKS", scenario_collnet_full},
    {"collnet-kill", "RANKS SEED", scenario_collnet_kill},
    {"collnet-refused", "RANKS listen|connect|lanes|death", scenario_collnet_refused},
    {"collnet-close", "RANKS SEED", scenario_collnet_close},
    {"collnet-idle", "", scenario_collnet_idle},
    {"collnet-bench", "RANKS BYTES CALLS [REPEATS]", scenario_collnet_bench},
    {"bench", "[REPEATS]", scenario_bench},
};

int main(int argc, char **argv) {
    const int count = sizeof scenarios / sizeof *scenarios;
    for (int i = 0; argc > 2 && i < count; i++) {
        if (strcmp(argv[2], scenarios[i].name) != 0) continue;
        library_path = argv[1];
        // After those of the ranks, so that it can tell of them. Benchmarks take what they take.
        if (!strstr(argv[2], "bench")) alarm(MOST_SECONDS + 10);
        const int bad = scenarios[i].run(argc - 3, argv + 3);
        if (bad == 0) printf("ok\n");
        return bad != 0;
    }
    fprintf(stderr, "usage: nccl-driver LIBRARY SCENARIO ARGUMENTS\n\n");
    for (int i = 0; i < count; i++) fprintf(stderr, "  %-16s %s\n", scenarios[i].name, scenarios[i].arguments);
    return 2;
}
