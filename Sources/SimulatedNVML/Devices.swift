import CNVML
import MIGModel
import SimulatedDriver

@c(nvmlDeviceGetCount_v2) public func nvmlDeviceGetCount_v2(_ count: UnsafeMutablePointer<UInt32>?) -> Int32 {
    answer { try unsafe write(UInt32(try $0.state().gpus.count), to: count) }
}

@c(nvmlDeviceGetCount) public func nvmlDeviceGetCount(_ count: UnsafeMutablePointer<UInt32>?) -> Int32 {
    unsafe nvmlDeviceGetCount_v2(count)
}

/// A GPU that fell off the bus is still counted, but nobody gets its handle.
private func refuseLost(_ gpu: Int, on node: SimulatedNode) throws {
    if try node.faults().isLost(gpu: gpu) { throw Refusal(Code.gpuIsLost) }
}

@c(nvmlDeviceGetHandleByIndex_v2)
public func nvmlDeviceGetHandleByIndex_v2(_ index: UInt32, _ device: UnsafeMutablePointer<OpaquePointer?>?) -> Int32 {
    answer { node in
        guard try node.state().gpus.indices.contains(Int(index)) else { throw Refusal(Code.invalidArgument) }
        try refuseLost(Int(index), on: node)
        try unsafe write(Handle.gpu(Int(index)).pointer, to: device)
    }
}

@c(nvmlDeviceGetHandleByIndex)
public func nvmlDeviceGetHandleByIndex(_ index: UInt32, _ device: UnsafeMutablePointer<OpaquePointer?>?) -> Int32 {
    unsafe nvmlDeviceGetHandleByIndex_v2(index, device)
}

@c(nvmlDeviceGetHandleByUUID)
public func nvmlDeviceGetHandleByUUID(
    _ uuid: UnsafePointer<CChar>?, _ device: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    answer { node in
        guard let uuid = unsafe uuid else { throw Refusal(Code.invalidArgument) }
        let text = unsafe String(cString: uuid)
        let state = try node.state()
        if let index = state.gpus.firstIndex(where: { $0.uuid == text }) {
            try refuseLost(index, on: node)
            try unsafe write(Handle.gpu(index).pointer, to: device)
        } else if let found = state.computeInstance(uuid: text) {
            try refuseLost(found.gpu, on: node)
            try unsafe write(Handle.migDevice(serial: found.compute.serial).pointer, to: device)
        } else {
            throw Refusal(Code.notFound)
        }
    }
}

@c(nvmlDeviceGetHandleByPciBusId_v2)
public func nvmlDeviceGetHandleByPciBusId_v2(
    _ busID: UnsafePointer<CChar>?, _ device: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    answer { node in
        guard let busID = unsafe busID else { throw Refusal(Code.invalidArgument) }
        guard let address = unsafe PCIAddress(String(cString: busID)) else { throw Refusal(Code.invalidArgument) }
        let indices = try node.state().gpus.indices
        guard let index = indices.first(where: { PCIAddress(DriverState.busID(of: $0)) == address }) else {
            throw Refusal(Code.notFound)
        }
        try refuseLost(index, on: node)
        try unsafe write(Handle.gpu(index).pointer, to: device)
    }
}

@c(nvmlDeviceGetHandleByPciBusId)
public func nvmlDeviceGetHandleByPciBusId(
    _ busID: UnsafePointer<CChar>?, _ device: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    unsafe nvmlDeviceGetHandleByPciBusId_v2(busID, device)
}

/// Where a device is on the PCI bus, read from "domain:bus:device.function" in hexadecimal digits; the domain and
/// the function may be left out.
private struct PCIAddress: Equatable {
    /// Domain, bus, device and function.
    private let numbers: [UInt32]

    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let last = parts.last?.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false) else {
            return nil
        }
        let domain: [Substring] = parts.count == 2 ? ["0"] : []
        let function: [Substring] = last.count == 1 ? ["0"] : []
        numbers = (domain + parts.dropLast() + last + function).compactMap { UInt32($0, radix: 16) }
        guard (2...3).contains(parts.count), numbers.count == 4 else { return nil }
    }
}

@c(nvmlDeviceGetName)
public func nvmlDeviceGetName(
    _ device: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ length: UInt32
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let found = unsafe try Device(device, in: state)
        let gpu = state.gpus[found.gpu]
        var name = gpu.model.name
        if case .mig(_, let instance, _) = found,
            let profile = gpu.model.geometry.profile(id: .init(rawValue: instance.profile))
        {
            name += " MIG \(profile.name)"
        }
        try unsafe write(name, to: buffer, length: length)
    }
}

@c(nvmlDeviceGetUUID)
public func nvmlDeviceGetUUID(
    _ device: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ length: UInt32
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let uuid =
            switch unsafe try Device(device, in: state) {
            case .gpu(let index): state.gpus[index].uuid
            case .mig(_, _, let compute): compute.uuid
            }
        try unsafe write(uuid, to: buffer, length: length)
    }
}

@c(nvmlDeviceGetIndex)
public func nvmlDeviceGetIndex(_ device: OpaquePointer?, _ index: UnsafeMutablePointer<UInt32>?) -> Int32 {
    unsafe answer(device) { try unsafe write(UInt32(try Device(device, in: try $0.state()).gpu), to: index) }
}

@c(nvmlDeviceGetMinorNumber)
public func nvmlDeviceGetMinorNumber(_ device: OpaquePointer?, _ minor: UnsafeMutablePointer<UInt32>?) -> Int32 {
    unsafe answer(device) { try unsafe write(UInt32(try Device.gpu(device, in: try $0.state())), to: minor) }
}

