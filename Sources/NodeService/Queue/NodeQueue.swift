import LeafScheduling
import MIGModel
import NodeAPI

/// All decisions of a node's service, as a value: which job starts when, on which leaves, and what becomes of each.
///
/// Knows no clock, no disk and no process. Its owner gathers events, calls ``handle(_:now:wall:)``, writes down what has
/// changed, answers, and does the actions; their results are the next events. Equal events at equal times give equal turns.
///
/// An event costs O(log n) in the jobs that wait, but for a cancellation of a waiting job, which moves the line's 32 bytes
/// for each job in front. Leaves that come or go, and leaves of a class that nobody asked for before, have the index of
/// leaves made anew and the line with it: O(n log n). A pass looks at no more than the discipline's look-ahead. A job that
/// is over is forgotten with the turn that says so.
public struct NodeQueue: Sendable {
    public let configuration: QueueConfiguration
    /// As it was last told.
    public internal(set) var node: NodeSnapshot

    /// A job that isn't over.
    struct Live: Sendable {
        var job: ServiceJob
        let ask: LeafAsk
        var place = Place.out
        /// What it holds; nil while it is queued.
        var hold: Holding?
        /// Grows with each use of a timer, so that old ones are known as such.
        var use: Int32 = 0
    }

    enum Place: Sendable {
        /// In the scheduler's line.
        case line
        /// Nothing that the node has now will do: it waits for another layout.
        case parked
        /// It failed lately, and a timer brings it back.
        case delayed
        /// Not placed yet, or it holds leaves.
        case out
    }

    /// The leaves of a job that has some.
    struct Holding: Sendable {
        var start: JobStart
        var units: [LeafUnit]
        /// Those that are being cut for it; empty once it runs.
        var cuts: [LeafUnit] = []
        var from: Double
        var expectedEnd: Double
    }

    var book: NodeBook
    var scheduler: Scheduler
    var board: StartBoard
    /// Parallel to the scheduler's kinds.
    var kinds: [NodeBook.Kind] = []
    var kindOf: [LeafAsk: Int] = [:]
    var numberOfKind: [JobKind: Int] = [:]
    var jobs: [Int32: Live] = [:]
    var numbers: [String: Int32] = [:]
    var nextNumber: Int32 = 0
    var groups: [GroupKey: Int] = [:]
    var timers = TimerHeap()
    var demand = Demand()
    var weights: [[Double]] = []
    var tenantNames: [String]
    var tenantNumbers: [String: Int]
    /// What tenants had used when the queue began, until they are seen.
    var oldUsage: [String: Double]

    /// By the pool's GPU: the units that are not to be handed out, ours for now or not.
    var withheld: [UInt64] = []
    var pauses: [Int32: Pause] = [:]
    var nextPause: Int32 = 0
    /// Jobs that were over lately: what a ledger still says of them is no news.
    var lastOver: [String] = []
    var needsRebuild = false
    /// Jobs that hold leaves.
    var holders: Set<Int32> = []
    /// Jobs looked at one by one since the beginning, for tests that count instead of timing.
    package internal(set) var visited = 0

    struct GroupKey: Hashable {
        var ask: LeafAsk
        var pace: Int
    }

    /// Leaves, or a whole GPU, that are left alone for a while after a failure.
    struct Pause: Sendable {
        var leaves: [PlacedLeaf]
        /// The whole GPUs, by the driver's indexes.
        var gpus: [Int]
        /// Whether the next snapshot ends it.
        var untilSeen: Bool
    }

    /// What a turn has done so far.
    struct Draft {
        let now: Moment
        var touched: Set<Int32> = []
        var over: [ServiceJob] = []
        var turn = QueueTurn()
    }

    /// A queue without jobs.
    ///
    /// - Parameter memory: what the last queue knew of the past.
    /// - Parameter now: the queue's time, as in `handle`.
    public init(
        configuration: QueueConfiguration, node: NodeSnapshot, memory: QueueMemory = QueueMemory(),
        estimates: any JobEstimates, now: Double
    ) {
        self.configuration = configuration
        self.node = node
        board = StartBoard(estimates: estimates)
        tenantNames = configuration.tenants.keys.sorted()
        oldUsage = memory.used
        if configuration.isFair {
            for tenant in memory.used.keys.sorted() where configuration.tenants[tenant] == nil {
                tenantNames.append(tenant)
            }
        }
        tenantNumbers = Dictionary(tenantNames.enumerated().map { ($1, $0) }) { first, _ in first }
        book = NodeBook(node, mode: configuration.mode, held: [], asks: [], expected: configuration.expectedAsks)
        scheduler = Scheduler(pool: book.makePool(numa: [:]))
        rebuild(now: now)
        let usage = tenantNames.map { memory.used[$0] ?? 0 }
        scheduler.resume(
            from: scheduler, shares: scheduler.shares.resumed(usage: usage, held: [], now: now))
    }

