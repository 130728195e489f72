import CNVML
import MIGModel
import Platform
import SimulatedDriver

/// Writes a set of numbers as bits into the caller's words of 64 bits.
///
/// - Throws: INSUFFICIENT_SIZE where a number has no bit there.
private func writeBits(
    _ numbers: some Sequence<Int>, to words: UnsafeMutablePointer<UInt>?, count: UInt32
) throws(Refusal) {
    guard let words = unsafe words, count > 0 else { throw Refusal(Code.invalidArgument) }
    let numbers = Array(numbers)
    guard numbers.allSatisfy({ $0 / 64 < Int(count) }) else { throw Refusal(Code.insufficientSize) }
    // More words than any machine has CPUs for are left as they are.
    for word in 0..<min(Int(count), 64) { unsafe words[word] = 0 }
    for number in numbers { unsafe words[number / 64] |= 1 << UInt(number % 64) }
}

/// All CPUs that this process may use: a simulated GPU is not nearer to any.
@c(nvmlDeviceGetCpuAffinity)
public func nvmlDeviceGetCpuAffinity(
    _ device: OpaquePointer?, _ count: UInt32, _ words: UnsafeMutablePointer<UInt>?
) -> Int32 {
    unsafe answer(device) { node in
        _ = unsafe try Device(device, in: try node.state())
        try unsafe writeBits(try Affinity.allowed(), to: words, count: count)
    }
}

@c(nvmlDeviceGetCpuAffinityWithinScope)
public func nvmlDeviceGetCpuAffinityWithinScope(
    _ device: OpaquePointer?, _ count: UInt32, _ words: UnsafeMutablePointer<UInt>?, _ scope: UInt32
) -> Int32 {
    unsafe answer(device) { node in
        guard scope <= 1 else { throw Refusal(Code.invalidArgument) }
        _ = unsafe try Device(device, in: try node.state())
        try unsafe writeBits(try Affinity.allowed(), to: words, count: count)
    }
}

@c(nvmlDeviceGetMemoryAffinity)
public func nvmlDeviceGetMemoryAffinity(
    _ device: OpaquePointer?, _ count: UInt32, _ words: UnsafeMutablePointer<UInt>?, _ scope: UInt32
) -> Int32 {
    unsafe answer(device) { node in
        guard scope <= 1 else { throw Refusal(Code.invalidArgument) }
        let state = try node.state()
        let numaNode = unsafe state.gpus[try Device(device, in: state).gpu].numaNode
        try unsafe writeBits([numaNode], to: words, count: count)
    }
}

/// INTERNAL, NODE or SYSTEM.
private func level(_ first: Int, _ second: Int, in state: DriverState) -> UInt32 {
    if first == second { return 0 }
    return state.gpus[first].numaNode == state.gpus[second].numaNode ? 40 : 50
}

@c(nvmlDeviceGetTopologyCommonAncestor)
public func nvmlDeviceGetTopologyCommonAncestor(
    _ device: OpaquePointer?, _ other: OpaquePointer?, _ out: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpus = unsafe (try Device.gpu(device, in: state), try Device.gpu(other, in: state))
        try unsafe write(level(gpus.0, gpus.1, in: state), to: out)
    }
}

/// The GPUs whose nearest common ancestor is of that level.
@c(nvmlDeviceGetTopologyNearestGpus)
public func nvmlDeviceGetTopologyNearestGpus(
    _ device: OpaquePointer?, _ wanted: UInt32, _ count: UnsafeMutablePointer<UInt32>?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe try Device.gpu(device, in: state)
        guard let count = unsafe count else { throw Refusal(Code.invalidArgument) }
        let found = state.gpus.indices.filter { $0 != gpu && level(gpu, $0, in: state) == wanted }
        let room = unsafe Int(count.pointee)
        unsafe count.pointee = UInt32(found.count)
        // Without an array the caller asks for the number.
        guard let out = unsafe out else { return }
        for (index, other) in found.prefix(room).enumerated() { unsafe out[index] = Handle.gpu(other).pointer }
    }
}

/// No GPU in MIG mode reaches another one: GPU_NOT_SUPPORTED.
@c(nvmlDeviceGetP2PStatus)
public func nvmlDeviceGetP2PStatus(
    _ device: OpaquePointer?, _ other: OpaquePointer?, _ index: UInt32, _ status: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        _ = unsafe (try Device.gpu(device, in: state), try Device.gpu(other, in: state))
        guard index < 5 else { throw Refusal(Code.invalidArgument) }
        try unsafe write(2, to: status)
    }
}
