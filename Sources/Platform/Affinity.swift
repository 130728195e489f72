import CPlatform

/// The CPUs that the calling thread may use.
public enum Affinity {
    /// Their numbers, ascending.
    public static func allowed() throws(SystemError) -> [Int] {
        var mask = [UInt64](repeating: 0, count: 128)
        let bytes = try check("sched_getaffinity") {
            unsafe mask.withUnsafeMutableBytes { bytes in
                unsafe bytes.baseAddress.map { unsafe cplatform_get_affinity($0, bytes.count) } ?? -1
            }
        }
        return (0..<Int(bytes) * 8).filter { mask[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
    }

    /// Keeps the calling thread, and threads that it starts later, on one CPU.
    public static func pin(to cpu: Int) throws(SystemError) {
        var mask = [UInt64](repeating: 0, count: cpu / 64 + 1)
        mask[cpu / 64] = 1 << UInt64(cpu % 64)
        try check("sched_setaffinity", on: "CPU \(cpu)") {
            unsafe mask.withUnsafeBytes { bytes in
                unsafe bytes.baseAddress.map { unsafe cplatform_set_affinity($0, bytes.count) } ?? -1
            }
        }
    }
}

/// Processors for each of several ranks of a node, at least 1.
///
/// A rank that is bound to few has those, and one that may use all or half of the machine has its part of the machine, as
/// if the ranks were spread evenly. Who knows that all ranks have one set of processors divides that instead.
///
/// - Parameter maskSize: processors that the rank may use, 1 and more; as the mask has them, also when it has but one.
/// - Parameter onlineProcessors: of the machine.
/// - Parameter localRanks: on this machine, the rank itself among them.
public func processorsPerRank(maskSize: Int, onlineProcessors: Int, localRanks: Int) -> Int {
    max(1, min(maskSize, onlineProcessors / max(1, localRanks)))
}

/// Processors that ranks like this process may use together, at least 1: those of its set, or all of the machine when
/// it is pinned to one, as the other ranks are to others then.
public func usableProcessors() -> Int {
    let online = onlineProcessors()
    guard let allowed = try? Affinity.allowed().count, allowed > 1 else { return online }
    return min(allowed, online)
}
