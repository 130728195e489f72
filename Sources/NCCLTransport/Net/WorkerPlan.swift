import Collectives

/// How many threads of a process copy messages, and whether they spin while they wait.
package struct WorkerPlan: Hashable, Sendable, CustomStringConvertible {
    package let count: Int
    /// Where threads outnumber processors, a spinning one keeps the processor from the one that it waits for.
    let spins: Int
    private let processors: Int

    /// - Parameter peer: the processors of one other rank, see `RankProcessors`.
    package init(_ own: RankProcessors, peer: UInt64, _ settings: TransportSettings) {
        processors = own.share(beside: peer, localRanks: settings.localRanks)
        count = settings.workers(processors: processors)
        spins = own.count > count + 1 ? WaitLadder.spins : 0
    }

    package var description: String {
        "threads of this process that copy: \(count); processors for this rank: \(processors)"
    }
}
