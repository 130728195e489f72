import LeafScheduling
import TestSupport
import Testing

/// Conservative backfill: reservations are planned on the pool itself and taken back.
struct ReservationTests {
    /// After every pass the pool holds just what runs, with the ends that are expected of it.
    @Test func plansLeaveNoTrace() {
        var random = SplitMix(seed: 81)
        var waited = 0
        for round in 0..<150 {
            let pool = LeafPoolPropertyTests.randomPool(&random)
            let jobs = QueuePropertyTests.randomJobs(&random).map { job in
                var job = job
                job.options = [
                    GangOption(
                        Int.random(in: 0..<pool.classCount, using: &random), count: Int.random(in: 1...3, using: &random),
                        maximumNodes: Int.random(in: 1...2, using: &random))
                ]
                return job
            }
            SmallCluster.watch(jobs, pool: pool, discipline: .backfill(reservations: 4)) { scheduler, cluster in
                let message: Comment = "seed \(random.seed), round \(round), at \(cluster.now)"
                waited += scheduler.waiting
                var held: Set<LeafUnit> = []
                for running in cluster.running {
                    var units: [LeafUnit] = []
                    scheduler.pool.append(running.start.hold, to: &units)
                    held.formUnion(units)
                    #expect(scheduler.pool.end(of: running.start.hold) == running.end, message)
                }
                for gpu in 0..<scheduler.pool.gpuCount {
                    for unit in scheduler.pool.shapes[Int(scheduler.pool.shapeOf[gpu])].units.indices {
                        let its = LeafUnit(gpu: gpu, unit: unit)
                        #expect(scheduler.pool.isBusy(its) == held.contains(its), message)
                    }
                }
                let scan = LeafPoolPropertyTests.Scan(pool: scheduler.pool)
                var asked = scheduler.pool
                for leafClass in 0..<asked.classCount {
                    #expect(
                        (0..<asked.gpuCount).allSatisfy {
                            asked.capacity(of: leafClass, on: $0) == scan.count(leafClass, $0)
                        }, message)
                    let option = GangOption(leafClass, count: 2)
                    #expect(asked.earliestStart(option) == scan.earliest(option), message)
                }
            }
        }
        #expect(waited > 1000, "the test is about waiting")
    }

    /// On one GPU, where places don't matter, with true durations and a reservation for everybody: nobody starts later than
    /// under FIFO, and some start earlier.
    @Test func nobodyStartsLaterThanPromised() {
        var random = SplitMix(seed: 82)
        var earlier = 0
        for round in 0..<150 {
            let jobs = QueuePropertyTests.randomJobs(&random).map { job in
                var job = job
                job.arrival = 0
                return job
            }
            let fifo = QueuePropertyTests.times(SmallCluster.run(jobs, pool: Pools.leaves(7)))
            let all = QueueDiscipline.backfill(reservations: jobs.count)
            let conservative = QueuePropertyTests.times(
                SmallCluster.run(jobs, pool: Pools.leaves(7), discipline: all))
            for job in jobs.indices {
                #expect(conservative[job] <= fifo[job], "seed \(random.seed), round \(round), job \(job)")
            }
            earlier += jobs.indices.count { conservative[$0] < fifo[$0] }
        }
        #expect(earlier > 300, "the test is about backfill")
    }

    /// Steps of passes with four reservations while jobs end and others come, on so many GPUs that are nearly full.
    static func steps(gpus: Int) -> [Int] {
        let client = Steady()
        let nodes = stride(from: 0, to: gpus, by: 8).map { Array(repeating: 7, count: min(8, gpus - $0)) }
        var scheduler = Scheduler(
            pool: Pools.nodes(nodes),
            kinds: [6, 7, 1].map { JobKind(options: [GangOption(0, count: $0)], slices: $0) },
            discipline: .backfill(reservations: 4))
        // A job of six leaves on each GPU, then four that need a whole one, and small ones that would delay them.
        var cluster = client
        for job in 0..<gpus { scheduler.submit(QueuedJob(id: Int32(job), kind: 0, key: Double(job))) }
        scheduler.pass(now: 0, client: &cluster)
        for job in 0..<40 {
            scheduler.submit(QueuedJob(id: Int32(gpus + job), kind: 1, key: Double(gpus + job)))
        }
        for job in 40..<60 {
            scheduler.submit(QueuedJob(id: Int32(gpus + job), kind: 2, key: Double(gpus + job)))
        }
        scheduler.pass(now: 0, client: &cluster)
        var steps: [Int] = []
        for job in 0..<20 {
            scheduler.end(cluster.starts[job])
            let before = scheduler.pool.steps
            scheduler.pass(now: cluster.expectedSeconds(of: Int32(job), option: 0, facts: GangFacts()), client: &cluster)
            steps.append(scheduler.pool.steps - before)
        }
        return steps
    }

    /// Every job's seconds by its number: the first end first.
    struct Steady: SchedulingClient {
        var starts: [JobStart] = []
        func expectedSeconds(of job: Int32, option: Int, facts: GangFacts) -> Double { 100 + Double(job) }
        func linkLoad(of job: Int32, option: Int, facts: GangFacts) -> Int { 0 }
        mutating func start(_ start: JobStart, units: [LeafUnit]) { starts.append(start) }
    }

    @Test func stepsAreFlatInTheCluster() {
        let few = Self.steps(gpus: 1000)
        let many = Self.steps(gpus: 100_000)
        let most = few.max() ?? 0
        // 64-branch trees: two levels more.
        #expect((many.max() ?? 0) <= 2 * most, "\(few) \(many)")
        #expect(most > 0, "\(few)")
    }
}
