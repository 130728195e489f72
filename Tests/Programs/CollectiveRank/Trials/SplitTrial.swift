import Collectives

/// A communicator split by random colors and keys, twice, with calls on parents and children by turns.
package enum SplitTrial {
    /// What went wrong.
    package struct Wrong: Error, CustomStringConvertible {
        package let description: String
    }

    /// - Parameter seed: the same on all ranks of the communicator.
    /// - Parameter depth: how often groups are split again.
    package static func run(on communicator: Communicator, seed: UInt64, depth: Int = 2) throws {
        let (rank, size) = (communicator.rank, communicator.size)
        var generator = Trial.Generator(state: seed)
        let colors: [Int?] = (0..<size).map { _ in
            let color = Int.random(in: -1...2, using: &generator)
            return color < 0 ? nil : color * 1_000_000_007
        }
        let keys = (0..<size).map { _ in Int.random(in: -2...2, using: &generator) }
        let shared = try communicator.makeTensor(of: Float.self, count: 5000)
        let child = try communicator.split(color: colors[rank], key: keys[rank])
        guard (child == nil) == (colors[rank] == nil) else { throw Wrong(description: "rank \(rank): color or child") }
        let members = (0..<size).filter { colors[$0] == colors[rank] }.sorted { (keys[$0], $0) < (keys[$1], $1) }
        if let child, child.size != members.count || members[child.rank] != rank {
            throw Wrong(description: "seed \(seed): rank \(rank) is rank \(child.rank) of \(child.size)")
        }
        let groupSeed = Trial.mixed(seed ^ UInt64((colors[rank] ?? -1) + 2))
        let trials = Trial.sequence(of: 5, ranks: size, seed: seed, stageBytes: 1024)
        let groupTrials = child.map { Trial.sequence(of: 5, ranks: $0.size, seed: groupSeed, stageBytes: 1024) }
        for index in trials.indices {
            if let child, let groupTrials {
                _ = try groupTrials[index].run(on: child)
                // A tensor of the parent is memory like any other for the child.
                try shared.withMutableSpan { span throws(CollectiveError) in
                    for index in 0..<span.count { span[index] = Float(child.rank) }
                    try child.allReduce(&span, .sum)
                }
                guard shared[4999] == Float((0..<child.size).reduce(0, +)) else {
                    throw Wrong(description: "seed \(seed): a tensor of the parent")
                }
            }
            _ = try trials[index].run(on: communicator)
        }
        if let child, depth > 1 { try run(on: child, seed: groupSeed, depth: depth - 1) }
        // Some children are closed at once, the others when they are released.
        if seed & 1 == 1 { child?.close() }
        try communicator.barrier()
    }
}
