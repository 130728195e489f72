import Collectives
import Platform

/// Whether the ranks of a node take the same route with the same NCCL, found out by asking all of them.
///
/// For ranks that each decide for themselves, under torchrun, mpirun or srun: two that differ would wait for each other
/// for ever, or exchange nonsense.
public struct RuntimeAgreement: Sendable {
    /// The ranks differ, one of them can't be started, or one did not come to be asked.
    public struct Broken: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
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

    /// As long as `FLEXMIG_TIMEOUT` says, 30 seconds without it. A wrong value is for the program's own communicators to
    /// refuse.
    public static func patience(_ environment: [String: String]) -> Duration {
        let name = "FLEXMIG_TIMEOUT"
        guard let text = environment[name], !text.isEmpty,
            let rendezvous = try? Rendezvous(environment: [name: text])
        else { return .seconds(30) }
        return rendezvous.timeout
    }

    private static let width = 160

    /// Compares this rank's words with those of the node's other ranks; a rank that can't go on says why.
    ///
    /// Costs a rendezvous in shared memory. Returns on all ranks together. A signal that ends this process does so once
    /// nothing of it is left in /dev/shm.
    /// - Throws: `Broken` on every rank that was asked, with what each said, or with who did not come.
    public func check(_ words: String) throws(Broken) {
        guard ranks > 1 else { return }
        let prefix = "\(rendezvous)\(Self.suffix)"
        guard Rendezvous.isPrefix(prefix) else {
            throw Broken(
                description: """
                    the ranks of this job could not compare their runtimes: "\(rendezvous)" is no name for a place to meet
                    FLEXMIG_RENDEZVOUS has 1 to \(Rendezvous.longestPrefix - Self.suffix.utf8.count) letters, digits, \
                    ".", "_" and "-", and does not start with a ".".
                    """)
        }
        Self.removeAbandoned(butNot: prefix)
        let everybody: [String]
        do throws(CollectiveError) {
            everybody = try gather(words, at: prefix)
        } catch {
            // On all ranks: when the first one has no room in /dev/shm, the others wait for it in vain.
            throw Broken(
                description: """
                    the ranks of this job could not compare their runtimes: \(error)
                    Each rank of the node starts with: flexmig exec. All see the same /dev/shm, in containers with \
                    --ipc=host. Ranks that start later than \(patience) after the first need a larger FLEXMIG_TIMEOUT.
                    """)
        }
        guard Set(everybody).count > 1 else { return }
        let lines = everybody.enumerated().map { "  rank \($0.offset) of this node: \($0.element)" }
        throw Broken(
            description: """
                the ranks of this job do not go the same way:
                \(lines.joined(separator: "\n"))
                Start all of them with the same --runtime, environment, Python and number of processors.
                """)
    }

    private func gather(_ words: String, at prefix: String) throws(CollectiveError) -> [String] {
        let communicator = try join(prefix)
        defer { communicator.close() }
        var own = Array(words.utf8.prefix(Self.width))
        own += [UInt8](repeating: 0, count: Self.width - own.count)
        let all = try communicator.allGather(own)
        return (0..<communicator.size).map { rank in
            String(decoding: all[rank * Self.width..<(rank + 1) * Self.width].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The segment has a name until all have joined, so signals wait that long.
    private func join(_ prefix: String) throws(CollectiveError) -> Communicator {
        var rendezvous = Rendezvous(prefix: prefix, rank: rank, worldSize: ranks, timeout: patience)
        // A rank's words are all that goes through it.
        rendezvous.stageBytes = 0
        rendezvous.messageSlots = RegionLayout.fewMessageSlots
        let signals: HeldSignals
        do throws(SystemError) {
            signals = try HeldSignals([.terminate, .interrupt, .hangUp, .quit])
        } catch {
            throw CollectiveError(.system, "can't hold signals back", cause: error)
        }
        defer { signals.release() }
        return try Communicator(rendezvous, limits: WaitLimits(timeout: patience)) { () throws(CollectiveError) in
            if signals.isAnyWaiting { throw CollectiveError(.aborted, "a signal ends this rank") }
        }
    }

    // MARK: What killed ranks leave

    private static let suffix = "-runtime"
    /// A maker takes its lock at once; slower ones do not exist.
    private static let makingTime = Duration.seconds(10)

    /// Removes this user's meeting places in which no process is left: all their ranks were killed while they met.
    ///
    /// - Parameter own: of this job, whose rank 0 may be replacing it just now.
    private static func removeAbandoned(butNot own: String) {
        for name in SharedMemoryName.all(withPrefix: "flexmig-")
        where name.text.hasSuffix("\(suffix)-0") && !name.text.hasPrefix(own) {
            // Whatever fails here concerns a file that is not ours or is gone by now.
            guard let file = try? Descriptor.open(name.path, .readWrite), (try? file.isOwn()) == true,
                let age = try? file.ageOfContent(), age > makingTime,
                (try? file.isLocked(LockRange(start: 0, length: 0))) == false
            else { continue }
            _ = try? name.remove(ifNaming: file)
        }
    }
}
