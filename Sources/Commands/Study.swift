import ClusterSimulation
import CollectiveBenchmark
import MIGModel
import Platform
import SimulationReport
import Synchronization
import Traces

/// Runs every model under every queue for every seed, on all cores, and keeps what reports need.
struct Study {
    let cluster: SimulatedCluster
    let models: [ModelSelection]
    let queues: [QueueSelection]
    let parameters: SimulationParameters
    let paces: ModelPaces
    let jobs: StudyJobs
    let seeds: Int
    /// Entries of occupancy to keep of each run of the first seed.
    let gantt: Int
    /// Whether every two models are compared by the jobs that both ran.
    let comparesPairs: Bool

    struct Results {
        var metrics: [RunMetrics] = []
        /// Every two models' runs, where a report is to have them.
        var pairs: [RunPair] = []
        var pictures: [RunPicture] = []
        /// What became of the first seed's jobs.
        var account: [String] = []
    }

    /// Progress goes to standard error. Nothing is written before the end, so that Ctrl-C leaves no half of a report.
    func run(progress: ProgressLine) throws -> Results {
        var results = Results()
        let each = queues.count * models.count
        // The jobs of as many seeds in memory as it takes to have a run for each processor.
        let together = (usableProcessors() + each - 1) / each
        for first in stride(from: 1, through: seeds, by: together) {
            let draws = try (first...min(first + together - 1, seeds)).map { seed in
                SeedDraw(seed: UInt64(seed), jobs: try jobs.draw(seed: UInt64(seed)))
            }
            if first == 1, let draw = draws.first { results.account = jobs.account(of: draw.jobs) }
            let turn = StudyTurn(self, draws)
            let before = (first - 1) * each
            for _ in 0..<max(1, min(usableProcessors(), turn.cells.count)) { try startThread { turn.work() } }
            while true {
                let (finished, jobs) = turn.done
                if finished == turn.cells.count { break }
                progress.show(
                    "simulating: \(before + finished) of \(counted(each * seeds, "run")), \(counted(jobs, "job")) in this one"
                )
                turn.bell.sleep(since: turn.bell.count, atMost: .milliseconds(100))
            }
            for run in turn.results {
                results.metrics.append(run.metrics)
                if let picture = run.picture { results.pictures.append(picture) }
            }
            if comparesPairs {
                for (place, draw) in draws.enumerated() {
                    let ends = turn.results[place * each..<(place + 1) * each].map(\.ends)
                    results.pairs += RunPair.all(of: ends, workload: draw.jobs.mapped.workload, seed: draw.seed)
                }
            }
        }
        progress.clear()
        guard results.metrics.contains(where: { $0.finished > 0 }) else { throw Self.nothingRan(results) }
        return results
    }

    /// No model could serve any job: a table of zeros would say nothing.
    private static func nothingRan(_ results: Results) -> CommandFailure {
        let reasons = Summary.all(of: results.metrics).flatMap(\.refusals).map { "  \($0)" }
        return CommandFailure(
            CommandExit.input,
            "no job can run under any of the models\n\(reasons.joined(separator: "\n"))\n"
                + "Take a larger cluster with --gpus, or another --mapping, --memory or --models.")
    }
}

/// The jobs of one seed.
private struct SeedDraw: Sendable {
    let seed: UInt64
    let jobs: StudyJobs.Draw
}

/// All runs of some seeds, taken one after the other by as many threads as there are.
private final class StudyTurn: Sendable {
    struct Cell: Sendable {
        let draw: SeedDraw
        let model: ModelSelection
        let queue: QueueSelection
    }

    struct Result: Sendable {
        let metrics: RunMetrics
        let ends: RunEnds
        let picture: RunPicture?
    }

    private struct State {
        var next = 0
        var finished = 0
        var results: [Result?]
    }

    let cells: [Cell]
    let bell = ProcessDoorbell()
    private let cluster: SimulatedCluster
    private let parameters: SimulationParameters
    private let paces: ModelPaces
    private let gantt: Int
    private let bound: LowerBound
    private let state: Guarded<State>
    private let arrived = Atomic<Int>(0)

    init(_ study: Study, _ draws: [SeedDraw]) {
        let cells = draws.flatMap { draw in
            study.queues.flatMap { queue in study.models.map { Cell(draw: draw, model: $0, queue: queue) } }
        }
        self.cells = cells
        cluster = study.cluster
        parameters = study.parameters
        gantt = study.gantt
        paces = study.paces
        bound = LowerBound(paces: study.paces, powers: study.cluster.powers, slices: study.cluster.computeSlices)
        state = Guarded(State(results: [Result?](repeating: nil, count: cells.count)))
    }

    /// Runs that are done, and jobs that have arrived in one of the others.
    var done: (runs: Int, jobs: Int) { (state.withLock { $0.finished }, arrived.load(ordering: .relaxed)) }

    var results: [Result] { state.withLock { $0.results.compactMap { $0 } } }

    func work() {
        while true {
            let number = state.withLock { state in
                state.next += 1
                return state.next - 1
            }
            guard number < cells.count else { return }
            let result = run(cells[number])
            state.withLock { state in
                state.results[number] = result
                state.finished += 1
            }
            bell.ring()
        }
    }

    private func run(_ cell: Cell) -> Result {
        let workload = cell.draw.jobs.mapped.workload
        // Pictures are of the first seed.
        let isFirst = cell.draw.seed == 1
        var chosen = self.parameters
        chosen.seed = cell.draw.seed
        if isFirst { chosen.occupancyLimit = gantt } else { chosen.timeline.limit = 0 }
        let parameters = chosen
        func simulation(_ model: any ClusterModel) -> Simulation {
            Simulation(
                cluster: cluster, model: model, discipline: cell.queue.discipline, parameters: parameters, paces: paces)
        }
        let model = cell.model.make(jobs: workload.jobs, history: cell.draw.jobs.history, simulation(WholeGPU()))
        let record = simulation(model).run(workload.jobs) { count in
            self.arrived.store(count, ordering: .relaxed)
            return true
        }
        let outcomes = record.outcomes
        let least = bound.makespan(of: workload) { outcomes[Int($0.number)].hasRun }
        let metrics = RunMetrics(
            record, of: workload, slices: cluster.computeSlices, bound: least, seed: cell.draw.seed)
        return Result(
            metrics: metrics, ends: RunEnds(record), picture: isFirst ? RunPicture(record, of: workload) : nil)
    }
}

extension SimulatedCluster {
    /// One for each size of plain instance of its GPUs.
    var powers: [LeafPower] {
        var powers: Set<LeafPower> = []
        for part in parts {
            let plain = part.model.geometry.profiles.filter(\.attributes.isEmpty)
            let full = plain.compactMap(\.multiprocessors).max() ?? 0
            for profile in plain {
                powers.insert(
                    LeafPower(
                        computeSlices: profile.computeSlices, multiprocessors: profile.multiprocessors ?? 0,
                        fullMultiprocessors: full))
            }
        }
        return powers.sorted { ($0.computeSlices, $0.multiprocessors) < ($1.computeSlices, $1.multiprocessors) }
    }
}
