/// Who asks: found out by the transport, never told by the request itself.
public struct Caller: Hashable, Sendable {
    public var userID: UInt32
    public var userName: String
    /// Root, the daemon's own user, and the members of its administrators' group.
    public var isAdministrator: Bool
    /// The process that asked, where a socket tells; for logs only.
    public var processID: Int32?

    public init(userID: UInt32, userName: String, isAdministrator: Bool, processID: Int32? = nil) {
        self.userID = userID
        self.userName = userName
        self.isAdministrator = isAdministrator
        self.processID = processID
    }
}

/// Which jobs of a list are wanted.
public struct JobFilter: Hashable, Sendable {
    /// Empty for all.
    public var states: Set<JobState>
    /// A user's name; nil for all.
    public var user: String?
    /// 1 to 1000.
    public var limit: Int
    /// What the page before gave as `next`.
    public var cursor: String?

    public init(states: Set<JobState> = [], user: String? = nil, limit: Int = 100, cursor: String? = nil) {
        self.states = states
        self.user = user
        self.limit = limit
        self.cursor = cursor
    }
}

/// What the node's service does for its callers. Every call throws `Problem` and nothing else.
///
/// A user sees all jobs, but arguments, environment and logs of his own alone, and cancels his own; administrators all.
public protocol NodeServing: Sendable {
    func status(for caller: Caller) async throws(Problem) -> NodeStatus

    /// Accepts a job. When this returns, the job is written down and survives a crash.
    ///
    /// - Parameter key: the client's own name for this submission, 1 to 255 bytes: the same user's same key answers the
    ///   job that it was accepted as, and a `conflict` when the submission differs.
    /// - Returns: the job and whether it is new.
    func submit(_ submission: JobSubmission, key: String?, by caller: Caller) async throws(Problem) -> (
        job: Job, isNew: Bool
    )

    /// The newest first.
    func jobs(_ filter: JobFilter, for caller: Caller) async throws(Problem) -> Page<Job>
    func job(_ id: String, for caller: Caller) async throws(Problem) -> Job
    func explanation(of id: String, for caller: Caller) async throws(Problem) -> Explanation

    /// Ends a job, or takes it out of the queue. A job that is over stays as it is.
    func cancel(_ id: String, by caller: Caller) async throws(Problem) -> Job

    /// Reads a rank's log.
    ///
    /// - Parameter offset: where to begin; negative counts from the end.
    /// - Parameter wait: whether to wait up to 30 s for the first byte where none is there yet.
    func log(of id: String, rank: Int, from offset: Int, limit: Int, wait: Bool, for caller: Caller)
        async throws(Problem) -> LogChunk

    /// Samples since a time, the oldest first; thinned to at most `limit`.
    func history(since: Double, limit: Int, for caller: Caller) async throws(Problem) -> [NodeSample]

    /// What changes from now on, or from the event after `last` on where that is still known.
    ///
    /// A reader that does not read gets `reset` in place of what he missed: memory is bounded.
    func events(after last: Int?, for caller: Caller) async throws(Problem) -> AsyncStream<NodeEvent>

    /// The numbers behind `/metrics`.
    func metrics() async -> NodeMetrics
}

/// The numbers behind `/metrics`, each with the meaning that its line in docs/metrics.md gives.
public struct NodeMetrics: Hashable, Sendable {
    /// A distribution: cumulative counts by upper bound in seconds, their sum and their number.
    public struct Histogram: Hashable, Sendable {
        public var bounds: [Double]
        public var counts: [Int]
        public var sum: Double
        public var count: Int

        public init(bounds: [Double]) {
            self.bounds = bounds
            counts = Array(repeating: 0, count: bounds.count)
            sum = 0
            count = 0
        }

        /// O(bounds).
        public mutating func add(_ value: Double) {
            for (place, bound) in bounds.enumerated() where value <= bound { counts[place] += 1 }
            sum += value
            count += 1
        }
    }

    public var leaves: [LeafStatus.State: Int] = [:]
    public var jobs: [JobState: Int] = [:]
    /// Jobs that ended since the daemon's first start, by how.
    public var ended: [JobState: Int] = [:]
    public var submitted = 0
    public var retried = 0
    public var waitSeconds = Histogram(bounds: [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400])
    public var runSeconds = Histogram(bounds: [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400])
    public var passSeconds = Histogram(bounds: [0.0001, 0.0005, 0.001, 0.005, 0.02, 0.1, 1])
    public var slices = 0
    public var freeSlices = 0
    public var fragmentedSlices = 0.0
    /// Running jobs on more than one leaf.
    public var spanning = 0
    public var recuts = 0
    public var daemonStarts = 0
    public var driverErrors = 0
    public var storeErrors = 0
    public var eventReaders = 0

    public init() {}
}
