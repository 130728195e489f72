import LeafScheduling
import MIGModel

/// The reconstruction of Flex-MIG: every GPU is flattened once, and a job gets a leaf for each slice it asks for.
public struct FixedLeaves: ClusterModel {
    public let name: String
    public let layout: LayoutName

    /// - Parameter layout: GPUs that can't have it get `thin`.
    public init(layout: LayoutName = .full) {
        self.layout = layout
        name = layout == .full ? "fixed" : "fixed-\(layout.rawValue)"
    }

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] {
        let geometry = part.model.geometry
        let layout = (try? layout.layout(on: geometry).get()) ?? (try? LayoutName.thin.layout(on: geometry).get())
        return [.layout(layout ?? geometry.wholeLayout)]
    }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        GangWish.fixed(slices: slices)
    }
}
