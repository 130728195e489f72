/// A collective that is measured, by its word in the protocol and on the command line. Sums; the root is rank 0.
public enum BenchmarkOperation: String, CaseIterable, Codable, Sendable {
    case allreduce, reducescatter, allgather, broadcast, reduce, gather, scatter, alltoall
    /// Each rank sends to the next one and receives from the one before, at the same time.
    case sendrecv
    case barrier

    /// Whether input and result are the same memory.
    var isInPlace: Bool { self == .allreduce || self == .broadcast || self == .reduce }

    /// Whether its result, taken as the next input, grows.
    var sumsGrow: Bool { self == .allreduce || self == .reduce }

    /// What the algorithm bandwidth is multiplied by to get the bus bandwidth, as nccl-tests define it: a number that
    /// the speed of the link bounds, whatever the number of ranks.
    package func busFactor(ranks: Int) -> Double {
        let others = Double(ranks - 1) / Double(ranks)
        return switch self {
        case .allreduce: 2 * others
        case .reducescatter, .allgather, .gather, .scatter, .alltoall: others
        case .broadcast, .reduce, .sendrecv: 1
        case .barrier: 0
        }
    }

    /// Bytes that the busiest rank must load and store at least, however the ranks exchange them. nil for none.
    ///
    /// - Parameter bytes: of the larger buffer of a rank.
    package func movedBytes(_ bytes: Int, ranks: Int) -> Int? {
        switch self {
        case .allreduce, .allgather, .broadcast, .gather, .scatter, .alltoall, .sendrecv: 2 * bytes
        // The ranks can share the work: each loads as much as a tensor and stores its block of the result.
        case .reducescatter, .reduce: bytes + bytes / ranks
        case .barrier: nil
        }
    }
}

/// An element type, by its word in the protocol.
public enum BenchmarkType: String, CaseIterable, Codable, Sendable {
    case float32, float64, int32, int64, uint8, float16, bfloat16

    var stride: Int {
        switch self {
        case .float32, .int32: 4
        case .float64, .int64: 8
        case .float16, .bfloat16: 2
        case .uint8: 1
        }
    }
}

/// How operations follow one another.
public enum BenchmarkMethod: String, CaseIterable, Codable, Sendable {
    /// Back to back on the same tensors, as most benchmarks do.
    case `repeat`
    /// Each rank writes its input anew before every operation, as programs do; only the operation is timed.
    case rewrite

    /// For headings.
    var title: String {
        switch self {
        case .repeat: "repeat (back to back)"
        case .rewrite: "rewrite (inputs written anew before each)"
        }
    }
}
