// Every MPI: Open MPI, MPICH, Intel MPI.
#include <mpi.h>
#include <stdio.h>

#include "harness.h"

#if defined(OPEN_MPI) && OPEN_MPI
#include <mpi-ext.h>
#endif

static MPI_Datatype types[TYPE_COUNT];
static int has_sum[TYPE_COUNT];

// MPI names 16-bit floating point only in extensions. Where one is missing, or missing in this build, such tensors can
// still be moved.
static void find_types(void) {
    for (int type = 0; type < TYPE_COUNT; type++) has_sum[type] = 1;
    types[FLOAT32] = MPI_FLOAT;
    types[FLOAT64] = MPI_DOUBLE;
    types[INT32] = MPI_INT32_T;
    types[INT64] = MPI_INT64_T;
    types[UINT8] = MPI_UINT8_T;
    types[FLOAT16] = types[BFLOAT16] = MPI_DATATYPE_NULL;
    // MPICH 4.0 names it, and aborts when it shall add it.
#if defined(MPIX_C_FLOAT16) && (!defined(MPICH_NUMVERSION) || MPICH_NUMVERSION >= 40100000 || defined(I_MPI_NUMVERSION))
    types[FLOAT16] = MPIX_C_FLOAT16;
#endif
#if defined(MPIX_C_BF16)
    types[BFLOAT16] = MPIX_C_BF16;
#elif defined(MPIX_BFLOAT16)
    types[BFLOAT16] = MPIX_BFLOAT16;
#endif
    for (int type = FLOAT16; type <= BFLOAT16; type++) {
        int size = 0;
        if (types[type] != MPI_DATATYPE_NULL) MPI_Type_size(types[type], &size);
        if (size == 2) continue;
        types[type] = MPI_UINT16_T;
        has_sum[type] = 0;
    }
}

static int supports(enum operation operation, enum type type) {
    return has_sum[type] || (operation != ALLREDUCE && operation != REDUCE && operation != REDUCESCATTER);
}

static void allreduce(const struct call *call) {
    MPI_Allreduce(MPI_IN_PLACE, call->out, (int)call->block, types[call->type], MPI_SUM, MPI_COMM_WORLD);
}

static void reduce_scatter(const struct call *call) {
    MPI_Reduce_scatter_block(call->in, call->out, (int)call->block, types[call->type], MPI_SUM, MPI_COMM_WORLD);
}

static void allgather(const struct call *call) {
    MPI_Datatype type = types[call->type];
    MPI_Allgather(call->in, (int)call->block, type, call->out, (int)call->block, type, MPI_COMM_WORLD);
}

static void broadcast(const struct call *call) {
    MPI_Bcast(call->out, (int)call->block, types[call->type], 0, MPI_COMM_WORLD);
}

static void reduce(const struct call *call) {
    const void *in = call->rank == 0 ? MPI_IN_PLACE : call->in;
    MPI_Reduce(in, call->out, (int)call->block, types[call->type], MPI_SUM, 0, MPI_COMM_WORLD);
}

static void gather(const struct call *call) {
    MPI_Datatype type = types[call->type];
    MPI_Gather(call->in, (int)call->block, type, call->out, (int)call->block, type, 0, MPI_COMM_WORLD);
}

static void scatter(const struct call *call) {
    MPI_Datatype type = types[call->type];
    MPI_Scatter(call->in, (int)call->block, type, call->out, (int)call->block, type, 0, MPI_COMM_WORLD);
}

static void alltoall(const struct call *call) {
    MPI_Datatype type = types[call->type];
    MPI_Alltoall(call->in, (int)call->block, type, call->out, (int)call->block, type, MPI_COMM_WORLD);
}

static void sendrecv(const struct call *call) {
    MPI_Datatype type = types[call->type];
    int after = (call->rank + 1) % call->ranks, before = (call->rank + call->ranks - 1) % call->ranks;
    MPI_Sendrecv(call->in, (int)call->block, type, after, 0, call->out, (int)call->block, type, before, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void barrier(const struct call *call) {
    (void)call;
    MPI_Barrier(MPI_COMM_WORLD);
}

static const struct peer mpi = {
    .supports = supports,
    .perform = {[ALLREDUCE] = allreduce, [REDUCESCATTER] = reduce_scatter, [ALLGATHER] = allgather,
                [BROADCAST] = broadcast, [REDUCE] = reduce, [GATHER] = gather, [SCATTER] = scatter,
                [ALLTOALL] = alltoall, [SENDRECV] = sendrecv, [BARRIER] = barrier},
};

int main(int argc, char **argv) {
    int rank, ranks;
    if (argc != 2) {
        fprintf(stderr, "usage: mpirun -n RANKS %s DIRECTORY\n", argv[0]);
        return 64;
    }
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    pin_rank(rank, ranks);
    find_types();
    int status = serve(&mpi, rank, ranks, argv[1]);
    if (status != 0) MPI_Abort(MPI_COMM_WORLD, status);
    MPI_Finalize();
    return 0;
}
