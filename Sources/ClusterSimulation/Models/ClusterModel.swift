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

/// So many leaves, each of so many compute slices.
public struct GangWish: Hashable, Sendable {
    /// Which memory the leaves may have, beyond what a rank needs.
    public enum Memory: Hashable, Sendable {
        /// The profile with the least memory that is enough.
        case least
        /// Only profiles with more than the least of their size.
        case double
        /// Any that is enough, different ones in one gang too.
        case mixed
    }

    public var computeSlices: Int
    public var count: Int
    public var memory: Memory
    /// Whether it is for jobs alone that no wish before it can ever serve, for want of memory.
    public var isLastResort: Bool

    public init(computeSlices: Int, count: Int, memory: Memory = .least, isLastResort: Bool = false) {
        self.computeSlices = computeSlices
        self.count = count
        self.memory = memory
        self.isLastResort = isLastResort
    }
}

extension GangWish {
    /// One instance of each size that is enough, the smallest first; whole GPUs for more than one GPU's slices.
    static func oneInstance(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        let sizes = Set(profiles.map(\.computeSlices)).sorted()
        guard let whole = sizes.last else { return [] }
        if slices > whole {
            return [GangWish(computeSlices: whole, count: (slices + whole - 1) / whole)]
        }
        // With double memory or without, whatever is there; where it is to be cut, without if that is enough.
        return sizes.filter { $0 >= slices }.map { GangWish(computeSlices: $0, count: 1, memory: .mixed) }
    }

    /// The smallest instance that is enough; a larger one only for jobs that need its memory.
    static func smallestInstance(slices: Int, profiles: [MIGProfile], memory: Memory = .least) -> [GangWish] {
        oneInstance(slices: slices, profiles: profiles).enumerated().map { place, wish in
            GangWish(computeSlices: wish.computeSlices, count: wish.count, memory: memory, isLastResort: place > 0)
        }
    }
}
