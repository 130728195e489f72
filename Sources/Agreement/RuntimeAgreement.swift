import Collectives

/// Whether the ranks of a node take the same route with the same NCCL, found out by asking all of them.
///
/// For ranks that each decide for themselves, under torchrun, mpirun or srun: two that differ would wait for each other
/// for ever, or exchange nonsense.
public struct RuntimeAgreement: Sendable {
    /// The ranks differ, or one of them can't be started.
    public struct Broken: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// What became of the question.
    public enum Outcome: Hashable, Sendable {
        case agreed
        /// It could not be asked; the program may go on.
        case unknown(String)
    }

    private let rendezvous: String
    private let rank: Int
    private let ranks: Int
    private let patience: Duration

    /// - Parameter rendezvous: what the ranks of the job on this node have in common, and no other.
    /// - Parameter rank: this rank's number among those of the node; `ranks` is how many they are.
    /// - Parameter patience: how long the other ranks are waited for.
    public init(rendezvous: String, rank: Int, ranks: Int, patience: Duration = .seconds(30)) {
        self.rendezvous = rendezvous
        self.rank = rank
        self.ranks = ranks
        self.patience = patience
    }

    private static let width = 160

    /// Compares this rank's words with those of the node's other ranks; a rank that can't go on says why.
    ///
    /// Costs a rendezvous in shared memory. Returns on all ranks together.
    /// - Throws: `Broken` on every rank that was asked, with what each said.
    public func check(_ words: String) throws(Broken) -> Outcome {
        guard ranks > 1 else { return .agreed }
        let prefix = "\(rendezvous)-runtime"
        guard Rendezvous.isPrefix(prefix) else { return .unknown("\(prefix) is no name for a meeting place") }
        let everybody: [String]
        do throws(CollectiveError) {
            everybody = try gather(words, at: prefix)
        } catch {
            return .unknown("\(error)")
        }
        guard Set(everybody).count > 1 else { return .agreed }
        let lines = everybody.enumerated().map { "  rank \($0.offset) of this node: \($0.element)" }
        throw Broken(
            description: """
                the ranks of this job do not go the same way:
                \(lines.joined(separator: "\n"))
                Start all of them with the same --runtime, environment and Python.
                """)
    }

    private func gather(_ words: String, at prefix: String) throws(CollectiveError) -> [String] {
        let communicator = try Communicator(
            Rendezvous(
                prefix: prefix, rank: rank, worldSize: ranks, timeout: patience))
        defer { communicator.close() }
        var own = Array(words.utf8.prefix(Self.width))
        own += [UInt8](repeating: 0, count: Self.width - own.count)
        let all = try communicator.allGather(own)
        return (0..<communicator.size).map { rank in
            String(decoding: all[rank * Self.width..<(rank + 1) * Self.width].prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
