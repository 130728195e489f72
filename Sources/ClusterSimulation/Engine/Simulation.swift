import LeafScheduling
import MIGModel
import Traces

/// A workload on a cluster under a model and a queue discipline: discrete events over the production scheduler.
///
/// Everything that happens at one time is worked in (ends, then jobs that run late, then changed layouts, then arrivals) before the
/// scheduler is asked once. The same input gives the same record on every machine.
public struct Simulation {
    public let cluster: SimulatedCluster
    public let model: any ClusterModel
    public let discipline: QueueDiscipline
    public let parameters: SimulationParameters
    public let paces: any JobPaces
    public let order: QueueOrder
    public let shares: TenantShares?
    public let overtakingLimit: Int

    public init(
        cluster: SimulatedCluster, model: any ClusterModel, discipline: QueueDiscipline,
        parameters: SimulationParameters = SimulationParameters(), paces: any JobPaces = LinearPaces(),
        order: QueueOrder = QueueOrder(), shares: TenantShares? = nil, overtakingLimit: Int = .max
    ) {
        self.cluster = cluster
        self.model = model
        self.discipline = discipline
        self.parameters = parameters
        self.paces = paces
        self.order = order
        self.shares = shares
        self.overtakingLimit = overtakingLimit
    }

    /// "fifo", "backfill", or "backfill-4" with four reservations.
    public var queueName: String {
        switch discipline {
        case .fifo: "fifo"
        case .backfill(1, _): "backfill"
        case .backfill(let reservations, _): "backfill-\(reservations)"
        }
    }

    /// Runs all jobs to their ends.
    ///
    /// - Parameter jobs: by arrival; their numbers are their places.
    /// - Parameter progress: called about every 10,000 arrivals with how many there were; the run stops early when it
    ///   returns false, and the record then holds what had started by then.
    public func run(_ jobs: [Job], progress: ((Int) -> Bool)? = nil) -> SimulationRecord {
        var engine = Engine(self, jobs)
        engine.run(progress)
        return engine.record(self)
    }
}

private struct Engine {
    private let jobs: [Job]
    private let parameters: SimulationParameters
    private let order: QueueOrder
    private var scheduler: Scheduler
    private var running: RunningJobs
    private var planner: DrainPlanner?
    private var migrations: MigrationPlanner?
    private var ends = 0
    private var demand: Demand
    /// By shape: the demand that its states are ranked by.
    private var weights: [[Double]]
    private let believesNothing: Bool

    init(_ simulation: Simulation, _ jobs: [Job]) {
        self.jobs = jobs
        parameters = simulation.parameters
        order = simulation.order
        var catalog = JobCatalog(cluster: simulation.cluster, model: simulation.model, paces: simulation.paces)
        let entryOf = jobs.map { catalog.entry(of: $0) }
        let built = catalog.makePool(cluster: simulation.cluster, model: simulation.model)
        scheduler = Scheduler(
            pool: built.pool, kinds: catalog.kinds, rule: simulation.model.rule, discipline: simulation.discipline,
            shares: simulation.shares, overtakingLimit: simulation.overtakingLimit,
            recutSeconds: parameters.recutSeconds)
        running = RunningJobs(
            jobs: jobs, paces: simulation.paces, catalog: catalog, entryOf: entryOf, pool: built.pool, full: built.full,
            parameters: parameters, begin: jobs.first?.arrival ?? 0)
        if simulation.model.drains {
            let shapesOf = simulation.cluster.nodes.flatMap { part, gpus in
                Array(repeating: built.cutOf[part], count: gpus)
            }
            planner = DrainPlanner(pool: built.pool, shapesOf: shapesOf, seconds: parameters.drainSeconds)
        }
        if simulation.model.migrates {
            migrations = MigrationPlanner(
                restartSeconds: parameters.restartSeconds, recutSeconds: parameters.recutSeconds)
        }
        demand = Demand()
        weights = built.pool.shapes.map { _ in [] }
        believesNothing = parameters.durationUncertainty == nil
    }

