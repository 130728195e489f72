// The binary interface between NCCL and its network plugins, version 8, and the two structures that this plugin
// exports. NCCL 2.21 and later look for them by name.
//
// Declared from the interface's public description: the order and the types of the fields count, the names don't.
// All functions answer one of the results below. NCCL calls them from its own threads, at most one at a time for each
// connection.
#ifndef CNCCLPLUGIN_H
#define CNCCLPLUGIN_H

#include <stddef.h>
#include <stdint.h>

enum {
    cnccl_success = 0,
    cnccl_system_error = 2,
    cnccl_internal_error = 3,
    cnccl_invalid_argument = 4,
    cnccl_invalid_usage = 5,
    cnccl_remote_error = 6,
};

// Kinds of memory, one bit each.
enum { cnccl_host_memory = 1 };

// Levels of NCCL's log.
enum { cnccl_warning = 2, cnccl_information = 3 };

// Bytes of a handle.
enum { cnccl_handle_bytes = 128 };

// A network device.
typedef struct {
    const char *_Nullable name;
    const char *_Nullable pci_path;  // NULL: NCCL puts it beside the GPU's processor
    uint64_t guid;
    int memory_kinds;
    int registration_is_global;
    int speed;  // Mbit/s
    int port;
    float latency;  // microseconds
    int most_connections;
    int most_grouped_receives;
    int device_type;  // 0: the host drives it
    int device_version;
} cnccl_properties;

// A part of a CollNet gather or scatter.
typedef struct {
    void *_Nullable registration;
    void *_Nullable address;
    uint32_t bytes;
} cnccl_part;

// NCCL's log function; its real type is variadic, which `cnccl_log` knows.
typedef void (*cnccl_function)(void);

typedef void *_Nullable *_Nullable cnccl_out;

// Point to point.
typedef struct {
    const char *_Nonnull name;
    int (*_Nonnull init)(cnccl_function _Nullable log);
    int (*_Nonnull devices)(int *_Nullable count);
    int (*_Nonnull get_properties)(int device, cnccl_properties *_Nullable properties);
    int (*_Nonnull listen)(int device, void *_Nullable handle, cnccl_out listener);
    int (*_Nonnull connect)(int device, void *_Nullable handle, cnccl_out sender, cnccl_out device_handle);
    int (*_Nonnull accept)(void *_Nullable listener, cnccl_out receiver, cnccl_out device_handle);
    int (*_Nonnull register_memory)(void *_Nullable connection, void *_Nullable data, size_t bytes, int kind, cnccl_out registration);
    int (*_Nullable register_dma_buffer)(void *_Nullable connection, void *_Nullable data, size_t bytes, int kind, uint64_t offset, int descriptor, cnccl_out registration);
    int (*_Nonnull deregister_memory)(void *_Nullable connection, void *_Nullable registration);
    int (*_Nonnull send)(void *_Nullable sender, void *_Nullable data, int bytes, int tag, void *_Nullable registration, cnccl_out request);
    int (*_Nonnull receive)(void *_Nullable receiver, int count, void *_Nullable *_Nullable data, int *_Nullable bytes, int *_Nullable tags, void *_Nullable *_Nullable registrations, cnccl_out request);
    int (*_Nonnull flush)(void *_Nullable receiver, int count, void *_Nullable *_Nullable data, int *_Nullable bytes, void *_Nullable *_Nullable registrations, cnccl_out request);
    int (*_Nonnull test)(void *_Nullable request, int *_Nullable done, int *_Nullable bytes);
    int (*_Nonnull close_sender)(void *_Nullable sender);
    int (*_Nonnull close_receiver)(void *_Nullable receiver);
    int (*_Nonnull close_listener)(void *_Nullable listener);
    int (*_Nullable get_device_registration)(void *_Nullable connection, void *_Nullable registration, cnccl_out device_registration);
    int (*_Nullable receive_was_consumed)(void *_Nullable receiver, int count, void *_Nullable request);
} cnccl_net;

// Collectives.
typedef struct {
    const char *_Nonnull name;
    int (*_Nonnull init)(cnccl_function _Nullable log);
    int (*_Nonnull devices)(int *_Nullable count);
    int (*_Nonnull get_properties)(int device, cnccl_properties *_Nullable properties);
    int (*_Nonnull listen)(int device, void *_Nullable handle, cnccl_out listener);
    int (*_Nonnull connect)(void *_Nullable *_Nullable handles, int ranks, int rank, void *_Nullable listener, cnccl_out group);
    int (*_Nonnull reduce_support)(int type, int operation, int *_Nullable supported);
    int (*_Nonnull register_memory)(void *_Nullable group, void *_Nullable data, size_t bytes, int kind, cnccl_out registration);
    int (*_Nullable register_dma_buffer)(void *_Nullable group, void *_Nullable data, size_t bytes, int kind, uint64_t offset, int descriptor, cnccl_out registration);
    int (*_Nonnull deregister_memory)(void *_Nullable group, void *_Nullable registration);
    int (*_Nonnull all_reduce)(void *_Nullable group, void *_Nullable input, void *_Nullable output, int count, int type, int operation, void *_Nullable input_registration, void *_Nullable output_registration, cnccl_out request);
    int (*_Nonnull all_gather)(void *_Nullable group, void *_Nullable input, int count, cnccl_part *_Nullable parts, size_t bytes_per_rank, size_t window_offset, size_t window_bytes, void *_Nullable registration, cnccl_out request);
    int (*_Nonnull reduce_scatter)(void *_Nullable group, int count, cnccl_part *_Nullable parts, void *_Nullable output, size_t bytes_per_rank, size_t window_offset, size_t window_bytes, int type, int operation, void *_Nullable registration, cnccl_out request);
    int (*_Nonnull flush)(void *_Nullable group, void *_Nullable data, int bytes, void *_Nullable registration, cnccl_out request);
    int (*_Nonnull test)(void *_Nullable request, int *_Nullable done, int *_Nullable bytes);
    int (*_Nonnull close_group)(void *_Nullable group);
    int (*_Nonnull close_listener)(void *_Nullable listener);
} cnccl_collnet;

