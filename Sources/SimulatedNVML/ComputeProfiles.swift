import CNVML
import MIGModel
import SimulatedDriver

/// A compute instance profile of a GPU instance, and the GPU instance's own.
///
/// - Throws: INVALID_ARGUMENT past the end of the enumeration, NOT_SUPPORTED for a profile that the instance can't have.
private func computeProfile(
    at index: UInt32, engine: UInt32, of instance: OpaquePointer?, in node: SimulatedNode
) throws -> (slices: Int, profile: MIGProfile) {
    let state = try node.state()
    let (gpu, found) = unsafe try gpuInstance(instance, in: state)
    // NVML_COMPUTE_INSTANCE_PROFILE_COUNT is 9 in the interface that this library follows.
    guard index < 9, engine == 0 else { throw Refusal(Code.invalidArgument) }
    guard let profile = state.gpus[gpu].model.geometry.profile(id: .init(rawValue: found.profile)),
        let slices = ComputeProfile.slices(Int(index)), slices <= profile.computeSlices
    else { throw Refusal(Code.notSupported) }
    return (slices, profile)
}

@c(nvmlGpuInstanceGetComputeInstanceProfileInfo)
public func nvmlGpuInstanceGetComputeInstanceProfileInfo(
    _ instance: OpaquePointer?, _ index: UInt32, _ engine: UInt32,
    _ out: UnsafeMutablePointer<CNVMLComputeInstanceProfile>?
) -> Int32 {
    unsafe answer(instance) { node in
        let found = unsafe try computeProfile(at: index, engine: engine, of: instance, in: node)
        var record = CNVMLComputeInstanceProfile()
        record.fill(id: Int(index), slices: found.slices, of: found.profile)
        try unsafe write(record, to: out)
    }
}

@c(nvmlGpuInstanceGetComputeInstanceProfileInfoV)
public func nvmlGpuInstanceGetComputeInstanceProfileInfoV(
    _ instance: OpaquePointer?, _ index: UInt32, _ engine: UInt32, _ out: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe answer(instance) { node in
        let found = unsafe try computeProfile(at: index, engine: engine, of: instance, in: node)
        guard let out = unsafe out else { throw Refusal(Code.invalidArgument) }
        let version = try VersionedStruct(unsafe out.load(as: UInt32.self), on: node)
        // The part is named only where it is not the whole.
        let part = found.slices == found.profile.computeSlices ? "" : "\(found.slices)c."
        let name = Array("MIG \(part)\(found.profile.name)".utf8.prefix(95))
        if version == VersionedStruct(CNVMLComputeInstanceProfileV2.self, 2) {
            var record = CNVMLComputeInstanceProfileV2()
            record.version = version.word
            record.fill(id: Int(index), slices: found.slices, of: found.profile)
            unsafe withUnsafeMutableBytes(of: &record.name) { unsafe $0.copyBytes(from: name) }
            unsafe out.assumingMemoryBound(to: CNVMLComputeInstanceProfileV2.self).pointee = record
        } else if version == VersionedStruct(CNVMLComputeInstanceProfileV3.self, 3) {
            var record = CNVMLComputeInstanceProfileV3()
            record.version = version.word
            record.fill(id: Int(index), slices: found.slices, of: found.profile)
            record.capabilities = found.profile.attributes == "+gfx" ? 1 : 0
            unsafe withUnsafeMutableBytes(of: &record.name) { unsafe $0.copyBytes(from: name) }
            unsafe out.assumingMemoryBound(to: CNVMLComputeInstanceProfileV3.self).pointee = record
        } else {
            throw Refusal(Code.argumentVersionMismatch)
        }
    }
}

/// Every run of compute slices that is long enough, taken or not.
@c(nvmlGpuInstanceGetComputeInstancePossiblePlacements)
public func nvmlGpuInstanceGetComputeInstancePossiblePlacements(
    _ instance: OpaquePointer?, _ id: UInt32, _ places: UnsafeMutablePointer<CNVMLPlacement>?,
    _ count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(instance) { node in
        let state = try node.state()
        let (gpu, found) = unsafe try gpuInstance(instance, in: state)
        guard let slices = ComputeProfile.slices(Int(id)),
            let profile = state.gpus[gpu].model.geometry.profile(id: .init(rawValue: found.profile)),
            slices <= profile.computeSlices
        else { throw Refusal(Code.invalidArgument) }
        let starts = 0...(profile.computeSlices - slices)
        try unsafe write(UInt32(starts.count), to: count)
        guard let places = unsafe places else { return }
        for start in starts { unsafe places[start] = CNVMLPlacement(start: UInt32(start), size: UInt32(slices)) }
    }
}
