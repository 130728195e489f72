import LeafScheduling
import MIGModel

/// No MIG: every job gets whole GPUs.
public struct WholeGPU: ClusterModel {
    public let name = "whole"

    public init() {}

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] {
        [.layout(part.model.geometry.wholeLayout)]
    }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        guard let whole = profiles.map(\.computeSlices).max() else { return [] }
        return [GangWish(computeSlices: whole, count: max(1, (slices + whole - 1) / whole))]
    }
}

extension MIGGeometry {
    /// One instance with everything.
    var wholeLayout: Layout {
        let whole = plainProfiles.max { ($0.computeSlices, $0.memorySlices) < ($1.computeSlices, $1.memorySlices) }
        return Layout(
            whole.flatMap { profile in profile.placements.first.map { [MIGSpec(profile: profile.id, placement: $0)] } }
                ?? [])
    }
}
