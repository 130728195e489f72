/// What the scheduler must know of jobs, and who does what it decides.
public protocol SchedulingClient {
    /// Seconds that the job is expected to run there; infinite where nobody knows.
    func expectedSeconds(of job: Int32, option: Int, facts: GangFacts) -> Double

    /// What the job would put on the link of a GPU with most of its leaves, in millionths of the link's bandwidth.
    func linkLoad(of job: Int32, option: Int, facts: GangFacts) -> Int

    /// The job starts now: its leaves are held.
    mutating func start(_ start: JobStart, units: [LeafUnit])
}

/// A decision to start a job.
public struct JobStart: Sendable {
    public var job: QueuedJob
    /// Which of its kind's options.
    public var option: Int
    public var facts: GangFacts
    public var hold: GangHold
    /// The load that it was given; `release` wants it back.
    public var linkLoad: Int
    public var expectedSeconds: Double
}

/// The queue and the leaves, and what is to start next: all of scheduling as a value.
///
/// Time comes in as an argument, and jobs' durations by the client's answers. Whoever owns it tells of arrivals and ends,
/// and calls `pass` afterwards. The simulator and a node's service drive the same.
public struct Scheduler: Sendable {
    public var pool: LeafPool
    public private(set) var kinds: [JobKind]
    public let rule: ChoiceRule
    public let discipline: QueueDiscipline
    public internal(set) var shares: TenantShares
    /// So many jobs may pass the first in line; then nobody does until it has started.
    public let overtakingLimit: Int
    /// Seconds that cutting and merging delays a start.
    public let recutSeconds: Double

    var lines: [JobLine]
    /// The lines in the order of their turn.
    var turn: [Int]
    var waitingOfKind: [Int] = []
    public private(set) var waiting = 0
    /// Decisions about one job so far, for reports.
    public internal(set) var decisions = 0

    // What the last pass found.
    var passNumber = 0
    /// By kind: the pass in which it was found not to fit. What is given out in a pass doesn't come back in it.
    var closed: [Int] = []
    /// Counts starts and passes: what was found out about a kind holds until the next.
    var moment = 0
    /// By kind: the moment at which it was found not to fit for longer than until the promise.
    var closedForLong: [Int] = []
    /// By group: the moment at which one waited by choice, and the least seconds of such a job.
    var waited: [(moment: Int, seconds: Double)] = []
    var promise: Promise?
    var needsPass = true
    var firstInLine: Int32 = -1
    var overtaken = 0
    /// How many jobs the last pass has started behind the first in line: they count for the look-ahead.
    var startedBehind = 0
    var units: [LeafUnit] = []
    /// Reused by plans.
    var planned: [LeafUnit] = []
    var largestGang: [Int]

    /// When the first in line is expected to start, and how; later ones too in conservative backfill.
    struct Promise {
        var job: Int32
        var kind: Int
        /// Nil: any of its options.
        var option: Int?
        var time: Double
        /// Further reserved jobs and their times, in order.
        var others: [(job: QueuedJob, time: Double)] = []
    }

    public init(
        pool: LeafPool, kinds: [JobKind] = [], rule: ChoiceRule = .firstThatFits, discipline: QueueDiscipline = .fifo,
        shares: TenantShares? = nil, overtakingLimit: Int = .max, recutSeconds: Double = 0
    ) {
        self.pool = pool
        self.kinds = []
        self.rule = rule
        self.discipline = discipline
        self.shares = shares ?? TenantShares([], isFair: false)
        self.overtakingLimit = overtakingLimit
        self.recutSeconds = recutSeconds
        let count = shares.map { $0.isFair ? max($0.entitlements.count, 1) : 1 } ?? 1
        lines = Array(repeating: JobLine(), count: count)
        turn = Array(0..<count)
        largestGang = (0..<pool.classCount).map { leafClass in
            pool.shapes.map { $0.capacity(of: leafClass, busy: 0, state: 0) }.max() ?? 0
        }
        for kind in kinds { _ = add(kind) }
    }

    /// Adds a kind of job. - Returns: its number.
    public mutating func add(_ kind: JobKind) -> Int {
        kinds.append(kind)
        waitingOfKind.append(0)
        closed.append(-1)
        closedForLong.append(-1)
        return kinds.count - 1
    }

    /// The waiting jobs in the order of their lines.
    public var queue: [QueuedJob] {
        turn.flatMap { line in (0..<lines[line].count).map { lines[line][$0] } }
    }

    /// The first of the waiting jobs in the order of their lines.
    public func firstWaiting(_ most: Int) -> [QueuedJob] {
        var jobs: [QueuedJob] = []
        for line in turn {
            for place in 0..<min(lines[line].count, most - jobs.count) { jobs.append(lines[line][place]) }
        }
        return jobs
    }

    /// Puts a job in line. Call `pass` afterwards.
    public mutating func submit(_ job: QueuedJob) {
        let line = lines.count == 1 ? 0 : min(max(Int(job.tenant), 0), lines.count - 1)
        let place = lines[line].insert(job)
        waiting += 1
        waitingOfKind[Int(job.kind)] += 1
        guard !needsPass else { return }
        // While nothing has been given back, those who could not start still can't: only the new one is to be looked at.
        guard lines.count == 1, place > 0, shares.entitlements.isEmpty else {
            needsPass = true
            return
        }
        switch discipline {
        case .fifo: break
        case .backfill(1, let lookAhead): if place <= lookAhead { newcomers.append(job.id) }
        case .backfill: needsPass = true
        }
    }

    var newcomers: [Int32] = []

    /// Takes a waiting job out of its line. - Returns: whether it was there.
    public mutating func cancel(_ job: Int32) -> Bool {
        for line in lines.indices {
            guard let place = lines[line].place(of: job) else { continue }
            take(out: place, of: line)
            needsPass = true
            return true
        }
        return false
    }

    /// Gives an ended job's leaves back. Call `pass` afterwards.
    public mutating func end(_ start: JobStart) {
        units.removeAll(keepingCapacity: true)
        pool.release(start.hold, linkLoad: start.linkLoad, units: &units)
        shares.end(kinds[Int(start.job.kind)].slices, for: Int(start.job.tenant))
        needsPass = true
    }

    /// The pool was changed from outside, such as by another layout.
    public mutating func poolHasChanged() { needsPass = true }

    mutating func take(out place: Int, of line: Int) {
        waitingOfKind[Int(lines[line][place].kind)] -= 1
        waiting -= 1
        lines[line].remove(at: place)
    }
}