@c(nvmlDeviceGetNumaNodeId)
public func nvmlDeviceGetNumaNodeId(_ device: OpaquePointer?, _ numaNode: UnsafeMutablePointer<UInt32>?) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        try unsafe write(UInt32(state.gpus[try Device.gpu(device, in: state)].numaNode), to: numaNode)
    }
}

@c(nvmlDeviceGetPciInfo_v3)
public func nvmlDeviceGetPciInfo_v3(_ device: OpaquePointer?, _ pci: UnsafeMutablePointer<CNVMLPCI>?) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let index = unsafe try Device.gpu(device, in: state)
        guard let pci = unsafe pci else { throw Refusal(Code.invalidArgument) }
        let busID = DriverState.busID(of: index)
        var record = CNVMLPCI()
        record.domain = UInt32(index / 240)
        record.bus = UInt32(7 + index % 240)
        record.pciDeviceId = UInt32(state.gpus[index].model.pciDeviceIDs.first ?? 0) << 16 | 0x10de
        record.pciSubSystemId = record.pciDeviceId
        unsafe withUnsafeMutableBytes(of: &record.busId) { unsafe $0.copyBytes(from: busID.utf8.prefix(31)) }
        unsafe withUnsafeMutableBytes(of: &record.busIdLegacy) {
            unsafe $0.copyBytes(from: busID.dropFirst(4).utf8.prefix(15))
        }
        unsafe pci.pointee = record
    }
}

/// Bytes of memory of a device.
///
/// - Throws: NOT_SUPPORTED for a MIG device whose size nobody has published.
private func totalMemory(of device: Device, in state: DriverState) throws(Refusal) -> UInt64 {
    let gpu = state.gpus[device.gpu]
    let mebibytes =
        switch device {
        case .gpu: gpu.model.memoryMiB as Int?
        case .mig(_, let instance, _): gpu.model.geometry.profile(id: .init(rawValue: instance.profile))?.memoryMiB
        }
    guard let mebibytes else { throw Refusal(Code.notSupported) }
    return UInt64(mebibytes) << 20
}

@c(nvmlDeviceGetMemoryInfo)
public func nvmlDeviceGetMemoryInfo(_ device: OpaquePointer?, _ memory: UnsafeMutablePointer<CNVMLMemory>?) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let total = unsafe try totalMemory(of: try Device(device, in: state), in: state)
        try unsafe write(CNVMLMemory(total: total, free: total, used: 0), to: memory)
    }
}

/// The same with what the driver keeps for itself, which is nothing here.
@c(nvmlDeviceGetMemoryInfo_v2)
public func nvmlDeviceGetMemoryInfo_v2(_ device: OpaquePointer?, _ memory: UnsafeMutablePointer<CNVMLMemoryV2>?)
    -> Int32
{
    unsafe answer(device) { node in
        let state = try node.state()
        let total = unsafe try totalMemory(of: try Device(device, in: state), in: state)
        guard let memory = unsafe memory else { throw Refusal(Code.invalidArgument) }
        let version = unsafe try VersionedStruct(memory.pointee.version, on: node)
        guard version == VersionedStruct(CNVMLMemoryV2.self, 2) else { throw Refusal(Code.argumentVersionMismatch) }
        unsafe memory.pointee = CNVMLMemoryV2(version: version.word, total: total, reserved: 0, free: total, used: 0)
    }
}

/// What the CPU sees of the memory: a MIG device's share is by its memory slices.
@c(nvmlDeviceGetBAR1MemoryInfo)
public func nvmlDeviceGetBAR1MemoryInfo(_ device: OpaquePointer?, _ memory: UnsafeMutablePointer<CNVMLMemory>?) -> Int32
{
    unsafe answer(device) { node in
        let state = try node.state()
        let found = unsafe try Device(device, in: state)
        // A whole GPU shows all of its memory, in a power of two.
        let gpu = state.gpus[found.gpu].model
        var whole = UInt64(1) << 30
        while whole < UInt64(gpu.memoryMiB) << 20 { whole *= 2 }
        let slices = UInt64(gpu.geometry.memorySlices)
        let total =
            switch found {
            case .gpu: whole
            case .mig(_, let instance, _): whole / slices * UInt64(instance.placement.size)
            }
        try unsafe write(CNVMLMemory(total: total, free: total, used: 0), to: memory)
    }
}

@c(nvmlDeviceGetCudaComputeCapability)
public func nvmlDeviceGetCudaComputeCapability(
    _ device: OpaquePointer?, _ major: UnsafeMutablePointer<Int32>?, _ minor: UnsafeMutablePointer<Int32>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let capability = unsafe state.gpus[try Device(device, in: state).gpu].model.computeCapability
        try unsafe write(Int32(capability.major), to: major)
        try unsafe write(Int32(capability.minor), to: minor)
    }
}

@c(nvmlDeviceGetArchitecture)
public func nvmlDeviceGetArchitecture(_ device: OpaquePointer?, _ architecture: UnsafeMutablePointer<UInt32>?) -> Int32
{
    unsafe answer(device) { node in
        let state = try node.state()
        let number = unsafe state.gpus[try Device(device, in: state).gpu].model.architecture.rawValue
        try unsafe write(UInt32(number), to: architecture)
    }
}

/// NVML does not give the utilization of a GPU in MIG mode.
@c(nvmlDeviceGetUtilizationRates)
public func nvmlDeviceGetUtilizationRates(_ device: OpaquePointer?, _ rates: OpaquePointer?) -> Int32 {
    unsafe answer(device) { node in
        _ = unsafe try Device(device, in: try node.state())
        throw Refusal(Code.notSupported)
    }
}
