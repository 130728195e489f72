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

/// Processors that ranks like this process may use together, at least 1: those of its set, or all of the machine when
/// it is pinned to one, as the other ranks are to others then.
public func usableProcessors() -> Int {
    let online = onlineProcessors()
    guard let allowed = try? Affinity.allowed().count, allowed > 1 else { return online }
    return min(allowed, online)
}
