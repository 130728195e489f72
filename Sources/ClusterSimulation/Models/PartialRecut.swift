import LeafScheduling
import MIGModel

/// Dynamic one-to-one, partial: a job gets one instance, for which idle slices are cut and merged beside what runs.
public struct PartialRecut: ClusterModel {
    public let name: String
    public let score: PlacementScore

    /// - Parameter score: which place an instance gets.
    public init(name: String = "partial", score: PlacementScore = .blockedPlacements) {
        self.name = name
        self.score = score
    }

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] { [.asNeeded(score)] }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        // Larger instances can always be cut smaller, so that only the smallest that is enough is worth a thought.
        GangWish.smallestInstance(slices: slices, profiles: profiles)
    }
}

extension PartialRecut {
    /// Dynamic one-to-one that places each instance where the free slices that the demand can't use grow least: FGD's
    /// measure over MIG placements.
    public static let fragmentationAware = PartialRecut(name: "fgd", score: .expectedUnusable)
}
