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
        // Of one instance only the smallest that is enough: a larger one is faster for one job and dearer for all others.
        var wishes = GangWish.smallestInstance(slices: slices, profiles: profiles)
        for size in Set(profiles.map(\.computeSlices)).sorted(by: >) where size < slices {
            let most = (slices + size - 1) / size
            // Two 3g leaves hold as much memory as a 7g instance and are about as fast: the one exception.
            let least = size == 3 && slices == 7 ? 2 : max(1, Int((Double(most) * leastShare).rounded(.up)))
            for count in stride(from: most, through: least, by: -1) where count > 1 || leastShare < 1 {
                guard size * count <= slices + 1 else { continue }
                wishes.append(GangWish(computeSlices: size, count: count))
            }
        }
        return wishes
    }
}