    /// Jobs that wait, in line or not.
    public var waiting: Int { jobs.count - holders.count }

    /// Jobs that hold leaves: that start, run or end.
    public var running: Int { holders.count }

    /// One turn: works all events in, starts what may start, and says what is to be done.
    ///
    /// Jobs that were found are worked in first; then what became of jobs and how the node looks, in the order given; then what
    /// is due, then submissions, then cancellations.
    /// - Parameter now: the queue's time in seconds; never less than before.
    /// - Parameter wall: seconds since 1970, for people.
    public mutating func handle(_ events: [QueueEvent], now: Double, wall: Double) -> QueueTurn {
        var draft = Draft(now: Moment(queue: now, wall: wall))
        let found = events.compactMap { event -> (job: ServiceJob, what: Found)? in
            if case .found(let job, let what) = event { (job, what) } else { nil }
        }
        for (job, what) in found.sorted(by: { $0.job.sequence < $1.job.sequence }) { take(job, what, &draft) }
        for event in events {
            switch event {
            case .started(let id, let leaves, let supervisor):
                started(id, leaves, supervisor: supervisor, &draft)
            case .couldNotStart(let id, let failure): couldNotStart(id, failure, &draft)
            case .ended(let id, let result): ended(id, result, &draft)
            case .node(let snapshot): see(snapshot, &draft)
            case .found, .submitted, .cancel, .due: break
            }
        }
        if needsRebuild { rebuild(now: now) }
        fireTimers(&draft)
        for event in events {
            if case .submitted(let job) = event { submit(job, &draft) }
        }
        if needsRebuild { rebuild(now: now) }
        for event in events {
            if case .cancel(let id) = event { cancel(id, &draft) }
        }
        pass(&draft)
        return finish(&draft)
    }

    private mutating func finish(_ draft: inout Draft) -> QueueTurn {
        var changed = draft.over
        for number in draft.touched {
            if let live = jobs[number] { changed.append(live.job) }
        }
        draft.turn.changed = changed.sorted { $0.sequence < $1.sequence }
        if timers.count > 4 * jobs.count + 64 {
            let (jobs, pauses) = (jobs, pauses)
            timers.keep { timer in
                timer.kind == .pause ? pauses[timer.number] != nil : jobs[timer.number]?.use == timer.use
            }
        }
        draft.turn.wakeAt = timers.next
        return draft.turn
    }

    private mutating func fireTimers(_ draft: inout Draft) {
        let now = draft.now.queue
        while let timer = timers.pop(upTo: now) {
            switch timer.kind {
            case .late:
                guard let live = jobs[timer.number], live.use == timer.use, let hold = live.hold else { continue }
                // It has run longer than expected: expect as much again.
                let expected = now > hold.from ? hold.from + 2 * (now - hold.from) : now + 1
                expect(timer.number, until: expected)
                scheduler.poolHasChanged()
            case .job:
                guard jobs[timer.number]?.use == timer.use, case .delayed? = jobs[timer.number]?.place else { continue }
                jobs[timer.number]?.job.progress.notBefore = nil
                enqueue(timer.number, now: now)
            case .pause:
                guard pauses.removeValue(forKey: timer.number) != nil else { continue }
                applyNode()
            }
        }
    }

    /// Expects a running job's end at a time, and looks at it again then.
    mutating func expect(_ number: Int32, until end: Double) {
        guard var live = jobs[number], var hold = live.hold else { return }
        hold.expectedEnd = end
        scheduler.pool.setEnd(of: hold.start.hold, to: end)
        live.hold = hold
        live.use &+= 1
        if end.isFinite { timers.push(.init(time: end, kind: .late, number: number, use: live.use)) }
        jobs[number] = live
    }
}
