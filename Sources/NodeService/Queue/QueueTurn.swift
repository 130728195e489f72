import MIGModel
import NodeAPI

/// What a turn has decided: to be written down, answered and done, in this order.
public struct QueueTurn: Hashable, Sendable {
    /// Jobs as they are now, each once, in the order of their sequence numbers; accepted ones too.
    public var changed: [ServiceJob] = []
    public var answers: [Answer] = []
    /// In this order.
    public var actions: [Action] = []
    /// When the queue has to be asked again at the latest, in the queue's time; nil for never.
    public var wakeAt: Double?
    /// Whether tenants' shares or learned run times have changed: `NodeQueue.memory` is to be written with the turn.
    public var memoryHasChanged = false

    public init() {}

    /// What became of a submission.
    public struct Answer: Hashable, Sendable {
        public var id: String
        /// Nil where it was accepted.
        public var problem: Problem?

        public init(id: String, problem: Problem?) {
            self.id = id
            self.problem = problem
        }
    }

    public enum Action: Hashable, Sendable {
        case start(StartOrder)
        /// The job's supervisor is to end it, or its start is to be given up.
        case end(id: String, EndCause)
        /// The job is over: what is kept for running it may go.
        case forget(id: String)
    }
}

/// A job to be started, with the leaves that are its own from now on.
///
/// Orders that cut on one GPU rely on the ones before: carried out in another order, some fail and are given again.
public struct StartOrder: Hashable, Sendable {
    public var id: String
    /// In rank order: by GPU, then by place. Equal to the job's `progress.leaves`.
    public var leaves: [PlacedLeaf]
    /// Those of them that have to be cut first; empty where all are there.
    public var cuts: [PlacedLeaf]
    /// Idle instances that are in the way of these, and go.
    public var destroys: [PlacedLeaf]

    public init(id: String, leaves: [PlacedLeaf], cuts: [PlacedLeaf] = [], destroys: [PlacedLeaf] = []) {
        self.id = id
        self.leaves = leaves
        self.cuts = cuts
        self.destroys = destroys
    }
}
