import Collectives

/// What the environment says about the plugin.
///
/// - `FLEXMIG_TIMEOUT`: seconds that a living peer may stay silent; without it for ever in operations, as with any NCCL
///   transport, and 300 while the ranks of a CollNet group come together.
/// - `FLEXMIG_DEATH_TIMEOUT`: seconds from a peer's death to the error, 1 by default.
/// - `FLEXMIG_NCCL_WORKERS`: threads of this process that copy, 0 to 64; with none NCCL's own thread copies all. Of each
///   CollNet group as many lanes, 1 to 8.
/// - `FLEXMIG_LOCAL_WORLD_SIZE`: ranks on this machine.
/// - `FLEXMIG_NCCL_PART_BYTES`: bytes of a message that are copied at once, a power of two from 4096 to 1048576.
/// - `FLEXMIG_DEBUG`, `FLEXMIG_STAGE_BYTES`, `FLEXMIG_VECTOR`: as for the collectives.
package struct TransportSettings: Sendable {
    /// How long a living peer may take in an operation; nil for as long as it likes.
    package let operationTimeout: Duration?
    package let deathTimeout: Duration
    /// Ranks on this machine, as the launcher says; without one, four.
    package let localRanks: Int
    /// What the user wants, if anything.
    private let givenWorkers: Int?
    package let partBytes: Int
    /// What the names of shared-memory segments start with.
    package let namePrefix: String
    package let isTelling: Bool
    package let isTracing: Bool
    /// With the time limits and the log of the collectives; its name, rank and size are of no meaning.
    package let rendezvous: Rendezvous

    /// How often a waiting side looks whether the other one lives.
    package var lookEvery: Duration { min(deathTimeout / 5, (operationTimeout ?? deathTimeout) / 5) }

    /// Longer than this and a handle could not carry the name.
    static let longestPrefix = 60
    private static let workerCounts = 0...64

    /// - Throws: `invalidEnvironment`, naming the variable, its value and what is allowed.
    package init(environment: [String: String]) throws(CollectiveError) {
        let variables = environment.filter { !$0.value.isEmpty }
        // The ranks are NCCL's affair, so those of the launcher are not looked at.
        let known = [
            "FLEXMIG_TIMEOUT", "FLEXMIG_DEATH_TIMEOUT", "FLEXMIG_STAGE_BYTES", "FLEXMIG_DEBUG",
            "FLEXMIG_SINGLE_COPY", "FLEXMIG_VECTOR",
        ]
        rendezvous = try Rendezvous(environment: variables.filter { known.contains($0.key) })
        operationTimeout = variables["FLEXMIG_TIMEOUT"] == nil ? nil : rendezvous.timeout
        deathTimeout = rendezvous.deathTimeout
        isTelling = rendezvous.log.level >= .info
        isTracing = rendezvous.log.level == .trace
        givenWorkers = try Self.givenWorkers(variables)
        localRanks = variables["FLEXMIG_LOCAL_WORLD_SIZE"].flatMap { Int($0) } ?? 4
        partBytes = try Self.partBytes(variables)
        namePrefix = Self.namePrefix(variables["FLEXMIG_RENDEZVOUS"])
    }

    /// Threads of this process that copy messages, 0 to 64; with none NCCL's own thread does.
    ///
    /// - Parameter processors: for this rank, beside the others.
    package func workers(processors: Int) -> Int { givenWorkers ?? Self.spare(processors) }

    /// Lanes that this rank wants for a CollNet group, 1 to `LanePlan.most`: without a thread there is no group.
    package func lanes(processors: Int) -> Int { min(max(1, workers(processors: processors)), LanePlan.most) }

    /// NCCL keeps one thread of each rank busy, and a program that waits for its GPU another one; the rest is for ours, but
    /// more than four saturate memory. Measured on an H100 with 16 processors and 4 ranks: 2 workers each are up to twice
    /// as fast as 3. A worker without a processor of its own only takes turns with NCCL's thread, which asks all the time:
    /// measured on 2 processors it copies no faster, and a message of 64 KiB takes 13 microseconds instead of 8.
    private static func spare(_ processors: Int) -> Int { min(max(0, processors - 2), 4) }

    private static func givenWorkers(_ variables: [String: String]) throws(CollectiveError) -> Int? {
        guard let text = variables["FLEXMIG_NCCL_WORKERS"] else { return nil }
        guard let count = Int(text), workerCounts.contains(count) else {
            throw CollectiveError(
                .invalidEnvironment,
                "FLEXMIG_NCCL_WORKERS is \"\(text)\"; allowed is an integer from \(workerCounts.lowerBound) to "
                    + "\(workerCounts.upperBound)")
        }
        return count
    }

    private static func partBytes(_ variables: [String: String]) throws(CollectiveError) -> Int {
        guard let text = variables["FLEXMIG_NCCL_PART_BYTES"] else { return RingLayout.usualPart }
        guard let bytes = Int(text), (RingLayout.leastPart...RingLayout.largestPart).contains(bytes),
            bytes.nonzeroBitCount == 1
        else {
            throw CollectiveError(
                .invalidEnvironment,
                "FLEXMIG_NCCL_PART_BYTES is \"\(text)\"; allowed is a power of two from \(RingLayout.leastPart) to "
                    + "\(RingLayout.largestPart)")
        }
        return bytes
    }

    /// The launcher removes what starts with the job's prefix, so that is used where it fits into a handle.
    private static func namePrefix(_ rendezvous: String?) -> String {
        guard let rendezvous, Rendezvous.isPrefix(rendezvous), rendezvous.utf8.count <= longestPrefix else {
            return "flexmig-nccl-"
        }
        return rendezvous.hasSuffix("-") ? "\(rendezvous)nccl-" : "\(rendezvous)-nccl-"
    }
}
