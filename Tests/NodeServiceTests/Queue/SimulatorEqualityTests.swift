import ClusterSimulation
import LeafScheduling
import MIGModel
import NodeService
import Platform
import Testing
import Traces

/// The proof that the simulator tells the truth about the node's service: the same jobs start in the same order and at the same
/// times, and end at the same times.
struct SimulatorEqualityTests {
    struct Case: CustomTestStringConvertible {
        var gpus: Int
        var mode: QueueConfiguration.Mode
        var discipline: QueueDiscipline
        /// Belief of durations: 1 is exact; nil is none.
        var uncertainty: Double?

        var testDescription: String {
            let queue = discipline == .fifo ? "fifo" : "backfill"
            return "\(gpus) GPUs, \(mode.rawValue), \(queue), uncertainty \(uncertainty.map { "\($0)" } ?? "unknown")"
        }
    }

    static let cases: [Case] = [2, 4].flatMap { gpus in
        QueueConfiguration.Mode.allCases.flatMap { mode in
            [QueueDiscipline.fifo, .backfill()].flatMap { discipline in
                [1, 3, nil].map { Case(gpus: gpus, mode: mode, discipline: discipline, uncertainty: $0) }
            }
        }
    }

    static let folder = #filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" } + "/traces"
    static let paces = ModelPaces(table: .miso)

    static func jobs(
        _ trace: Trace, _ mapping: SizeMapping = .fNearest, day: Int? = nil, memory: Bool = true
    ) -> [Job] {
        var recipe = WorkloadRecipe(mapping: mapping)
        recipe.windowStart = day.map { Double($0) * 86_400 }
        recipe.windowLength = day.map { _ in 86_400 }
        recipe.memory = memory ? .fitting : .none
        return trace.mapped(by: recipe, speeds: .miso).workload.jobs
    }

    /// - Returns: how many jobs ran, and the makespan.
    @discardableResult
    static func compare(_ jobs: [Job], _ test: Case, gpusPerNode: Int = 8) -> (ran: Int, makespan: Double) {
        let model = GPUModel.a100With40GB
        var parameters = SimulationParameters()
        parameters.durationUncertainty = test.uncertainty
        parameters.gpusPerNode = gpusPerNode
        parameters.occupancyLimit = 1_000_000
        let record = Simulation(
            cluster: SimulatedCluster([.init(model, count: test.gpus)], gpusPerNode: gpusPerNode),
            model: test.mode == .fixed ? FixedLeaves() : HybridLeaves(), discipline: test.discipline,
            parameters: parameters, paces: paces
        ).run(jobs)

        var configuration = QueueConfiguration()
        configuration.mode = test.mode
        configuration.discipline = test.discipline
        configuration.recutSeconds = parameters.recutSeconds
        let believed = parameters
        var node = VirtualNode(
            jobs, gpus: Array(repeating: model, count: test.gpus), configuration: configuration, paces: paces,
            factor: { believed.believedFactor(of: $0) })
        node.run()

        var ran = 0
        for (number, expected) in record.outcomes.enumerated() {
            let outcome = node.outcomes[number]
            guard expected.refusal == .none else {
                #expect(outcome.isRefused, "job \(number) is refused by the simulator alone")
                continue
            }
            ran += 1
            let isEqual =
                abs(outcome.start - expected.start) <= 1e-9 && abs(outcome.end - expected.end) <= 1e-9
                && outcome.leaves == expected.leaves
            #expect(isEqual, "job \(number): \(outcome), simulator \(expected)")
            if !isEqual { break }
        }
        // The same order of starts, also of those at one moment, and the same leaves.
        var starts: [(job: Int, places: Set<String>)] = []
        for held in record.occupancy {
            let place = "\(held.gpu)@\(held.start):\(held.size)"
            if starts.last?.job == Int(held.job) {
                starts[starts.count - 1].places.insert(place)
            } else {
                starts.append((Int(held.job), [place]))
            }
        }
        #expect(!record.occupancyIsCut && node.order == starts.map(\.job), "not the simulator's order of starts")
        #expect(node.places == starts.map(\.places), "not the simulator's leaves")
        #expect(node.order.count == ran)
        #expect(node.queue.waiting == 0 && node.queue.running == 0)
        let end = record.outcomes.map(\.end).filter(\.isFinite).max() ?? 0
        return (ran, end - (jobs.first?.arrival ?? 0))
    }

    /// With the memory that the models need, which some leaves don't have, and without.
    @Test(arguments: cases, [true, false])
    func miso100(_ test: Case, memory: Bool) throws {
        let trace = try TraceReader().read(byteSource(try Files.read("\(Self.folder)/miso100.csv")))
        let result = Self.compare(Self.jobs(trace, .wSlice, memory: memory), test)
        #expect(memory ? result.ran > 50 : result.ran == 100)
        print(
            "miso100\(memory ? " with memory" : ""), \(test.testDescription): \(result.ran) jobs, "
                + "makespan \(result.makespan) s")
    }

    /// A day of generated jobs, a little more than the GPUs can do.
    @Test(arguments: cases)
    func generatedDay(_ test: Case) {
        var recipe = TraceRecipe(
            jobs: 190 * test.gpus, mix: .uniform, durations: LogNormalDurations(mu: 6, sigma: 1.2), load: 1.1,
            gpus: test.gpus,
            seed: 7)
        recipe.longest = 20_000
        let result = Self.compare(Self.jobs(recipe.generated(), memory: false), test)
        print("generated, \(test.testDescription): \(result.ran) jobs, makespan \(result.makespan) s")
    }

    /// The day of openb with the most jobs, on 16 GPUs. Its file may not be shipped: `FLEXMIG_OPENB` names it.
    @Test(
        .enabled(if: Environment.value("FLEXMIG_OPENB") != nil, "FLEXMIG_OPENB doesn't name the trace: docs/traces.md"),
        arguments: cases.filter { $0.gpus == 4 })
    func openbDay(_ test: Case) throws {
        let path = try #require(Environment.value("FLEXMIG_OPENB"))
        let trace = try TraceReader().read(byteSource(try Files.read(path)))
        var large = test
        large.gpus = 16
        let result = Self.compare(Self.jobs(trace, day: 148), large, gpusPerNode: 16)
        print("openb, \(large.testDescription): \(result.ran) jobs, makespan \(result.makespan) s")
    }
}
