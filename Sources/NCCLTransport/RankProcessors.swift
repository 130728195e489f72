import Platform

/// The processors that a rank's threads may use, and what is left of them beside other ranks.
///
/// NCCL binds the threads that connect to the processors near the GPU, and the plugin's threads inherit that. So it is
/// read where they start, and not when the plugin does.
package struct RankProcessors: Hashable, Sendable {
    /// Of the set, 1 and more.
    package let count: Int
    /// Of the machine.
    package let online: Int
    /// Stands for the set: equal for equal sets, and hardly ever for others. What ranks tell each other.
    package let mark: UInt64

    package init(_ numbers: [Int], online: Int) {
        count = max(1, numbers.count)
        self.online = online
        // FNV-1a.
        mark = numbers.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Of the calling thread; all of the machine's where that can't be read.
    package static func current() -> RankProcessors {
        let online = onlineProcessors()
        return RankProcessors((try? Affinity.allowed()) ?? Array(0..<online), online: online)
    }

    /// How many of the ranks have this set.
    package func sharers(among marks: [UInt64]) -> Int { max(1, marks.count { $0 == mark }) }

    /// Processors for this rank where the sets of all ranks are known, its own among them.
    package func share(among marks: [UInt64]) -> Int { max(1, count / sharers(among: marks)) }

    /// Processors of all ranks together, as if each had as many to itself.
    package func total(among marks: [UInt64]) -> Int { max(1, count * marks.count / sharers(among: marks)) }

    /// Processors for this rank where one other rank's set is known: who has the same shares it with all.
    package func share(beside other: UInt64, localRanks: Int) -> Int {
        other == mark
            ? max(1, count / max(1, localRanks))
            : processorsPerRank(maskSize: count, onlineProcessors: online, localRanks: localRanks)
    }
}
