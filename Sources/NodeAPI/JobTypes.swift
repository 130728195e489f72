/// What a user asks for: the body of `POST /v1/jobs`.
public struct JobSubmission: Hashable, Sendable, Codable {
    public enum LeafType: String, Hashable, Sendable, Codable, CaseIterable {
        case thin, fat, any
    }

    public enum Arrangement: String, Hashable, Sendable, Codable, CaseIterable {
        case pack, spread
    }

    /// What happens to the job when one of its leaves is quarantined.
    public enum QuarantineResponse: String, Hashable, Sendable, Codable, CaseIterable {
        /// It is told in its log and goes on.
        case tell
        /// It is told and ended, and retried on other leaves while it has retries.
        case end
    }

    /// Ranks wanted, one per leaf. 1 to 4096.
    public var leaves: Int
    /// The job may start with fewer leaves, down to this many, when that finishes earlier; nil for all or none.
    public var minLeaves: Int?
    public var leafType: LeafType
    /// Least memory of each leaf, MiB.
    public var leafMemoryMiB: Int?
    public var arrangement: Arrangement
    /// Higher goes first. -100 to 100.
    public var priority: Int
    /// Whose share the job counts for; nil is the user's own name.
    public var tenant: String?
    /// The job is ended when it runs longer, and is expected to run no longer. Seconds, above 0.
    public var timeLimitSeconds: Double?
    /// Between TERM and KILL. Seconds, 0 to 3600.
    public var graceSeconds: Double
    /// For people; need not be unique.
    public var name: String?
    /// The program and its arguments; the program is looked up in the environment's PATH.
    public var command: [String]
    /// Absolute.
    public var workingDirectory: String
    /// The ranks' environment besides what binds them to their leaves.
    public var environment: [String: String]
    /// How often the job may be started again after it failed. 0 to 100.
    public var retries: Int
    public var onQuarantine: QuarantineResponse
    /// Limits of the whole job, where the node can enforce them; a job that asks for what can't be enforced is refused.
    public var memoryLimitBytes: Int?
    /// In processors: 1.5.
    public var cpuLimit: Double?
    /// `--runtime` of `flexmig run`.
    public var runtime: String

    public init(
        leaves: Int, minLeaves: Int? = nil, leafType: LeafType = .any, leafMemoryMiB: Int? = nil,
        arrangement: Arrangement = .pack, priority: Int = 0, tenant: String? = nil, timeLimitSeconds: Double? = nil,
        graceSeconds: Double = 10, name: String? = nil, command: [String], workingDirectory: String,
        environment: [String: String] = [:], retries: Int = 0, onQuarantine: QuarantineResponse = .end,
        memoryLimitBytes: Int? = nil, cpuLimit: Double? = nil, runtime: String = "auto"
    ) {
        self.leaves = leaves
        self.minLeaves = minLeaves
        self.leafType = leafType
        self.leafMemoryMiB = leafMemoryMiB
        self.arrangement = arrangement
        self.priority = priority
        self.tenant = tenant
        self.timeLimitSeconds = timeLimitSeconds
        self.graceSeconds = graceSeconds
        self.name = name
        self.command = command
        self.workingDirectory = workingDirectory
        self.environment = environment
        self.retries = retries
        self.onQuarantine = onQuarantine
        self.memoryLimitBytes = memoryLimitBytes
        self.cpuLimit = cpuLimit
        self.runtime = runtime
    }

    /// Everything but `leaves`, `command` and `workingDirectory` may be missing in JSON.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        leaves = try values.decode(Int.self, forKey: .leaves)
        minLeaves = try values.decodeIfPresent(Int.self, forKey: .minLeaves)
        leafType = try values.decodeIfPresent(LeafType.self, forKey: .leafType) ?? .any
        leafMemoryMiB = try values.decodeIfPresent(Int.self, forKey: .leafMemoryMiB)
        arrangement = try values.decodeIfPresent(Arrangement.self, forKey: .arrangement) ?? .pack
        priority = try values.decodeIfPresent(Int.self, forKey: .priority) ?? 0
        tenant = try values.decodeIfPresent(String.self, forKey: .tenant)
        timeLimitSeconds = try values.decodeIfPresent(Double.self, forKey: .timeLimitSeconds)
        graceSeconds = try values.decodeIfPresent(Double.self, forKey: .graceSeconds) ?? 10
        name = try values.decodeIfPresent(String.self, forKey: .name)
        command = try values.decode([String].self, forKey: .command)
        workingDirectory = try values.decode(String.self, forKey: .workingDirectory)
        environment = try values.decodeIfPresent([String: String].self, forKey: .environment) ?? [:]
        retries = try values.decodeIfPresent(Int.self, forKey: .retries) ?? 0
        onQuarantine = try values.decodeIfPresent(QuarantineResponse.self, forKey: .onQuarantine) ?? .end
        memoryLimitBytes = try values.decodeIfPresent(Int.self, forKey: .memoryLimitBytes)
        cpuLimit = try values.decodeIfPresent(Double.self, forKey: .cpuLimit)
        runtime = try values.decodeIfPresent(String.self, forKey: .runtime) ?? "auto"
    }
}

