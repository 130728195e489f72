// NCCL's side of its net plugin interface, version 8: what a plugin exports as `ncclNetPlugin_v8`. Declared here from the
// published interface, apart from the plugin itself, so that the self-test does not agree with the plugin alone.
#ifndef CNCCLNET_H
#define CNCCLNET_H

#include <stddef.h>
#include <stdint.h>

typedef int cncclnet_result;  // 0 is success
typedef void (*cncclnet_log)(int level, unsigned long flags, const char *file, int line, const char *format, ...);

#define CNCCLNET_HANDLE_BYTES 128
#define CNCCLNET_POINTER_HOST 1

typedef struct {
    char *name;
    char *pci_path;
    uint64_t guid;
    int pointer_support;
    int registration_is_global;
    int speed;
    int port;
    float latency;
    int most_communicators;
    int most_receives;
    int device_type;
    int device_version;
} cncclnet_properties;

typedef struct {
    const char *name;
    cncclnet_result (*init)(cncclnet_log log);
    cncclnet_result (*devices)(int *count);
    cncclnet_result (*get_properties)(int device, cncclnet_properties *properties);
    cncclnet_result (*listen)(int device, void *handle, void **listener);
    cncclnet_result (*connect)(int device, void *handle, void **sender, void **device_handle);
    cncclnet_result (*accept)(void *listener, void **receiver, void **device_handle);
    cncclnet_result (*register_memory)(void *comm, void *data, size_t size, int type, void **memory);
    cncclnet_result (*register_dma)(void *comm, void *data, size_t size, int type, uint64_t offset, int fd, void **memory);
    cncclnet_result (*deregister_memory)(void *comm, void *memory);
    cncclnet_result (*send)(void *sender, void *data, int size, int tag, void *memory, void **request);
    cncclnet_result (*receive)(void *receiver, int count, void **data, int *sizes, int *tags, void **memory, void **request);
    cncclnet_result (*flush)(void *receiver, int count, void **data, int *sizes, void **memory, void **request);
    cncclnet_result (*test)(void *request, int *done, int *sizes);
    cncclnet_result (*close_sender)(void *sender);
    cncclnet_result (*close_receiver)(void *receiver);
    cncclnet_result (*close_listener)(void *listener);
    cncclnet_result (*device_memory)(void *comm, void *memory, void **device_memory);
    cncclnet_result (*consumed)(void *receiver, int count, void *request);
} cncclnet_v8;

// What a plugin exports as `ncclCollNetPlugin_v8`: all-reduces that it does itself. NCCL goes on without where it is missing.
typedef struct {
    const char *name;
    cncclnet_result (*init)(cncclnet_log log);
    cncclnet_result (*devices)(int *count);
    cncclnet_result (*get_properties)(int device, cncclnet_properties *properties);
    cncclnet_result (*listen)(int device, void *handle, void **listener);
    cncclnet_result (*connect)(void **handles, int ranks, int rank, void *listener, void **group);
    cncclnet_result (*reduce_support)(int type, int operation, int *supported);
    cncclnet_result (*register_memory)(void *group, void *data, size_t size, int type, void **memory);
    cncclnet_result (*register_dma)(void *group, void *data, size_t size, int type, uint64_t offset, int fd, void **memory);
    cncclnet_result (*deregister_memory)(void *group, void *memory);
    cncclnet_result (*all_reduce)(void *group, void *in, void *out, int count, int type, int operation, void *in_memory, void *out_memory, void **request);
    cncclnet_result (*all_gather)(void *group, void *in, int count, void *parts, size_t bytes_per_rank, size_t window_offset, size_t window_bytes, void *memory, void **request);
    cncclnet_result (*reduce_scatter)(void *group, int count, void *parts, void *out, size_t bytes_per_rank, size_t window_offset, size_t window_bytes, int type, int operation, void *memory, void **request);
    cncclnet_result (*flush)(void *group, void *data, int size, void *memory, void **request);
    cncclnet_result (*test)(void *request, int *done, int *size);
    cncclnet_result (*close_group)(void *group);
    cncclnet_result (*close_listener)(void *listener);
} cncclnet_collective_v8;

// NCCL's numbers of a type and an operation.
#define CNCCLNET_INT32 2
#define CNCCLNET_SUM 0

_Static_assert(sizeof(cncclnet_collective_v8) == 136, "NCCL's ncclCollNet_v8_t has 136 bytes");
_Static_assert(sizeof(cncclnet_v8) == 152, "NCCL's ncclNet_v8_t has 152 bytes");
_Static_assert(offsetof(cncclnet_properties, latency) == 40, "NCCL's ncclNetProperties_v8_t");

// A plugin may call its logger from any thread; a variadic function can't be written in Swift. Says nothing.
static inline void cncclnet_silent_log(int level, unsigned long flags, const char *file, int line, const char *format, ...) {
    (void)level; (void)flags; (void)file; (void)line; (void)format;
}
static inline cncclnet_result cncclnet_init_quietly(const cncclnet_v8 *net) { return net->init(cncclnet_silent_log); }
static inline cncclnet_result cncclnet_collective_init_quietly(const cncclnet_collective_v8 *net) { return net->init(cncclnet_silent_log); }

#endif
