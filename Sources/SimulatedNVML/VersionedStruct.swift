import CNVML
import MIGModel
import SimulatedDriver

/// The version word of a struct that has several: its size, and the version in the highest byte.
struct VersionedStruct: Equatable {
    let word: UInt32

    init<Struct>(_ type: Struct.Type, _ version: UInt32) { word = UInt32(MemoryLayout<Struct>.size) | version << 24 }

    /// A word that a caller has set.
    ///
    /// - Throws: ARGUMENT_VERSION_MISMATCH where the node has a fault that refuses the version.
    init(_ word: UInt32, on node: SimulatedNode) throws {
        if try node.faults().refusesStruct(version: Int(word >> 24)) { throw Refusal(Code.argumentVersionMismatch) }
        self.word = word
    }
}

/// What all versions of the struct about a GPU instance profile have. A figure that nobody has published is 0.
protocol GPUInstanceProfileRecord {
    var id: UInt32 { get set }
    var sliceCount: UInt32 { get set }
    var instanceCount: UInt32 { get set }
    var multiprocessorCount: UInt32 { get set }
    var copyEngineCount: UInt32 { get set }
    var decoderCount: UInt32 { get set }
    var encoderCount: UInt32 { get set }
    var jpegCount: UInt32 { get set }
    var ofaCount: UInt32 { get set }
    var memorySizeMB: UInt64 { get set }
}

extension GPUInstanceProfileRecord {
    mutating func fill(_ profile: MIGProfile) {
        id = UInt32(profile.id.rawValue)
        sliceCount = UInt32(profile.computeSlices)
        instanceCount = UInt32(profile.maximumInstances)
        multiprocessorCount = UInt32(profile.multiprocessors ?? 0)
        copyEngineCount = UInt32(profile.engines.copy)
        decoderCount = UInt32(profile.engines.decoder)
        encoderCount = UInt32(profile.engines.encoder)
        jpegCount = UInt32(profile.engines.jpeg)
        ofaCount = UInt32(profile.engines.ofa)
        memorySizeMB = UInt64(profile.memoryMiB ?? 0)
    }
}

extension CNVMLGPUInstanceProfile: GPUInstanceProfileRecord {}
extension CNVMLGPUInstanceProfileV2: GPUInstanceProfileRecord {}
extension CNVMLGPUInstanceProfileV3: GPUInstanceProfileRecord {}

/// The same of a compute instance profile.
protocol ComputeInstanceProfileRecord {
    var id: UInt32 { get set }
    var sliceCount: UInt32 { get set }
    var instanceCount: UInt32 { get set }
    var multiprocessorCount: UInt32 { get set }
    var sharedCopyEngineCount: UInt32 { get set }
    var sharedDecoderCount: UInt32 { get set }
    var sharedEncoderCount: UInt32 { get set }
    var sharedJpegCount: UInt32 { get set }
    var sharedOfaCount: UInt32 { get set }
}

extension ComputeInstanceProfileRecord {
    /// - Parameter slices: compute slices of the compute instance; `profile` is the GPU instance's.
    mutating func fill(id: Int, slices: Int, of profile: MIGProfile) {
        self.id = UInt32(id)
        sliceCount = UInt32(slices)
        instanceCount = UInt32(profile.computeSlices / slices)
        multiprocessorCount = UInt32((profile.multiprocessors ?? 0) * slices / profile.computeSlices)
        sharedCopyEngineCount = UInt32(profile.engines.copy)
        sharedDecoderCount = UInt32(profile.engines.decoder)
        sharedEncoderCount = UInt32(profile.engines.encoder)
        sharedJpegCount = UInt32(profile.engines.jpeg)
        sharedOfaCount = UInt32(profile.engines.ofa)
    }
}

extension CNVMLComputeInstanceProfile: ComputeInstanceProfileRecord {}
extension CNVMLComputeInstanceProfileV2: ComputeInstanceProfileRecord {}
extension CNVMLComputeInstanceProfileV3: ComputeInstanceProfileRecord {}
