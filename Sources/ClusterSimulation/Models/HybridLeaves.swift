import LeafScheduling
import MIGModel

/// One-to-many with cutting: among one instance, several leaves now, and waiting, a job takes what is expected to finish
/// first. Placements keep the most legal placements open, weighted by the recent demand.
public struct HybridLeaves: ClusterModel {
    public var name: String { leastShare < 1 ? "hybrid-moldable" : "hybrid" }
    public let rule = ChoiceRule.earliestFinish
    /// The smallest part of its size that a job may start with: 1 for jobs that must have all they ask for, 0.5 for
    /// moldable jobs that may start on half as many leaves.
    public let leastShare: Double

    public init(leastShare: Double = 1) { self.leastShare = leastShare }

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] { [.asNeeded(.openness)] }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        GangWish.hybrid(slices: slices, profiles: profiles, leastShare: leastShare)
    }
}