/// Where a job is in its life. Only `queued` comes again: when a job is retried.
public enum JobState: String, Hashable, Sendable, Codable, CaseIterable {
    case queued
    /// Leaves are its own; nothing of it runs yet.
    case starting
    case running
    /// It was told to end.
    case ending
    case succeeded
    /// A rank failed, a leaf faulted, or the job could not be started: `reason` says what.
    case failed
    case cancelled
    case timedOut = "timed-out"

    public var isOver: Bool {
        switch self {
        case .queued, .starting, .running, .ending: false
        case .succeeded, .failed, .cancelled, .timedOut: true
        }
    }
}

/// A leaf that a job has, or had in its last attempt.
public struct AssignedLeaf: Hashable, Sendable, Codable {
    public var rank: Int
    public var uuid: String
    /// The GPU's index.
    public var gpu: Int
    /// Such as "1g.5gb".
    public var profile: String

    public init(rank: Int, uuid: String, gpu: Int, profile: String) {
        self.rank = rank
        self.uuid = uuid
        self.gpu = gpu
        self.profile = profile
    }
}

/// A job as everybody may see it. Times are seconds since 1970.
public struct Job: Hashable, Sendable, Codable {
    public var id: String
    public var state: JobState
    public var name: String?
    /// The name of the user who submitted it, and his number.
    public var user: String
    public var userID: UInt32
    public var tenant: String
    public var priority: Int
    public var leaves: Int
    public var minLeaves: Int?
    public var leafType: JobSubmission.LeafType
    public var leafMemoryMiB: Int?
    public var timeLimitSeconds: Double?
    /// Shown to the job's user and to administrators; others see no arguments.
    public var command: [String]
    public var submittedAt: Double
    /// Of the last attempt.
    public var startedAt: Double?
    public var endedAt: Double?
    /// How often it was started.
    public var attempts: Int
    public var retries: Int
    /// In rank order; empty before the first start.
    public var assigned: [AssignedLeaf]
    public var exitCode: Int?
    /// Why it is in this state, in plain words; nil where the state says it all.
    public var reason: String?
    /// When a queued job is expected to start and a running one to end, where anything is known.
    public var expectedAt: Double?

    public init(
        id: String, state: JobState, name: String?, user: String, userID: UInt32, tenant: String, priority: Int,
        leaves: Int, minLeaves: Int?, leafType: JobSubmission.LeafType, leafMemoryMiB: Int?,
        timeLimitSeconds: Double?, command: [String], submittedAt: Double, startedAt: Double?, endedAt: Double?,
        attempts: Int, retries: Int, assigned: [AssignedLeaf], exitCode: Int?, reason: String?, expectedAt: Double?
    ) {
        self.id = id
        self.state = state
        self.name = name
        self.user = user
        self.userID = userID
        self.tenant = tenant
        self.priority = priority
        self.leaves = leaves
        self.minLeaves = minLeaves
        self.leafType = leafType
        self.leafMemoryMiB = leafMemoryMiB
        self.timeLimitSeconds = timeLimitSeconds
        self.command = command
        self.submittedAt = submittedAt
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.attempts = attempts
        self.retries = retries
        self.assigned = assigned
        self.exitCode = exitCode
        self.reason = reason
        self.expectedAt = expectedAt
    }
}

/// Why a job is where it is: the answer of `GET /v1/jobs/{id}/explanation`.
public struct Explanation: Hashable, Sendable, Codable {
    public struct Reason: Hashable, Sendable, Codable {
        /// For programs: "not-enough-free", "behind", "quota", "would-delay", ...
        public var code: String
        /// For people, one sentence.
        public var text: String

        public init(code: String, text: String) {
            self.code = code
            self.text = text
        }
    }

    public var job: String
    public var state: JobState
    /// Jobs in front of it; nil where it doesn't wait.
    public var ahead: Int?
    /// All that hold, the weightiest first.
    public var reasons: [Reason]
    /// Seconds since 1970; nil where nobody knows, which a reason then explains.
    public var expectedStartAt: Double?

    public init(job: String, state: JobState, ahead: Int?, reasons: [Reason], expectedStartAt: Double?) {
        self.job = job
        self.state = state
        self.ahead = ahead
        self.reasons = reasons
        self.expectedStartAt = expectedStartAt
    }
}

/// A part of a rank's log.
public struct LogChunk: Hashable, Sendable {
    /// Where the bytes begin in all that the rank has written.
    public var offset: Int
    public var bytes: [UInt8]
    /// Bytes before `offset` that were asked for and are gone: the log is capped.
    public var lost: Int
    /// Whether nothing will follow.
    public var isComplete: Bool

    public init(offset: Int, bytes: [UInt8], lost: Int, isComplete: Bool) {
        self.offset = offset
        self.bytes = bytes
        self.lost = lost
        self.isComplete = isComplete
    }
}
