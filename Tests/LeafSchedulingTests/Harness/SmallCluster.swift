import LeafScheduling
import MIGModel

/// A job of a scenario: when it comes, how long it runs, which leaves it takes.
struct ScenarioJob {
    var arrival = 0.0
    /// Seconds that it runs, by option.
    var seconds: [Double]
    /// What the scheduler is told; nil for the truth, infinite for nothing.
    var believed: [Double]?
    var options: [GangOption]
    var slices = 1
    var tenant = 0
    var priority = 0
    var linkLoad = 0

    init(
        at arrival: Double = 0, _ seconds: Double..., believed: [Double]? = nil, options: [GangOption],
        slices: Int? = nil, tenant: Int = 0, priority: Int = 0, linkLoad: Int = 0
    ) {
        self.arrival = arrival
        self.seconds = seconds
        self.believed = believed
        self.options = options
        self.slices = slices ?? options.first?.count ?? 1
        self.tenant = tenant
        self.priority = priority
        self.linkLoad = linkLoad
    }

    /// So many leaves of class 0.
    init(
        at arrival: Double = 0, _ seconds: Double, leaves: Int, believed: Double? = nil, tenant: Int = 0,
        priority: Int = 0
    ) {
        self.init(
            at: arrival, seconds, believed: believed.map { [$0] }, options: [GangOption(0, count: leaves)],
            tenant: tenant, priority: priority)
    }
}

/// A scheduler with a clock, driven event by event; shares no code with the simulator.
struct SmallCluster: SchedulingClient {
    struct Started: Equatable {
        var job: Int
        var time: Double
        var option: Int
        var units: [LeafUnit]
    }

    let jobs: [ScenarioJob]
    var now = 0.0
    var started: [Started] = []
    private(set) var running: [(end: Double, start: JobStart)] = []
    /// Called with every start and every end, to look at the units that change hands.
    var onStart: ([LeafUnit]) -> Void = { _ in }
    var onEnd: ([LeafUnit]) -> Void = { _ in }

    init(_ jobs: [ScenarioJob]) { self.jobs = jobs }

    func expectedSeconds(of job: Int32, option: Int, facts: GangFacts) -> Double {
        let its = jobs[Int(job)]
        return its.believed.map { $0[min(option, $0.count - 1)] } ?? its.seconds[min(option, its.seconds.count - 1)]
    }

    func linkLoad(of job: Int32, option: Int, facts: GangFacts) -> Int { jobs[Int(job)].linkLoad }

    mutating func start(_ start: JobStart, units: [LeafUnit]) {
        let job = Int(start.job.id)
        let its = jobs[job]
        onStart(units)
        started.append(Started(job: job, time: now, option: start.option, units: units))
        running.append((now + its.seconds[min(start.option, its.seconds.count - 1)], start))
    }

    /// Runs everything to its end.
    static func run(
        _ jobs: [ScenarioJob], pool: LeafPool, rule: ChoiceRule = .firstThatFits,
        discipline: QueueDiscipline = .fifo, order: QueueOrder = QueueOrder(), shares: TenantShares? = nil,
        overtakingLimit: Int = .max, onStart: @escaping ([LeafUnit]) -> Void = { _ in },
        onEnd: @escaping ([LeafUnit]) -> Void = { _ in },
        afterPass: (Scheduler, SmallCluster) -> Void = { _, _ in }
    ) -> SmallCluster {
        var scheduler = Scheduler(
            pool: pool, rule: rule, discipline: discipline, shares: shares, overtakingLimit: overtakingLimit)
        var cluster = SmallCluster(jobs)
        cluster.onStart = onStart
        cluster.onEnd = onEnd
        var kinds: [JobKind: Int] = [:]
        let byArrival = jobs.indices.sorted { (jobs[$0].arrival, $0) < (jobs[$1].arrival, $1) }
        var next = 0
        while next < byArrival.count || !cluster.running.isEmpty {
            let arrival = next < byArrival.count ? jobs[byArrival[next]].arrival : .infinity
            let end = cluster.running.map(\.end).min() ?? .infinity
            cluster.now = min(arrival, end)
            for at in cluster.running.indices.reversed() where cluster.running[at].end <= cluster.now {
                let start = cluster.running.remove(at: at).start
                var units: [LeafUnit] = []
                scheduler.pool.append(start.hold, to: &units)
                cluster.onEnd(units)
                scheduler.end(start)
            }
            while next < byArrival.count, jobs[byArrival[next]].arrival <= cluster.now {
                let number = byArrival[next]
                let job = jobs[number]
                let kind = JobKind(options: job.options, slices: job.slices)
                let its = kinds[kind] ?? scheduler.add(kind)
                kinds[kind] = its
                scheduler.submit(
                    QueuedJob(
                        id: Int32(number), kind: its, tenant: job.tenant,
                        key: order.key(arrival: job.arrival, priority: job.priority)))
                next += 1
            }
            scheduler.pass(now: cluster.now, client: &cluster)
            afterPass(scheduler, cluster)
        }
        return cluster
    }

