import CNVML
import MIGModel
import SimulatedDriver

/// NVML_GPU_INSTANCE_PROFILE_COUNT of the interface that this library follows.
private let profileCount: UInt32 = 0x12

/// The profile at an index of the enumeration.
///
/// - Throws: INVALID_ARGUMENT past the end, NOT_SUPPORTED for a profile that this GPU does not have.
private func profile(at index: UInt32, of device: OpaquePointer?, in node: SimulatedNode) throws -> MIGProfile {
    let state = try node.state()
    let gpu = unsafe state.gpus[try Device.gpu(device, in: state)]
    guard index < profileCount else { throw Refusal(Code.invalidArgument) }
    guard let profile = gpu.model.geometry.profiles.first(where: { $0.index == Int(index) }) else {
        throw Refusal(Code.notSupported)
    }
    return profile
}

@c(nvmlDeviceGetGpuInstanceProfileInfo)
public func nvmlDeviceGetGpuInstanceProfileInfo(
    _ device: OpaquePointer?, _ index: UInt32, _ out: UnsafeMutablePointer<CNVMLGPUInstanceProfile>?
) -> Int32 {
    unsafe answer(device) { node in
        var record = CNVMLGPUInstanceProfile()
        record.fill(unsafe try profile(at: index, of: device, in: node))
        try unsafe write(record, to: out)
    }
}

/// The version word that a caller put into the struct says whether it is version 2 or 3.
@c(nvmlDeviceGetGpuInstanceProfileInfoV)
public func nvmlDeviceGetGpuInstanceProfileInfoV(
    _ device: OpaquePointer?, _ index: UInt32, _ out: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe answer(device) { node in
        unsafe try write(try profile(at: index, of: device, in: node), to: out, on: node)
    }
}

/// The same by the profile's ID, which is not its index.
@c(nvmlDeviceGetGpuInstanceProfileInfoByIdV)
public func nvmlDeviceGetGpuInstanceProfileInfoByIdV(
    _ device: OpaquePointer?, _ id: UInt32, _ out: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe state.gpus[try Device.gpu(device, in: state)]
        guard let profile = gpu.model.geometry.profile(id: .init(rawValue: Int(id))) else {
            throw Refusal(Code.invalidArgument)
        }
        try unsafe write(profile, to: out, on: node)
    }
}

private func write(_ profile: MIGProfile, to out: UnsafeMutableRawPointer?, on node: SimulatedNode) throws {
    guard let out = unsafe out else { throw Refusal(Code.invalidArgument) }
    let version = try VersionedStruct(unsafe out.load(as: UInt32.self), on: node)
    let name = Array("MIG \(profile.name)".utf8.prefix(95))
    if version == VersionedStruct(CNVMLGPUInstanceProfileV2.self, 2) {
        var record = CNVMLGPUInstanceProfileV2()
        record.version = version.word
        record.fill(profile)
        unsafe withUnsafeMutableBytes(of: &record.name) { unsafe $0.copyBytes(from: name) }
        unsafe out.assumingMemoryBound(to: CNVMLGPUInstanceProfileV2.self).pointee = record
    } else if version == VersionedStruct(CNVMLGPUInstanceProfileV3.self, 3) {
        var record = CNVMLGPUInstanceProfileV3()
        record.version = version.word
        record.fill(profile)
        record.capabilities = profile.attributes == "+gfx" ? 2 : 0
        unsafe withUnsafeMutableBytes(of: &record.name) { unsafe $0.copyBytes(from: name) }
        unsafe out.assumingMemoryBound(to: CNVMLGPUInstanceProfileV3.self).pointee = record
    } else {
        throw Refusal(Code.argumentVersionMismatch)
    }
}

@c(nvmlDeviceGetGpuInstancePossiblePlacements_v2)
public func nvmlDeviceGetGpuInstancePossiblePlacements_v2(
    _ device: OpaquePointer?, _ id: UInt32, _ places: UnsafeMutablePointer<CNVMLPlacement>?,
    _ count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe state.gpus[try Device.gpu(device, in: state)]
        guard let profile = gpu.model.geometry.profile(id: .init(rawValue: Int(id))) else {
            throw Refusal(Code.invalidArgument)
        }
        try unsafe write(UInt32(profile.placements.count), to: count)
        guard let places = unsafe places else { return }
        for (index, place) in profile.placements.enumerated() {
            unsafe places[index] = CNVMLPlacement(start: UInt32(place.start), size: UInt32(place.size))
        }
    }
}

@c(nvmlDeviceGetGpuInstancePossiblePlacements)
public func nvmlDeviceGetGpuInstancePossiblePlacements(
    _ device: OpaquePointer?, _ id: UInt32, _ places: UnsafeMutablePointer<CNVMLPlacement>?,
    _ count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe nvmlDeviceGetGpuInstancePossiblePlacements_v2(device, id, places, count)
}

@c(nvmlDeviceGetGpuInstanceRemainingCapacity)
public func nvmlDeviceGetGpuInstanceRemainingCapacity(
    _ device: OpaquePointer?, _ id: UInt32, _ count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe try Device.gpu(device, in: state)
        guard state.gpus[gpu].migEnabled else { throw Refusal(Code.notSupported) }
        try unsafe write(UInt32(try state.remainingCapacity(of: Int(id), on: gpu)), to: count)
    }
}
