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
        let profile = unsafe try profile(at: index, of: device, in: node)
        var record = CNVMLGPUInstanceProfile()
        record.id = UInt32(profile.id.rawValue)
        record.sliceCount = UInt32(profile.computeSlices)
        record.instanceCount = UInt32(profile.maximumInstances)
        record.multiprocessorCount = UInt32(profile.multiprocessors ?? 0)
        record.copyEngineCount = UInt32(profile.engines.copy)
        record.decoderCount = UInt32(profile.engines.decoder)
        record.encoderCount = UInt32(profile.engines.encoder)
        record.jpegCount = UInt32(profile.engines.jpeg)
        record.ofaCount = UInt32(profile.engines.ofa)
        record.memorySizeMB = UInt64(profile.memoryMiB ?? 0)
        try unsafe write(record, to: out)
    }
}

/// The version word that a caller put into the struct says whether it is version 2 or 3.
@c(nvmlDeviceGetGpuInstanceProfileInfoV)
public func nvmlDeviceGetGpuInstanceProfileInfoV(
    _ device: OpaquePointer?, _ index: UInt32, _ out: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe answer(device) { node in
        let profile = unsafe try profile(at: index, of: device, in: node)
        guard let out = unsafe out else { throw Refusal(Code.invalidArgument) }
        let name = Array("MIG \(profile.name)".utf8.prefix(95))
        let version = unsafe out.load(as: UInt32.self)
        if try node.faults().refusesStruct(version: Int(version >> 24)) { throw Refusal(Code.argumentVersionMismatch) }
        switch version {
        case 0x200_0098:
            var record = CNVMLGPUInstanceProfileV2()
            record.version = 0x200_0098
            record.id = UInt32(profile.id.rawValue)
            record.sliceCount = UInt32(profile.computeSlices)
            record.instanceCount = UInt32(profile.maximumInstances)
            record.multiprocessorCount = UInt32(profile.multiprocessors ?? 0)
            record.copyEngineCount = UInt32(profile.engines.copy)
            record.decoderCount = UInt32(profile.engines.decoder)
            record.encoderCount = UInt32(profile.engines.encoder)
            record.jpegCount = UInt32(profile.engines.jpeg)
            record.ofaCount = UInt32(profile.engines.ofa)
            record.memorySizeMB = UInt64(profile.memoryMiB ?? 0)
            unsafe withUnsafeMutableBytes(of: &record.name) { unsafe $0.copyBytes(from: name) }
            unsafe out.assumingMemoryBound(to: CNVMLGPUInstanceProfileV2.self).pointee = record
        case 0x300_0098:
            var record = CNVMLGPUInstanceProfileV3()
            record.version = 0x300_0098
            record.id = UInt32(profile.id.rawValue)
            record.sliceCount = UInt32(profile.computeSlices)
            record.instanceCount = UInt32(profile.maximumInstances)
            record.multiprocessorCount = UInt32(profile.multiprocessors ?? 0)
            record.copyEngineCount = UInt32(profile.engines.copy)
            record.decoderCount = UInt32(profile.engines.decoder)
            record.encoderCount = UInt32(profile.engines.encoder)
            record.jpegCount = UInt32(profile.engines.jpeg)
            record.ofaCount = UInt32(profile.engines.ofa)
            record.memorySizeMB = UInt64(profile.memoryMiB ?? 0)
            unsafe withUnsafeMutableBytes(of: &record.name) { unsafe $0.copyBytes(from: name) }
            unsafe out.assumingMemoryBound(to: CNVMLGPUInstanceProfileV3.self).pointee = record
        default: throw Refusal(Code.argumentVersionMismatch)
        }
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

@c(nvmlGpuInstanceGetComputeInstanceProfileInfo)
public func nvmlGpuInstanceGetComputeInstanceProfileInfo(
    _ instance: OpaquePointer?, _ index: UInt32, _ engine: UInt32,
    _ out: UnsafeMutablePointer<CNVMLComputeInstanceProfile>?
) -> Int32 {
    unsafe answer(instance) { node in
        let state = try node.state()
        let (gpu, found) = unsafe try gpuInstance(instance, in: state)
        // NVML_COMPUTE_INSTANCE_PROFILE_COUNT is 9 in the interface that this library follows.
        guard index < 9, engine == 0 else { throw Refusal(Code.invalidArgument) }
        guard let profile = state.gpus[gpu].model.geometry.profile(id: .init(rawValue: found.profile)),
            let slices = ComputeProfile.slices(Int(index)), slices <= profile.computeSlices
        else { throw Refusal(Code.notSupported) }
        var record = CNVMLComputeInstanceProfile()
        record.id = index
        record.sliceCount = UInt32(slices)
        record.instanceCount = UInt32(profile.computeSlices / slices)
        record.multiprocessorCount = UInt32((profile.multiprocessors ?? 0) * slices / profile.computeSlices)
        record.sharedCopyEngineCount = UInt32(profile.engines.copy)
        record.sharedDecoderCount = UInt32(profile.engines.decoder)
        record.sharedEncoderCount = UInt32(profile.engines.encoder)
        record.sharedJpegCount = UInt32(profile.engines.jpeg)
        record.sharedOfaCount = UInt32(profile.engines.ofa)
        try unsafe write(record, to: out)
    }
}
