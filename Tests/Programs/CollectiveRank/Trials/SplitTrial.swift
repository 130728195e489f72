import Collectives

/// A communicator split by random colors and keys, twice, with calls on parents and children by turns.
package enum SplitTrial {
    /// What went wrong.
    package struct Wrong: Error, CustomStringConvertible {
        package let description: String
    }

    /// A communicator's error, and which ranks of the job that communicator's ranks are.
    package struct Failure: Error {
        package let error: CollectiveError
        package let members: [Int]

        /// The rank of the job that the error is about.
        package var rank: Int? { error.rank.map { members.indices.contains($0) ? members[$0] : -1 } }
    }

    /// - Parameter seed: the same on all ranks of the communicator.
    /// - Parameter depth: how often groups are split again.
    /// - Parameter calls: how many calls each group makes between two splits.
    /// - Parameter members: which ranks of the job the communicator's are; nil for the job's own communicator.
    /// - Throws: `Failure`; `Wrong` and `WrongResult` for what is not right.
    package static func run(
        on communicator: Communicator, seed: UInt64, depth: Int = 2, calls: Int = 5, members: [Int]? = nil
    ) throws {
        let (rank, size) = (communicator.rank, communicator.size)
        let everybody = members ?? Array(0..<size)
        var generator = Trial.Generator(state: seed)
        let colors: [Int?] = (0..<size).map { _ in
            let color = Int.random(in: -1...2, using: &generator)
            return color < 0 ? nil : color * 1_000_000_007
        }
        let keys = (0..<size).map { _ in Int.random(in: -2...2, using: &generator) }
        let (shared, child) = try naming(everybody) {
            let shared = try communicator.makeTensor(of: Float.self, count: 5000)
            return (shared, try communicator.split(color: colors[rank], key: keys[rank]))
        }
        guard (child == nil) == (colors[rank] == nil) else { throw Wrong(description: "rank \(rank): color or child") }
        let group = (0..<size).filter { colors[$0] == colors[rank] }.sorted { (keys[$0], $0) < (keys[$1], $1) }
        if let child, child.size != group.count || group[child.rank] != rank {
            throw Wrong(description: "seed \(seed): rank \(rank) is rank \(child.rank) of \(child.size)")
        }
        let groupMembers = group.map { everybody[$0] }
        let groupSeed = Trial.mixed(seed ^ UInt64((colors[rank] ?? -1) + 2))
        let trials = Trial.sequence(of: calls, ranks: size, seed: seed, stageBytes: 1024)
        let groupTrials = child.map { Trial.sequence(of: calls, ranks: $0.size, seed: groupSeed, stageBytes: 1024) }
        for index in trials.indices {
            if let child, let groupTrials {
                try naming(groupMembers) {
                    _ = try groupTrials[index].run(on: child)
                    // A tensor of the parent is memory like any other for the child.
                    try shared.withMutableSpan { span throws(CollectiveError) in
                        for index in 0..<span.count { span[index] = Float(child.rank) }
                        try child.allReduce(&span, .sum)
                    }
                }
                guard shared[4999] == Float((0..<child.size).reduce(0, +)) else {
                    throw Wrong(description: "seed \(seed): a tensor of the parent")
                }
            }
            _ = try naming(everybody) { try trials[index].run(on: communicator) }
        }
        if let child, depth > 1 {
            try run(on: child, seed: groupSeed, depth: depth - 1, calls: calls, members: groupMembers)
        }
        // Some children are closed at once, the others when they are released.
        if seed & 1 == 1 { child?.close() }
        try naming(everybody) { try communicator.barrier() }
    }

    private static func naming<Value>(_ members: [Int], _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as CollectiveError {
            throw Failure(error: error, members: members)
        }
    }
}
