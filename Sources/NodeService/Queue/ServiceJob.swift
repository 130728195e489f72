import MIGModel
import NodeAPI

/// A moment by both clocks, in seconds.
public struct Moment: Hashable, Sendable, Codable {
    /// Of the queue: since the machine's boot. All decisions go by it.
    public var queue: Double
    /// Since 1970: for people's eyes.
    public var wall: Double

    public init(queue: Double, wall: Double) {
        self.queue = queue
        self.wall = wall
    }
}

/// A job as the service knows it: all that the store must keep.
public struct ServiceJob: Hashable, Sendable, Identifiable {
    public var id: String
    /// Its place in the order of acceptance. Never given twice.
    public var sequence: Int
    /// What was asked for. In what ``NodeQueue`` gives back the environment is empty: it is large and the store has it.
    public var submission: JobSubmission
    public var user: String
    public var userID: UInt32
    /// The submission's, or the user's name.
    public var tenant: String
    /// The queue's part is of this boot: after a reboot it is the time now, less the wall time gone since.
    public var submittedAt: Moment
    public var progress: JobProgress

    public init(
        id: String, sequence: Int, submission: JobSubmission, user: String, userID: UInt32, submittedAt: Moment,
        progress: JobProgress = JobProgress()
    ) {
        self.id = id
        self.sequence = sequence
        self.submission = submission
        self.user = user
        self.userID = userID
        tenant = submission.tenant ?? user
        self.submittedAt = submittedAt
        self.progress = progress
    }
}

/// A leaf that was chosen for a job: where it is, and which it is once that is known.
public struct PlacedLeaf: Hashable, Sendable, Codable {
    /// The GPU's index.
    public var gpu: Int
    /// Such as "1g.5gb".
    public var profile: String
    /// Nil for a leaf whose profile the driver doesn't list.
    public var profileID: MIGProfile.ID?
    public var placement: Placement
    /// Nil before it is cut.
    public var uuid: MIGDeviceUUID?

    public init(
        gpu: Int, profile: String, profileID: MIGProfile.ID?, placement: Placement, uuid: MIGDeviceUUID? = nil
    ) {
        self.gpu = gpu
        self.profile = profile
        self.profileID = profileID
        self.placement = placement
        self.uuid = uuid
    }

    /// Whether both are one place on the node, whatever lies there.
    func isSamePlace(as other: PlacedLeaf) -> Bool {
        gpu == other.gpu && placement == other.placement && (uuid == nil || other.uuid == nil || uuid == other.uuid)
    }
}

/// Why a job was told to end.
public enum EndCause: Hashable, Sendable, Codable {
    case cancelled
    /// A leaf of it was quarantined, or its GPU is lost; the text says which.
    case fault(String)
}

/// What changes in a job's life.
public struct JobProgress: Hashable, Sendable, Codable {
    public var state = JobState.queued
    /// Why it is in this state, in plain words; nil where the state says it all.
    public var reason: String?
    /// How often its ranks have been started.
    public var attempts = 0
    /// How often in a row it could not be started; 0 again once it runs.
    public var failedStarts = 0
    /// In rank order: chosen from `starting` on; kept when it is over, for people.
    public var leaves: [PlacedLeaf] = []
    /// The supervisor's process, while it runs.
    public var supervisor: Int32?
    /// Why it is `ending`.
    public var endCause: EndCause?
    /// Of the last attempt: the decision to start it.
    public var startedAt: Moment?
    public var endedAt: Moment?
    public var exitCode: Int?
    /// While it is queued: it isn't started before this time of the queue, because it failed lately.
    public var notBefore: Double?
    /// What it was expected to run when it was started last, in seconds; nil where nobody knew.
    public var expectedSeconds: Double?

    public init() {}
}

extension ServiceJob {
    /// The job as a caller may see it. Others than its user and administrators see the program's name alone.
    public func shown(to caller: Caller, expectedAt: Double? = nil) -> Job {
        let isVisible = caller.isAdministrator || caller.userID == userID
        return Job(
            id: id, state: progress.state, name: submission.name, user: user, userID: userID, tenant: tenant,
            priority: submission.priority, leaves: submission.leaves, minLeaves: submission.minLeaves,
            leafType: submission.leafType, leafMemoryMiB: submission.leafMemoryMiB,
            timeLimitSeconds: submission.timeLimitSeconds,
            command: isVisible ? submission.command : Array(submission.command.prefix(1)),
            submittedAt: submittedAt.wall, startedAt: progress.startedAt?.wall, endedAt: progress.endedAt?.wall,
            attempts: progress.attempts, retries: submission.retries,
            assigned: progress.leaves.enumerated().compactMap { rank, leaf in
                leaf.uuid.map { AssignedLeaf(rank: rank, uuid: $0.rawValue, gpu: leaf.gpu, profile: leaf.profile) }
            },
            exitCode: progress.exitCode, reason: progress.reason, expectedAt: expectedAt)
    }
}