    /// Runs everything to its end and shows the scheduler after every pass.
    @discardableResult
    static func watch(
        _ jobs: [ScenarioJob], pool: LeafPool, rule: ChoiceRule = .firstThatFits, discipline: QueueDiscipline = .fifo,
        shares: TenantShares? = nil, overtakingLimit: Int = .max, afterPass: (Scheduler, SmallCluster) -> Void
    ) -> SmallCluster {
        run(
            jobs, pool: pool, rule: rule, discipline: discipline, shares: shares, overtakingLimit: overtakingLimit,
            afterPass: afterPass)
    }

    /// When each job started, "-" for never.
    var starts: String {
        jobs.indices.map { job in
            started.first { $0.job == job }.map { "\(Int($0.time))" } ?? "-"
        }.joined(separator: " ")
    }

    /// Which option each job took.
    var options: String {
        jobs.indices.map { job in started.first { $0.job == job }.map { "\($0.option)" } ?? "-" }.joined(separator: " ")
    }
}

/// Pools in a word.
enum Pools {
    static let thin = GPUShape.Unit(
        profile: 19, placement: Placement(start: 0, size: 1), computeSlices: 1, memoryMiB: 4864, multiprocessors: 14)

    /// Nodes of GPUs with so many equal leaves each: `leaves(7, 7)` is one node with two GPUs, class 0.
    static func leaves(_ counts: Int...) -> LeafPool { nodes([counts]) }

    static func nodes(_ nodes: [[Int]], numa: [[Int]] = []) -> LeafPool {
        let sizes = Array(Set(nodes.joined())).sorted()
        let shapes = sizes.map { count in
            GPUShape(leaves: Array(repeating: thin, count: count), classes: [{ _ in true }])
        }
        return LeafPool(
            shapes: shapes, nodes: nodes.map { $0.map { sizes.firstIndex(of: $0) ?? 0 } }, numa: numa)
    }

    /// The classes of pools that are cut: 0 is 1g, 1 is 2g, 2 is 3g, 3 is 4g, 4 is 7g.
    static let sizes = [1, 2, 3, 4, 7]

    static func classes() -> [(GPUShape.Unit) -> Bool] {
        sizes.map { size in { $0.computeSlices == size } }
    }

    static let table = CutTable(
        GPUModel.a100With40GB.geometry, using: [19, 14, 9, 5, 0])

    /// GPUs that are cut as needed.
    static func cut(_ gpus: Int, perNode: Int = 8, score: PlacementScore = .openness) -> LeafPool {
        let shape = GPUShape(recut: table, score: score, classes: classes())
        let nodes = stride(from: 0, to: gpus, by: perNode).map { Array(repeating: 0, count: min(perNode, gpus - $0)) }
        return LeafPool(shapes: [shape], nodes: nodes)
    }

    /// GPUs with a layout of these sizes for good, such as `[4, 2, 1]`.
    static func layout(_ sizes: [Int], gpus: Int) -> LeafPool {
        let leaves = sizes.map { size in
            GPUShape.Unit(
                profile: MIGProfile.ID(rawValue: size), placement: Placement(start: 0, size: 1), computeSlices: size,
                memoryMiB: 4864 * size, multiprocessors: 14 * size)
        }
        return LeafPool(
            shapes: [GPUShape(leaves: leaves, classes: classes())], nodes: [Array(repeating: 0, count: gpus)])
    }
}
