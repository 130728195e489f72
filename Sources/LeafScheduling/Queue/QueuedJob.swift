/// All jobs that can be served in the same ways: they differ in durations, tenants and nothing that leaves depend on.
public struct JobKind: Hashable, Sendable {
    /// The ways, in the order of preference. Empty for jobs that can never run.
    public var options: [GangOption]
    /// Compute slices that a job of this kind counts for in its tenant's quota and share.
    public var slices: Int

    public init(options: [GangOption], slices: Int) {
        self.options = options
        self.slices = slices
    }
}

/// A job that waits.
public struct QueuedJob: Hashable, Sendable {
    /// The caller's number.
    public var id: Int32
    /// Index of its ``JobKind``.
    public var kind: Int32
    public var tenant: Int32
    /// Jobs of one group and kind differ in their durations alone: of two that could start, the shorter one never waits
    /// where the longer one wouldn't.
    public var group: Int32
    /// Its place in line: smaller goes first, the smaller id of equals. See ``QueueOrder``.
    public var key: Double
    /// No way to serve it is expected to take fewer seconds; 0 where nothing is known.
    public var leastSeconds: Double

    public init(id: Int32, kind: Int, tenant: Int = 0, group: Int = 0, key: Double, leastSeconds: Double = 0) {
        self.id = id
        self.kind = Int32(kind)
        self.tenant = Int32(tenant)
        self.group = Int32(group)
        self.key = key
        self.leastSeconds = leastSeconds
    }
}

/// How priorities and arrivals make a line.
public struct QueueOrder: Hashable, Sendable {
    /// One step of priority is worth so many seconds of waiting: the aging. A job is passed in line only by jobs that
    /// arrive within (their priority - its priority) x this after it, so that nobody is passed for ever.
    public var secondsPerPriority: Double

    public init(secondsPerPriority: Double = 3600) { self.secondsPerPriority = secondsPerPriority }

    public func key(arrival: Double, priority: Int) -> Double { arrival - Double(priority) * secondsPerPriority }
}

/// Who may start while the first in line can't.
public enum QueueDiscipline: Hashable, Sendable {
    /// Nobody.
    case fifo
    /// Those behind it whose start does not put off the time at which the first `reservations` in line can start, by all
    /// that is expected now. One reservation is EASY backfill; more are conservative backfill to that depth, where
    /// reserved jobs start in the order of the line and each costs a walk through the expected ends.
    ///
    /// - Parameter lookAhead: how many jobs behind the first are looked at, in the order of the line.
    case backfill(reservations: Int = 1, lookAhead: Int = 1000)

    var reservations: Int {
        if case .backfill(let reservations, _) = self { reservations } else { 0 }
    }

    var lookAhead: Int {
        if case .backfill(_, let lookAhead) = self { lookAhead } else { 0 }
    }
}

/// Which of several ways to serve a job is taken.
public enum ChoiceRule: Hashable, Sendable {
    /// The first that can be had now.
    case firstThatFits
    /// The one with the earliest expected finish, waiting included, where what others lose by it counts too.
    ///
    /// Each slice-second that a choice uses more than the leanest one, or leaves idle while nobody may pass the job, puts
    /// off every waiting job by that over the cluster's slices. Without any estimate: one instance, or two equal leaves,
    /// whatever can be had first.
    case earliestFinish
}
