import ClusterSimulation
import LeafScheduling
import MIGModel
import TestSupport
import Testing
import Traces

/// What holds for every model, over random workloads.
struct SimulationPropertyTests {
    static let a100 = GPUModel.a100With40GB

    static func cluster(_ gpus: Int, perNode: Int = 4) -> SimulatedCluster {
        SimulatedCluster([.init(a100, count: gpus)], gpusPerNode: perNode)
    }

    static let models: [any ClusterModel] = [
        WholeGPU(), StaticOneToOne([.init([4, 2, 1]), .init([7])]), StaticOneToOne([.init([3, 3])]), Drain(),
        PartialRecut(), Migrate(), GreedyLeaves(), PartialRecut.fragmentationAware, FixedLeaves(),
        FixedLeaves(layout: .thin), HybridLeaves(),
        HybridLeaves(leastShare: 0.5),
    ]

    static let disciplines: [QueueDiscipline] = [.fifo, .backfill(), .backfill(reservations: 3, lookAhead: 20)]

    static func randomJobs(_ random: inout SplitMix, count: Int, sizes: [Int] = [1, 2, 3, 4, 7, 14]) -> [Job] {
        var time = 0.0
        return (0..<count).map { number in
            time += Double(Int.random(in: 0...60, using: &random))
            return Job(
                number: number, arrival: time, duration: Double(Int.random(in: 1...900, using: &random)),
                slices: sizes.randomElement(using: &random) ?? 1,
                memoryMiB: [0, 4000, 8000, 30_000].randomElement(using: &random) ?? 0, model: 0)
        }
    }

    /// Spanning costs more the more leaves share a link; one-to-one is at the pace that was asked for.
    struct Paces: JobPaces {
        func pace(of job: Job, onOne power: LeafPower) -> Double? { 1 }
        func pace(of job: Job, over shape: SpanShape) -> Double? {
            let compute = min(1, Double(shape.leaves * shape.slowest.computeSlices) / Double(job.slices))
            return compute / (1 + 0.02 * Double(shape.mostLeavesOnOneGPU) * (1 + shape.foreignLinkLoad))
        }
        func linkLoad(of job: Job, over shape: SpanShape) -> Double { 0.05 * Double(shape.mostLeavesOnOneGPU) }
        func rankMemoryMiB(of job: Job, ranks: Int) -> Int { Int(job.memoryMiB) }
    }

    /// The laws: what starts, ends; nothing overlaps; nobody starts early or ends late; sums agree with their parts.
    static func check(_ record: SimulationRecord, _ jobs: [Job], gpus: Int, _ message: Comment) {
        #expect(record.outcomes.count == jobs.count, message)
        var held = 0.0
        var used = 0.0
        var waited = 0.0
        for (job, outcome) in zip(jobs, record.outcomes) {
            guard outcome.refusal == .none else {
                #expect(outcome.start.isNaN && outcome.end.isNaN, message)
                continue
            }
            #expect(outcome.start >= job.arrival && outcome.end > outcome.start, message)
            #expect(outcome.leaves >= 1 && outcome.gpus >= 1 && outcome.heldSlices >= 1, message)
            let seconds = outcome.end - outcome.start
            held += seconds * Double(outcome.heldSlices)
            used += seconds * Double(min(outcome.heldSlices, job.slices))
            waited += outcome.start - job.arrival
        }
        func isClose(_ one: Double, _ other: Double) -> Bool { abs(one - other) <= 1e-9 * max(1, abs(one)) }
        #expect(isClose(record.totals.heldSliceSeconds, held), message)
        #expect(isClose(record.totals.usedSliceSeconds, used), message)
        #expect(isClose(record.totals.queuedSeconds, waited), message)
        // No leaf twice: of the instances on one GPU no two share a slice at one time.
        let byGPU = Dictionary(grouping: record.occupancy, by: \.gpu)
        #expect(byGPU.keys.allSatisfy { (0..<gpus).contains(Int($0)) }, message)
        for instances in byGPU.values {
            let ordered = instances.sorted { ($0.from, $0.start) < ($1.from, $1.start) }
            for (place, one) in ordered.enumerated() {
                for other in ordered[(place + 1)...] {
                    if other.from >= one.to { continue }
                    let apart = other.start >= one.start + one.size || one.start >= other.start + other.size
                    #expect(apart, message)
                }
            }
        }
        // Everything that a job held is in the occupancy, moved or not.
        let slices = Dictionary(grouping: record.occupancy, by: \.job).mapValues {
            $0.reduce(0) { $0 + Double($1.slices) * ($1.to - $1.from) }
        }
        for (number, outcome) in record.outcomes.enumerated() where outcome.refusal == .none {
            let seconds = outcome.end - outcome.start
            #expect(isClose(slices[Int32(number)] ?? 0, seconds * Double(outcome.heldSlices)), message)
        }
        for sample in record.timeline {
            #expect(sample.usedSlices <= sample.heldSlices && sample.heldSlices <= gpus * 7, message)
            #expect(sample.queued >= 0 && sample.running >= 0 && sample.drainedGPUs >= 0, message)
            #expect(Int(sample.unusableSlices) + Int(sample.heldSlices) <= gpus * 7, message)
        }
        #expect(zip(record.timeline, record.timeline.dropFirst()).allSatisfy { $0.time < $1.time }, message)
    }

