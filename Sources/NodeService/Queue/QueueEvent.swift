import MIGModel
import NodeAPI

/// Something that has happened. Unknown ids and events that come too late are harmless.
public enum QueueEvent: Hashable, Sendable {
    /// Somebody submitted a job; the turn answers whether it is accepted. Its progress is that of a new job.
    case submitted(ServiceJob)
    case cancel(id: String)
    /// A job that was ordered to start has its leaves and its supervisor. The leaves are in rank order.
    case started(id: String, leaves: [PlacedLeaf], supervisor: Int32)
    /// A job that was ordered to start did not, and nothing of it is left. Whether leaves that were to be cut for it are there
    /// is told by the next snapshot.
    case couldNotStart(id: String, StartFailure)
    /// Nothing of the job runs any more, and its leaves are free.
    case ended(id: String, JobResult)
    /// The node looks so now: read after all that the events before it tell. One that was begun to be read before a start
    /// was ordered, and ended after its answer, shows what was before the cut: throw it away and read again.
    case node(NodeSnapshot)
    /// A job that the store has, or that was adopted without it, when the service begins: what was found of it.
    case found(ServiceJob, Found)
    /// A time has come that a turn wanted to be woken at. Every turn looks at what is due.
    case due
}

/// Why a job could not be started.
public struct StartFailure: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Somebody else took a leaf between the choice and the lease.
        case taken
        /// Idle slices could not be cut.
        case cut
        /// The node has no process, no disk, no answer: nothing that this job's leaves are to blame for.
        case node
        /// The job itself is to blame: no such program, a directory that its user can't enter. It isn't tried again.
        case program
    }

    public var kind: Kind
    /// Those that are concerned; empty for all of the job's.
    public var leaves: [PlacedLeaf]
    /// In plain words, for the job's user.
    public var detail: String
    /// As `flexmig run` would have answered; for `program`.
    public var exitCode: Int?

    public init(_ kind: Kind, leaves: [PlacedLeaf] = [], detail: String, exitCode: Int? = nil) {
        self.kind = kind
        self.leaves = leaves
        self.detail = detail
        self.exitCode = exitCode
    }
}

/// How an attempt ended.
public struct JobResult: Hashable, Sendable {
    public enum Kind: Hashable, Sendable, CaseIterable {
        /// Every rank ended with exit code 0.
        case succeeded
        /// A rank failed, or was ended by somebody else.
        case failed
        /// It ran longer than its time limit.
        case timedOut
        /// A leaf faulted under it.
        case leafFaulted
        /// Its supervisor or the machine went down: nobody knows how far it came.
        case lost
    }

    public var kind: Kind
    public var exitCode: Int?
    /// In plain words, such as "rank 2 ended with exit code 1".
    public var detail: String?
    /// Seconds since 1970; nil for now.
    public var endedAt: Double?

    public init(_ kind: Kind, exitCode: Int? = nil, detail: String? = nil, endedAt: Double? = nil) {
        self.kind = kind
        self.exitCode = exitCode
        self.detail = detail
        self.endedAt = endedAt
    }
}

/// What was found of a job when the service began; the table in docs/design/node-service.md.
public enum Found: Hashable, Sendable {
    /// It waited, or nothing of its start is left: it is in line.
    case waiting
    /// Its supervisor holds these leaves.
    case running(leaves: [PlacedLeaf], supervisor: Int32)
    /// It has ended, and its leaves are free.
    case ended(JobResult)
}
