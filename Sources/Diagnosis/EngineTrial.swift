import Collectives
import Platform

/// One of the two ranks of the engine's self-test.
public enum EngineTrial {
    /// Reduces tensors of several sizes and compares every element with what must come out.
    ///
    /// - Throws: `TrialFailure`, `CollectiveError`, `SystemError`.
    public static func run() throws {
        try dieWithParent(.kill)
        let communicator = try Communicator()
        defer { communicator.close() }
        // Inline, flat, staged in one step, staged in many.
        for count in [1, 1000, 100_000, 3_000_000] {
            let rank = communicator.rank
            var values = (0..<count).map { Int32(truncatingIfNeeded: $0 &* (rank + 1)) }
            try communicator.allReduce(&values, .sum)
            let wrong = values.indices.first { values[$0] != Int32(truncatingIfNeeded: $0 &* 3) }
            if let wrong { throw TrialFailure("element \(wrong) of \(count) is \(values[wrong])") }
        }
        try communicator.barrier()
    }
}
