// NCCL's network plugin interface, version 8, as NCCL itself sees it: declared here a second time, apart from the
// plugin's own declaration, so that a mistake in either shows.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef int result;
enum { SUCCESS = 0, SYSTEM_ERROR = 2, INTERNAL_ERROR = 3, INVALID_ARGUMENT = 4, INVALID_USAGE = 5, REMOTE_ERROR = 6 };
enum { POINTER_HOST = 1, POINTER_CUDA = 2, HANDLE_BYTES = 128, REQUESTS_PER_COMM = 32, STEPS = 8 };
enum { LOG_WARN = 2, LOG_INFO = 3 };

typedef void (*logger)(int level, unsigned long flags, const char *file, int line, const char *format, ...);

typedef struct {
    char *name, *pciPath;
    uint64_t guid;
    int ptrSupport, regIsGlobal, speed, port;
    float latency;
    int maxComms, maxRecvs, netDeviceType, netDeviceVersion;
} properties;

typedef struct {
    const char *name;
    result (*init)(logger);
    result (*devices)(int *);
    result (*getProperties)(int, properties *);
    result (*listen)(int dev, void *handle, void **listenComm);
    result (*connect)(int dev, void *handle, void **sendComm, void **sendDevComm);
    result (*accept)(void *listenComm, void **recvComm, void **recvDevComm);
    result (*regMr)(void *comm, void *data, size_t size, int type, void **mhandle);
    result (*regMrDmaBuf)(void *comm, void *data, size_t size, int type, uint64_t offset, int fd, void **mhandle);
    result (*deregMr)(void *comm, void *mhandle);
    result (*isend)(void *sendComm, void *data, int size, int tag, void *mhandle, void **request);
    result (*irecv)(void *recvComm, int n, void **data, int *sizes, int *tags, void **mhandles, void **request);
    result (*iflush)(void *recvComm, int n, void **data, int *sizes, void **mhandles, void **request);
    result (*test)(void *request, int *done, int *sizes);
    result (*closeSend)(void *);
    result (*closeRecv)(void *);
    result (*closeListen)(void *);
    result (*getDeviceMr)(void *comm, void *mhandle, void **dptr_mhandle);
    result (*irecvConsumed)(void *recvComm, int n, void *request);
} net_v8;

typedef struct {
    const char *name;
    result (*init)(logger);
    result (*devices)(int *);
    result (*getProperties)(int, properties *);
    result (*listen)(int dev, void *handle, void **listenComm);
    result (*connect)(void *handles[], int nranks, int rank, void *listenComm, void **collComm);
    result (*reduceSupport)(int dataType, int redOp, int *supported);
    result (*regMr)(void *collComm, void *data, size_t size, int type, void **mhandle);
    result (*regMrDmaBuf)(void *collComm, void *data, size_t size, int type, uint64_t offset, int fd, void **mhandle);
    result (*deregMr)(void *collComm, void *mhandle);
    result (*iallreduce)(void *collComm, void *sendData, void *recvData, int count, int dataType, int redOp, void *sendMhandle, void *recvMhandle, void **request);
    result (*iallgather)(void *collComm, void *sendData, int nRecvParts, void *recvParts, size_t bytesPerRank, size_t windowOffset, size_t windowBytes, void *sendMhandle, void **request);
    result (*ireducescatter)(void *collComm, int nSendParts, void *sendParts, void *recvData, size_t bytesPerRank, size_t windowOffset, size_t windowBytes, int dataType, int redOp, void *recvMhandle, void **request);
    result (*iflush)(void *collComm, void *data, int size, void *mhandle, void **request);
    result (*test)(void *request, int *done, int *size);
    result (*closeColl)(void *collComm);
    result (*closeListen)(void *listenComm);
} collnet_v8;

_Static_assert(sizeof(net_v8) == 152, "152 bytes in NCCL 2.21 to 2.32");
_Static_assert(offsetof(net_v8, isend) == 80 && offsetof(net_v8, test) == 104, "NCCL's order");
_Static_assert(sizeof(properties) == 64 && offsetof(properties, latency) == 40, "NCCL's order");
