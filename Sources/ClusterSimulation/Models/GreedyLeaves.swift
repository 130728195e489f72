import LeafScheduling
import MIGModel

/// One-to-many without weighing: a job takes the fewest leaves that can be had now, one instance if there is one.
///
/// Cuts as ``HybridLeaves`` does and may get the same leaves, but never waits for a better place: what the rule of
/// hybrid mode is worth is the difference between the two.
public struct GreedyLeaves: ClusterModel {
    public let name = "greedy"

    public init() {}

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] { [.asNeeded(.openness)] }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        let wishes = HybridLeaves().wishes(slices: slices, profiles: profiles)
        let order = wishes.indices.sorted { first, second in
            (wishes[first].count, wishes[first].count * wishes[first].computeSlices, first)
                < (wishes[second].count, wishes[second].count * wishes[second].computeSlices, second)
        }
        return order.map { wishes[$0] }
    }
}