_Static_assert(sizeof(cnccl_properties) == 64, "NCCL's device properties have 64 bytes");
_Static_assert(sizeof(cnccl_net) == 19 * sizeof(void *), "NCCL's net structure has 19 fields");
_Static_assert(sizeof(cnccl_collnet) == 17 * sizeof(void *), "NCCL's CollNet structure has 17 fields");

// What NCCL looks for.
extern const cnccl_net ncclNetPlugin_v8;
extern const cnccl_collnet ncclCollNetPlugin_v8;

// The name of both, and of their device: NCCL takes them for one network by it. Static memory.
const char *_Nonnull cnccl_name(void);

// Remembers NCCL's log function. Any thread.
void cnccl_set_log(cnccl_function _Nullable log);
// Writes a line to NCCL's log; nothing before it is set. Any thread.
void cnccl_log(int level, const char *_Nonnull text);

// In Swift: what both structures have in common,
int flexmig_nccl_init(cnccl_function _Nullable log);
int flexmig_nccl_devices(int *_Nullable count);
int flexmig_nccl_get_properties(int device, cnccl_properties *_Nullable properties);
int flexmig_nccl_register_memory(void *_Nullable connection, void *_Nullable data, size_t bytes, int kind, cnccl_out registration);
int flexmig_nccl_deregister_memory(void *_Nullable connection, void *_Nullable registration);
// point to point,
int flexmig_nccl_listen(int device, void *_Nullable handle, cnccl_out listener);
int flexmig_nccl_connect(int device, void *_Nullable handle, cnccl_out sender, cnccl_out device_handle);
int flexmig_nccl_accept(void *_Nullable listener, cnccl_out receiver, cnccl_out device_handle);
int flexmig_nccl_send(void *_Nullable sender, void *_Nullable data, int bytes, int tag, void *_Nullable registration, cnccl_out request);
int flexmig_nccl_receive(void *_Nullable receiver, int count, void *_Nullable *_Nullable data, int *_Nullable bytes, int *_Nullable tags, void *_Nullable *_Nullable registrations, cnccl_out request);
int flexmig_nccl_flush(void *_Nullable receiver, int count, void *_Nullable *_Nullable data, int *_Nullable bytes, void *_Nullable *_Nullable registrations, cnccl_out request);
int flexmig_nccl_test(void *_Nullable request, int *_Nullable done, int *_Nullable bytes);
int flexmig_nccl_close_connection(void *_Nullable connection);
int flexmig_nccl_close_listener(void *_Nullable listener);
// and collectives.
int flexmig_nccl_group_listen(int device, void *_Nullable handle, cnccl_out listener);
int flexmig_nccl_group_connect(void *_Nullable *_Nullable handles, int ranks, int rank, void *_Nullable listener, cnccl_out group);
int flexmig_nccl_group_reduce_support(int type, int operation, int *_Nullable supported);
int flexmig_nccl_group_all_reduce(void *_Nullable group, void *_Nullable input, void *_Nullable output, int count, int type, int operation, void *_Nullable input_registration, void *_Nullable output_registration, cnccl_out request);
int flexmig_nccl_group_all_gather(void *_Nullable group, void *_Nullable input, int count, cnccl_part *_Nullable parts, size_t bytes_per_rank, size_t window_offset, size_t window_bytes, void *_Nullable registration, cnccl_out request);
int flexmig_nccl_group_reduce_scatter(void *_Nullable group, int count, cnccl_part *_Nullable parts, void *_Nullable output, size_t bytes_per_rank, size_t window_offset, size_t window_bytes, int type, int operation, void *_Nullable registration, cnccl_out request);
int flexmig_nccl_group_flush(void *_Nullable group, void *_Nullable data, int bytes, void *_Nullable registration, cnccl_out request);
int flexmig_nccl_group_test(void *_Nullable request, int *_Nullable done, int *_Nullable bytes);
int flexmig_nccl_group_close(void *_Nullable group);
int flexmig_nccl_group_close_listener(void *_Nullable listener);

#endif
