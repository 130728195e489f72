import LeafScheduling
import MIGModel

/// A way to run a cluster of MIG GPUs: how GPUs are cut, what jobs may get, and which of it they take.
///
/// Everything else, the queue, the indexes and the clock, is the same for all. A new model is a new file with one of
/// these.
public protocol ClusterModel: Sendable {
    /// For tables: "partial", "hybrid".
    var name: String { get }
    /// True where the model was chosen with knowledge of the future.
    var isUnattainable: Bool { get }
    /// One line on what was chosen before the run; may be empty.
    var note: String { get }
    var rule: ChoiceRule { get }

    /// How the GPUs of one part of the cluster can be cut: one or more ways.
    func cuts(of part: SimulatedCluster.Part) -> [GPUCut]

    /// Which of its ways each GPU of a part starts with.
    func cut(ofGPU gpu: Int, in part: SimulatedCluster.Part) -> Int

    /// What a job of so many slices may get, best first.
    ///
    /// - Parameter profiles: the profiles of all GPUs of the cluster, without media profiles.
    func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish]

    /// Whether GPUs are drained and cut anew for jobs that find no instance.
    var drains: Bool { get }

    /// Whether running jobs are moved to other GPUs for jobs that find no instance.
    var migrates: Bool { get }
}

extension ClusterModel {
    public var isUnattainable: Bool { false }
    public var note: String { "" }
    public var rule: ChoiceRule { .firstThatFits }
    public var drains: Bool { false }
    public var migrates: Bool { false }
    public func cut(ofGPU gpu: Int, in part: SimulatedCluster.Part) -> Int { 0 }
}

/// One way to cut a GPU.
public enum GPUCut: Sendable {
    /// A layout that stays until somebody drains the GPU.
    case layout(Layout)
    /// Idle slices are cut and merged as jobs need it.
    case asNeeded(PlacementScore)
}