    @Test(arguments: models.indices, disciplines)
    func lawsHold(model: Int, discipline: QueueDiscipline) {
        var random = SplitMix(seed: UInt64(model) + 100)
        for round in 0..<12 {
            let jobs = Self.randomJobs(&random, count: 60)
            let gpus = Int.random(in: 2...5, using: &random)
            var parameters = SimulationParameters()
            parameters.occupancyLimit = 100_000
            parameters.durationUncertainty = [1, 3, nil][round % 3]
            let simulation = Simulation(
                cluster: Self.cluster(gpus), model: Self.models[model], discipline: discipline, parameters: parameters,
                paces: Paces())
            let record = simulation.run(jobs)
            let message: Comment = "\(Self.models[model].name), seed \(random.seed), round \(round)"
            Self.check(record, jobs, gpus: gpus, message)
            // The same again, to the last bit.
            let again = simulation.run(jobs)
            #expect(again.outcomes.map(\.end.bitPattern) == record.outcomes.map(\.end.bitPattern), message)
            #expect(again.timeline == record.timeline && again.totals == record.totals, message)
        }
    }

    /// W-whole, the control: where all jobs ask for whole GPUs, cutting them brings nothing.
    @Test(arguments: disciplines)
    func wholeGPUsLeaveNothingToGain(discipline: QueueDiscipline) {
        var random = SplitMix(seed: 7)
        for _ in 0..<10 {
            let jobs = Self.randomJobs(&random, count: 80, sizes: [7, 7, 14, 21]).map { job in
                var job = job
                job.memoryMiB = 0
                return job
            }
            // The first cut of a GPU takes its time in any model that cuts; without it there is no difference at all.
            var parameters = SimulationParameters()
            parameters.recutSeconds = 0
            func starts(_ model: any ClusterModel) -> [Double] {
                Simulation(cluster: Self.cluster(4), model: model, discipline: discipline, parameters: parameters)
                    .run(jobs).outcomes.map(\.start)
            }
            let whole = starts(WholeGPU())
            for model in [PartialRecut(), PartialRecut.fragmentationAware] as [any ClusterModel] {
                #expect(starts(model) == whole, "\(model.name)")
            }
            // One-to-many at no cost at all is at best as good: every job fills whole GPUs.
            #expect(starts(FixedLeaves(layout: .thin)) == whole)
            #expect(starts(HybridLeaves()) == whole)
        }
    }

    /// The same with MISO's speeds and memory, links, and nodes whose gaps a gang of whole GPUs can't use.
    ///
    /// Not so with more than one reservation: plans over several nodes differ with the number of options.
    @Test(arguments: [QueueDiscipline.fifo, .backfill()])
    func wholeGPUsOnNodesLeaveNothingToGain(discipline: QueueDiscipline) {
        var random = SplitMix(seed: 9)
        let table = SpeedTable.miso
        for round in 0..<10 {
            let gpusPerNode = [2, 4, 8][round % 3]
            let jobs = Self.randomJobs(&random, count: 80, sizes: [7, 7, 14, 21, 28, 70]).map { job in
                var job = job
                job.model = Int32(table.entries.indices.randomElement(using: &random) ?? 0)
                job.memoryMiB = Int32(table.entries[Int(job.model)].memoryMiB)
                return job
            }
            var parameters = SimulationParameters()
            parameters.recutSeconds = 0
            parameters.gpusPerNode = gpusPerNode
            func starts(_ model: any ClusterModel) -> [Double] {
                Simulation(
                    cluster: Self.cluster(16, perNode: gpusPerNode), model: model, discipline: discipline,
                    parameters: parameters, paces: ModelPaces(table: table)
                ).run(jobs).outcomes.map(\.start)
            }
            let whole = starts(WholeGPU())
            for model in [PartialRecut(), GreedyLeaves(), HybridLeaves()] as [any ClusterModel] {
                let others = zip(starts(model), whole).filter { $0 != $1 }.count
                #expect(others == 0, "\(model.name), round \(round)")
            }
        }
    }

    /// With a cost of spanning, one-to-many over whole GPUs is worse, never better.
    @Test func wholeGPUsOverLeavesCost() {
        var random = SplitMix(seed: 8)
        let jobs = Self.randomJobs(&random, count: 80, sizes: [7, 14]).map { job in
            var job = job
            job.memoryMiB = 0
            return job
        }
        func makespan(_ model: any ClusterModel) -> Double {
            var parameters = SimulationParameters()
            parameters.recutSeconds = 0
            return Simulation(
                cluster: Self.cluster(4), model: model, discipline: .fifo, parameters: parameters, paces: Paces()
            ).run(jobs).outcomes.map(\.end).max() ?? 0
        }
        #expect(makespan(FixedLeaves(layout: .thin)) > makespan(WholeGPU()))
        #expect(makespan(HybridLeaves()) == makespan(WholeGPU()))
    }
}
