import LeafScheduling
import MIGModel
import NodeAPI

/// What a job wants of leaves: all that its options depend on.
public struct LeafAsk: Hashable, Sendable {
    /// 1 or more. In hybrid mode: the work of so many thin leaves.
    public var leaves: Int
    /// 1 to `leaves`.
    public var minLeaves: Int
    public var type: JobSubmission.LeafType
    /// What each leaf must have; 0 for no demand.
    public var memoryMiB: Int
    public var arrangement: JobSubmission.Arrangement

    public init(
        leaves: Int, minLeaves: Int? = nil, type: JobSubmission.LeafType = .any, memoryMiB: Int = 0,
        arrangement: JobSubmission.Arrangement = .pack
    ) {
        self.leaves = max(1, leaves)
        self.minLeaves = min(max(1, minLeaves ?? leaves), self.leaves)
        self.type = type
        self.memoryMiB = max(0, memoryMiB)
        self.arrangement = arrangement
    }

    public init(_ submission: JobSubmission) {
        self.init(
            leaves: submission.leaves, minLeaves: submission.minLeaves, type: submission.leafType,
            memoryMiB: submission.leafMemoryMiB ?? 0, arrangement: submission.arrangement)
    }

    /// What it may get, best first.
    ///
    /// - Parameter profiles: those of all GPUs of the node.
    func wishes(_ mode: QueueConfiguration.Mode, profiles: [MIGProfile]) -> [GangWish] {
        switch (mode, type) {
        case (.hybrid, .any):
            return GangWish.hybrid(
                slices: leaves, profiles: profiles, leastShare: Double(minLeaves) / Double(leaves))
        case (_, .thin): return counts.map { GangWish(computeSlices: 1, count: $0, memory: .single) }
        case (_, .fat): return counts.map { GangWish(computeSlices: 1, count: $0, memory: .double) }
        case (.fixed, .any):
            // Leaves of one size are preferred to a mixture, because ranks wait for the slowest; more leaves to fewer.
            let sizes = Set(profiles.map(\.computeSlices)).subtracting([1]).sorted()
            return counts.flatMap { count in
                GangWish.fixed(slices: count)
                    + sizes.flatMap { size in
                        [
                            GangWish(computeSlices: size, count: count),
                            GangWish(computeSlices: size, count: count, memory: .mixed),
                        ]
                    } + [GangWish(computeSlices: GangWish.anySize, count: count, memory: .mixed)]
            }
        }
    }

    private var counts: ReversedCollection<ClosedRange<Int>> { (minLeaves...leaves).reversed() }

    /// For people: "4 thin leaves with 9216 MiB each".
    var words: String {
        let number = minLeaves < leaves ? "\(minLeaves) to \(leaves)" : "\(leaves)"
        let kind = type == .any ? "" : "\(type.rawValue) "
        let memory = memoryMiB > 0 ? " with \(memoryMiB) MiB each" : ""
        return "\(number) \(kind)\(leaves == 1 ? "leaf" : "leaves")\(memory)"
    }
}
