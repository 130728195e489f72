// What a peer written in C or C++ gives to the harness, and what it gets.
#ifndef FLEXMIG_HARNESS_H
#define FLEXMIG_HARNESS_H

#include "values.h"

#ifdef __cplusplus
extern "C" {
#endif

struct peer {
    // Whether the peer has the operation for the type, whatever the size.
    int (*supports)(enum operation operation, enum type type);
    // Performs one operation; NULL for those it lacks.
    void (*perform[OPERATION_COUNT])(const struct call *call);
};

// Pins the calling thread to the rank's CPU, where every rank can have one and FLEXMIG_BENCH_PIN is not 0.
void pin_rank(int rank, int ranks);

// Serves `command.RANK` of the directory until "quit" or its end. Returns the exit status of the process.
int serve(const struct peer *peer, int rank, int ranks, const char *directory);

#ifdef __cplusplus
}
#endif

#endif
