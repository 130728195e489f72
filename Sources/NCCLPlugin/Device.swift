import CNCCLPlugin
import NCCLTransport

@c @implementation
public func flexmig_nccl_init(_ log: cnccl_function?) -> Int32 {
    cnccl_set_log(log)
    return answer { () throws(NetFailure) in try Plugin.start() }
}

@c @implementation
public func flexmig_nccl_devices(_ count: UnsafeMutablePointer<Int32>?) -> Int32 {
    answer { () throws(NetFailure) in unsafe try required(count, "the place for the number of devices").pointee = 1 }
}

/// One virtual card beside the GPU's processor. NCCL compares the speed with PCIe's, so it is above that.
@c @implementation
public func flexmig_nccl_get_properties(_ device: Int32, _ properties: UnsafeMutablePointer<cnccl_properties>?) -> Int32
{
    answer { () throws(NetFailure) in
        let properties = unsafe try required(properties, "the place for the properties")
        guard device == 0 else { throw .argument("there is no device \(device), only 0") }
        unsafe properties.pointee = cnccl_properties(
            name: cnccl_name(), pci_path: nil, guid: 1, memory_kinds: Int32(cnccl_host_memory),
            registration_is_global: 0, speed: 200_000, port: 0, latency: 0, most_connections: 65536,
            most_grouped_receives: 1, device_type: 0, device_version: 0)
    }
}

/// Host memory needs no registration. The answer is only not NULL.
@c @implementation
public func flexmig_nccl_register_memory(
    _ connection: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ bytes: Int, _ kind: Int32,
    _ registration: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    guard kind == Int32(cnccl_host_memory) else { return Int32(cnccl_internal_error) }
    unsafe registration?.pointee = unsafe data
    return 0
}

@c @implementation
public func flexmig_nccl_deregister_memory(
    _ connection: UnsafeMutableRawPointer?, _ registration: UnsafeMutableRawPointer?
) -> Int32 { 0 }
