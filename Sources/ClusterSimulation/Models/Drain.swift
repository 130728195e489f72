import LeafScheduling
import MIGModel

/// Dynamic one-to-one with drain: a GPU gets another layout only when nothing runs on it, and takes no job meanwhile.
///
/// A GPU is drained for a waiting job only when that is expected to serve it sooner than waiting for an instance of its
/// size. Its new layout is the one that serves most of the line from there on; see ``DrainPlanner``.
public struct Drain: ClusterModel {
    public let name = "drain"
    public let drains = true
    /// Compute slices of the layout's instances at the beginning, such as [4, 2, 1]; where a GPU can't be cut so, the
    /// whole GPU is one instance.
    public let firstLayout: [Int]

    public init(firstLayout: [Int] = [4, 2, 1]) { self.firstLayout = firstLayout.sorted(by: >) }

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] {
        part.model.geometry.layoutsBySize.map { .layout($0.layout) }
    }

    public func cut(ofGPU gpu: Int, in part: SimulatedCluster.Part) -> Int {
        let layouts = part.model.geometry.layoutsBySize
        return layouts.firstIndex { $0.sizes == firstLayout } ?? layouts.firstIndex { $0.sizes.count == 1 } ?? 0
    }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        // Small jobs on large instances would fill the GPUs that were drained for large ones.
        // Whatever memory beyond what is needed: the layouts have 1g instances with double memory only as their last one.
        GangWish.smallestInstance(slices: slices, profiles: profiles, memory: .mixed)
    }
}

extension MIGGeometry {
    /// The full layouts of plain profiles, one for each mixture of profiles, by size.
    var layoutsBySize: [(sizes: [Int], layout: Layout)] {
        var seen: Set<[Int]> = []
        var found: [(sizes: [Int], layout: Layout)] = []
        // Of equal sizes the first is kept; double-memory profiles are mixtures of their own.
        for layout in maximalLayouts(using: plainProfiles.map(\.id)) {
            let ids = layout.specs.map(\.profile.rawValue).sorted()
            guard seen.insert(ids).inserted else { continue }
            let sizes = layout.specs.compactMap { profile(id: $0.profile)?.computeSlices }.sorted(by: >)
            found.append((sizes, layout))
        }
        return found.sorted { first, second in
            first.sizes == second.sizes
                ? first.layout.memorySlices > second.layout.memorySlices
                : second.sizes.lexicographicallyPrecedes(first.sizes)
        }
    }
}
