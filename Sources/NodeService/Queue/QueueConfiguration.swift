import LeafScheduling

/// How a node is run.
public struct QueueConfiguration: Hashable, Sendable {
    public enum Mode: String, Hashable, Sendable, CaseIterable, Codable {
        /// Leaves are as they are; nothing is ever re-cut.
        case fixed
        /// Idle slices are cut and merged as jobs need it.
        case hybrid
    }

    public struct Tenant: Hashable, Sendable {
        /// Twice the weight, twice the share. Above 0.
        public var weight: Double
        /// The most slices of work that its running jobs may have together; nil for no limit.
        public var quota: Int?

        public init(weight: Double = 1, quota: Int? = nil) {
            self.weight = weight
            self.quota = quota
        }
    }

    public var mode = Mode.fixed
    public var discipline = QueueDiscipline.backfill(reservations: 1, lookAhead: 1000)
    /// So many jobs may pass the first in line; then nobody does until it has started.
    public var overtakingLimit = Int.max
    /// By name. Who isn't named has weight 1 and no quota.
    public var tenants: [String: Tenant] = [:]
    /// Whether tenants take turns by what they have used; else all stand in one line.
    public var isFair = false
    /// One step of priority is worth so many seconds of waiting.
    public var secondsPerPriority = 3600.0
    /// What a re-cut is expected to delay a start, in seconds.
    public var recutSeconds = 0.3
    /// The first wait after a failure is a second, each further one twice as long, and none longer than this.
    public var mostRetryDelay = 60.0
    /// What jobs will ask for. In hybrid mode only profiles that somebody asks for are cut; they are found out as jobs
    /// come, and before that taken from here. Empty: one leaf up to one GPU's slices, without a demand for memory.
    public var expectedAsks: [LeafAsk] = []

    public init() {}
}
