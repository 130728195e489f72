// The structures that NCCL looks for, which Swift can't export, and its variadic log function.
#include "CNCCLPlugin.h"

#include <stdatomic.h>

static const char name[] = "FlexMIG";

const char *cnccl_name(void) { return name; }

const cnccl_net ncclNetPlugin_v8 = {
    .name = name,
    .init = flexmig_nccl_init,
    .devices = flexmig_nccl_devices,
    .get_properties = flexmig_nccl_get_properties,
    .listen = flexmig_nccl_listen,
    .connect = flexmig_nccl_connect,
    .accept = flexmig_nccl_accept,
    .register_memory = flexmig_nccl_register_memory,
    .register_dma_buffer = 0,
    .deregister_memory = flexmig_nccl_deregister_memory,
    .send = flexmig_nccl_send,
    .receive = flexmig_nccl_receive,
    .flush = flexmig_nccl_flush,
    .test = flexmig_nccl_test,
    .close_sender = flexmig_nccl_close_connection,
    .close_receiver = flexmig_nccl_close_connection,
    .close_listener = flexmig_nccl_close_listener,
    .get_device_registration = 0,
    .receive_was_consumed = 0,
};

const cnccl_collnet ncclCollNetPlugin_v8 = {
    .name = name,
    .init = flexmig_nccl_init,
    .devices = flexmig_nccl_devices,
    .get_properties = flexmig_nccl_get_properties,
    .listen = flexmig_nccl_group_listen,
    .connect = flexmig_nccl_group_connect,
    .reduce_support = flexmig_nccl_group_reduce_support,
    .register_memory = flexmig_nccl_register_memory,
    .register_dma_buffer = 0,
    .deregister_memory = flexmig_nccl_deregister_memory,
    .all_reduce = flexmig_nccl_group_all_reduce,
    .all_gather = flexmig_nccl_group_all_gather,
    .reduce_scatter = flexmig_nccl_group_reduce_scatter,
    .flush = flexmig_nccl_group_flush,
    .test = flexmig_nccl_group_test,
    .close_group = flexmig_nccl_group_close,
    .close_listener = flexmig_nccl_group_close_listener,
};

typedef void (*logger)(int level, unsigned long subsystems, const char *file, int line, const char *format, ...);

// NCCL's bits for "init" and "net".
static const unsigned long subsystems = 1 | 16;
static _Atomic(cnccl_function) current_log;

void cnccl_set_log(cnccl_function log) { atomic_store(&current_log, log); }

void cnccl_log(int level, const char *text) {
    const logger log = (logger)atomic_load(&current_log);
    if (log) log(level, subsystems, "flexmig", 0, "NET/FlexMIG : %s", text);
}