    mutating func run(_ progress: ((Int) -> Bool)?) {
        var next = 0
        while true {
            let arrival = next < jobs.count ? jobs[next].arrival : .infinity
            let event = running.events.next?.time ?? .infinity
            let now = min(arrival, event)
            guard now < .infinity else { break }
            running.account.advance(to: now)
            running.now = now
            while let event = running.events.next, event.time <= now { handleNext() }
            while next < jobs.count, jobs[next].arrival <= now {
                arrive(next)
                next += 1
                if next.isMultiple(of: 10_000), let progress, !progress(next) { return }
            }
            migrations?.plan(&scheduler, &running, ends: ends)
            scheduler.pass(now: now, client: &running)
            if planner != nil { drain() }
            measure()
        }
        // Whoever still waits could never start: a cluster that is too small was found out before.
        running.account.finish(
            decisions: scheduler.decisions, recuts: scheduler.pool.recuts, created: scheduler.pool.created,
            destroyed: scheduler.pool.destroyed)
    }

    private mutating func arrive(_ number: Int) {
        running.account.countEvent()
        let job = jobs[number]
        let entry = running.entries[Int(running.entryOf[number])]
        guard entry.kind >= 0 else {
            running.outcomes[number] = JobOutcome(refusal: entry.refusal)
            return
        }
        guard scheduler.shares.canEver(scheduler.kinds[entry.kind].slices, for: Int(job.tenant)) else {
            running.outcomes[number] = JobOutcome(refusal: .quota)
            return
        }
        running.account.queued += 1
        demand.note(Int32(entry.kind))
        if Demand.isWeighed(after: number) { demand.weigh(&scheduler, weights: &weights) }
        scheduler.submit(
            QueuedJob(
                id: Int32(number), kind: entry.kind, tenant: Int(job.tenant), group: Int(running.entryOf[number]),
                key: order.key(arrival: job.arrival, priority: Int(job.priority)),
                // A little less, for rounding.
                leastSeconds: min(job.duration * running.believed.factor(number), 1e300) / entry.bestPace * 0.999_999))
    }

    private mutating func handleNext() {
        guard let event = running.events.pop() else { return }
        running.account.countEvent()
        switch event.kind {
        case .end:
            guard running.slots[Int(event.number)].use == event.use else { return }
            scheduler.end(running.end(event.number).start)
            ends += 1
            begin()
        case .late:
            let late = running.slots[Int(event.number)]
            guard late.use == event.use else { return }
            // It has run longer than expected: expect as much again.
            let expected = late.from + 2 * (running.now - late.from)
            running.slots[Int(event.number)].expectedEnd = expected
            scheduler.pool.setEnd(of: late.start.hold, to: expected)
            if expected < late.end {
                running.events.push(.init(time: expected, kind: .late, number: event.number, use: event.use))
            }
            scheduler.poolHasChanged()
        case .relaid:
            guard let change = planner?.finish(Int(event.number), &scheduler.pool) else { return }
            running.account.countRelayout(created: change.created, destroyed: change.destroyed)
            running.shapeOf[Int(event.number)] = scheduler.pool.shapeOf[Int(event.number)]
            running.account.drainedGPUs = planner?.count ?? 0
            scheduler.poolHasChanged()
        }
    }

    /// Has GPUs drained for those who wait.
    private mutating func drain() {
        guard var planner, scheduler.waiting > 0 else { return }
        let before = planner.count
        planner.plan(&scheduler, now: running.now, isRunning: running.account.running > 0)
        let hasMore = planner.count > before
        self.planner = planner
        begin()
        // GPUs that had their layout already may be ready at this moment.
        if hasMore, (self.planner?.count ?? 0) < planner.count {
            scheduler.poolHasChanged()
            scheduler.pass(now: running.now, client: &running)
        }
    }

    /// Begins the change of drained GPUs that are idle.
    private mutating func begin() {
        guard var planner, planner.count > 0 else { return }
        let before = planner.count
        for gpu in planner.begin(&scheduler.pool) {
            running.events.push(.init(time: running.now + parameters.drainSeconds, kind: .relaid, number: Int32(gpu)))
        }
        if planner.count < before { scheduler.poolHasChanged() }
        running.account.drainedGPUs = planner.count
        self.planner = planner
    }

    private mutating func measure() {
        running.account.unusableSlices = demand.unusableSlices(of: scheduler)
        running.account.sample()
    }

    func record(_ simulation: Simulation) -> SimulationRecord {
        var record = SimulationRecord(
            model: simulation.model.name, queue: simulation.queueName, outcomes: running.outcomes)
        record.isUnattainable = simulation.model.isUnattainable
        record.note = simulation.model.note
        record.timeline = running.account.timeline
        record.totals = running.account.totals
        record.occupancy = running.occupancy
        record.occupancyIsCut = running.occupancyIsCut
        return record
    }
}
