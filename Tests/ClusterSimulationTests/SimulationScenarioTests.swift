import ClusterSimulation
import LeafScheduling
import MIGModel
import Testing
import Traces

/// Small cases worked out by hand: one row per case.
struct SimulationScenarioTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let model: any ClusterModel
        /// Arrival, duration, slices, and MiB that a rank holds.
        let jobs: [(Double, Double, Int, Int)]
        var gpus = 1
        var discipline = QueueDiscipline.fifo
        /// Start and end of each job, "-" and the reason for those that are refused.
        let outcome: String
        var reconfigurations = 0
        var testDescription: String { "\(model.name): \(word)" }
    }

    /// Spanning over k leaves takes a tenth longer.
    struct Paces: JobPaces {
        func pace(of job: Job, onOne power: LeafPower) -> Double? { 1 }
        func pace(of job: Job, over shape: SpanShape) -> Double? { 1 / 1.25 }
        func linkLoad(of job: Job, over shape: SpanShape) -> Double { 0 }
        func rankMemoryMiB(of job: Job, ranks: Int) -> Int { Int(job.memoryMiB) }
    }

    static let cases: [Case] = [
        Case(
            word: "one job at a time on a GPU", model: WholeGPU(), jobs: [(0, 10, 1, 0), (0, 10, 1, 0)],
            outcome: "0-10 10-20"),
        Case(
            word: "two GPUs", model: WholeGPU(), jobs: [(0, 10, 1, 0), (1, 10, 8, 0)], gpus: 2, outcome: "0-10 10-20"),
        Case(
            word: "the smallest instance that is enough, then a larger one", model: StaticOneToOne([.init([4, 2, 1])]),
            jobs: [(0, 10, 1, 0), (0, 10, 1, 0), (0, 10, 3, 0), (0, 10, 2, 0)], outcome: "0-10 0-10 0-10 10-20"),
        Case(
            word: "no instance of the size", model: StaticOneToOne([.init([4, 2, 1])]), jobs: [(0, 10, 7, 0)],
            outcome: "noInstance"),
        Case(
            word: "memory beyond every instance", model: StaticOneToOne([.init([4, 2, 1])]), jobs: [(0, 10, 1, 30_000)],
            outcome: "memory"),
        Case(
            word: "memory chooses a larger instance", model: StaticOneToOne([.init([4, 2, 1])]),
            jobs: [(0, 10, 1, 9000)], outcome: "0-10"),
        Case(
            word: "larger than the cluster", model: WholeGPU(), jobs: [(0, 10, 14, 0)], outcome: "largerThanCluster"),
        Case(
            word: "idle slices are cut, a third of a second", model: PartialRecut(),
            jobs: [(0, 10, 3, 0), (0, 10, 4, 0), (0, 10, 7, 0)], outcome: "0-10.3 0-10.3 10.3-20.6", reconfigurations: 3
        ),
        Case(
            word: "an instance that is there is used again", model: PartialRecut(),
            jobs: [(0, 10, 3, 0), (20, 10, 3, 0)], outcome: "0-10.3 20-30", reconfigurations: 1),
        // One of two 3g jobs goes beside the other: 30 s, and 0.3 s for its instance.
        Case(
            word: "a running job is moved for a whole GPU", model: Migrate(),
            jobs: [(0, 100, 4, 0), (0, 50, 4, 0), (1, 500, 3, 0), (1, 500, 3, 0), (101, 10, 7, 0)], gpus: 2,
            outcome: "0-100.3 0-50.3 1-531.6 1-501.3 101-111.3", reconfigurations: 6),
        Case(
            word: "nobody is moved where waiting is shorter", model: Migrate(),
            jobs: [(0, 100, 4, 0), (0, 50, 4, 0), (1, 110, 3, 0), (1, 500, 3, 0), (101, 10, 7, 0)], gpus: 2,
            outcome: "0-100.3 0-50.3 1-111.3 1-501.3 111.3-121.6", reconfigurations: 5),
        Case(
            word: "what is free now, where waiting is shorter", model: GreedyLeaves(),
            jobs: [(0, 1, 4, 0), (0, 1, 4, 0), (0, 10, 4, 0)], gpus: 2, outcome: "0-1.3 0-1.3 0-12.8",
            reconfigurations: 4),
        Case(
            word: "five slices are a whole GPU", model: PartialRecut(), jobs: [(0, 10, 5, 0), (0, 10, 1, 0)],
            outcome: "0-10.3 10.3-20.6", reconfigurations: 2),
        Case(
            word: "drained for a size that the layout lacks", model: Drain(), jobs: [(0, 10, 4, 0), (1, 10, 7, 0)],
            outcome: "0-10 190-200", reconfigurations: 1),
        Case(
            word: "a leaf for each slice", model: FixedLeaves(),
            jobs: [(0, 10, 3, 0), (0, 10, 4, 0), (0, 10, 1, 0)], outcome: "0-12.5 0-12.5 12.5-22.5"),
        Case(
            word: "five slices are five leaves", model: FixedLeaves(), jobs: [(0, 10, 5, 0), (0, 10, 2, 0)],
            outcome: "0-12.5 0-12.5"),
        Case(
            word: "a fat leaf for a rank that needs it", model: FixedLeaves(),
            jobs: [(0, 10, 1, 9000), (0, 10, 1, 9000)],
            outcome: "0-10 10-20"),
        Case(
            word: "more fat leaves than there are", model: FixedLeaves(), jobs: [(0, 10, 2, 9000)], outcome: "memory"),
        Case(
            word: "nobody fits a thin leaf of a thin layout", model: FixedLeaves(layout: .thin),
            jobs: [(0, 10, 1, 9000)], outcome: "memory"),
        Case(
            word: "one instance where it can be cut", model: HybridLeaves(), jobs: [(0, 10, 4, 0)], outcome: "0-10.3",
            reconfigurations: 1),
        Case(
            word: "over leaves where waiting is longer", model: HybridLeaves(),
            jobs: [(0, 100, 3, 0), (0, 100, 3, 0), (0, 100, 1, 0), (1, 10, 2, 0)], gpus: 2,
            outcome: "0-100.3 0-100.3 0-100.3 1-11.3", reconfigurations: 4),
    ]

    @Test(arguments: cases)
    func scenario(test: Case) {
        let jobs = test.jobs.enumerated().map { number, job in
            Job(number: number, arrival: job.0, duration: job.1, slices: job.2, memoryMiB: job.3)
        }
        let cluster = SimulatedCluster([.init(.a100With40GB, count: test.gpus)])
        let record = Simulation(cluster: cluster, model: test.model, discipline: test.discipline, paces: Paces()).run(
            jobs)
        func written(_ time: Double) -> String {
            let tenths = Int((time * 10).rounded())
            return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
        }
        let outcome = record.outcomes.map { outcome in
            outcome.refusal == .none ? "\(written(outcome.start))-\(written(outcome.end))" : "\(outcome.refusal)"
        }.joined(separator: " ")
        #expect(outcome == test.outcome)
        #expect(record.totals.reconfigurations == test.reconfigurations)
    }

    /// A job of one GPU stays on a node, one of several may lie on several: in every model.
    @Test(arguments: [(7, "largerThanNode"), (14, "none"), (21, "largerThanCluster")])
    func nodesBoundJobsOfOneGPU(slices: Int, refusal: String) {
        let cluster = SimulatedCluster([.init(.a100With40GB, count: 4)], gpusPerNode: 1)
        let job = Job(number: 0, arrival: 0, duration: 10, slices: slices)
        let record = Simulation(
            cluster: cluster, model: FixedLeaves(layout: .doubles), discipline: .fifo, paces: Paces()
        ).run([job])
        #expect("\(record.outcomes[0].refusal)" == refusal)
    }

    /// The GPU that is idle first may be of a model that can't be cut for the job.
    @Test func drainLooksAtAllModelsOfACluster() {
        let cluster = SimulatedCluster([.init(.a30, count: 2), .init(.a100With40GB, count: 2)])
        let jobs = [7, 3, 7, 7, 1].enumerated().map {
            Job(number: $0.offset, arrival: Double($0.offset), duration: 100, slices: $0.element)
        }
        let record = Simulation(cluster: cluster, model: Drain(), discipline: .fifo, paces: Paces()).run(jobs)
        #expect(record.outcomes.allSatisfy { $0.refusal == .none && $0.end.isFinite })
    }

    /// A causal layout follows what was asked for before; nobody knows the future but the hindsight search.
    @Test func layoutsAreChosenFromDemand() {
        let cluster = SimulatedCluster([.init(.a100With40GB, count: 10)])
        func jobs(_ sizes: [Int]) -> [Job] {
            sizes.enumerated().map { Job(number: $0.offset, arrival: 0, duration: 100, slices: $0.element) }
        }
        #expect(StaticOneToOne.causal(history: jobs([7, 7]), cluster: cluster).note == "7g")
        #expect(StaticOneToOne.causal(history: jobs([3, 3, 3]), cluster: cluster).note == "4g+3g")
        #expect(
            StaticOneToOne.causal(history: jobs([1, 1, 1]), cluster: cluster).note == "1g+1g+1g+1g+1g+1g+1g")
        let mixed = jobs([4, 3, 4, 3, 7, 7])
        let simulation = Simulation(cluster: cluster, model: WholeGPU(), discipline: .fifo)
        let best = HindsightSearch(tries: 12).best(for: mixed, simulation)
        #expect(best.isUnattainable)
        #expect(best.name == "static-hindsight")
    }
}
