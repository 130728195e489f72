import CollectiveBenchmark
import ClusterSimulation
import MIGModel
import SimulationReport
import Traces

/// The jobs of each seed.
struct StudyJobs {
    /// One seed's.
    struct Draw {
        let mapped: MappedTrace
        /// Jobs of the window before, of generated jobs another draw, for models that learn from it.
        let history: [Job]
    }

    private let options: StudyOptions
    private let speeds: SpeedTable
    private let trace: Trace?
    private let recipe: WorkloadRecipe
    private let generation: TraceRecipe?
    /// What became of the trace's rows, a line each.
    let rows: [String]

    init(_ options: StudyOptions, cluster: SimulatedCluster, speeds: SpeedTable, progress: ProgressLine) throws {
        self.options = options
        self.speeds = speeds
        var recipe = WorkloadRecipe(mapping: options.mapping ?? .fNearest)
        recipe.windowStart = options.window?.start
        recipe.windowLength = options.window?.length
        recipe.clampSeconds = options.clamp?.seconds
        recipe.timeScale = options.timeScale
        recipe.memory = options.memory
        if let part = cluster.parts.first { recipe.instanceMemoryMiB = part.model.leastMemoryBySlices }
        self.recipe = recipe
        if let path = options.trace {
            let trace = try TraceFile.read(
                path, format: options.options.format, isStrict: options.options.strict, progress: progress)
            self.trace = trace
            generation = nil
            rows = trace.counts.lines
        } else {
            trace = nil
            var more = GenerationOptions()
            more.jobs = options.jobs ?? 2000
            more.load = options.load ?? 1
            more.fit = options.fit
            more.longest = "48h"
            generation = try more.recipe(
                mix: options.generate ?? .uniform, gpus: max(1, cluster.computeSlices / 7), seed: 1, progress: progress)
            rows = []
        }
    }

    /// - Throws: where no job is left.
    func draw(seed: UInt64) throws -> Draw {
        var recipe = recipe
        recipe.seed = seed
        if var generation {
            generation.seed = seed
            let mapped = generation.generated().mapped(by: recipe, speeds: speeds)
            // What came before is another draw of the same kind, by a seed that --seeds does not reach.
            generation.seed = seed &+ 1_000_000
            return Draw(
                mapped: mapped, history: generation.generated().mapped(by: recipe, speeds: speeds).workload.jobs)
        }
        guard let trace else { throw CommandFailure(CommandExit.failure, "no jobs") }
        let mapped = trace.mapped(by: recipe, speeds: speeds)
        guard !mapped.workload.jobs.isEmpty else {
            let reasons = mapped.refused.map { "\(counted($0.value, "job")): \($0.key.rawValue)" }.sorted()
            throw CommandFailure(
                CommandExit.input,
                "no job is left: \(mapped.outsideWindow) outside the window"
                    + reasons.map { ", \($0)" }.joined()
                    + "\nTake another --window or --mapping; `flexmig trace inspect` shows both.")
        }
        var history: [Job] = []
        if let window = options.window, window.start > 0 {
            recipe.windowStart = max(0, window.start - window.length)
            recipe.windowLength = window.start - (recipe.windowStart ?? 0)
            history = trace.mapped(by: recipe, speeds: speeds).workload.jobs
        }
        return Draw(mapped: mapped, history: history)
    }

    /// What became of the trace's jobs, a line each.
    func account(of draw: Draw) -> [String] {
        let mapped = draw.mapped
        var lines = rows
        if let generation {
            lines.append(
                "\(counted(generation.jobs, "generated job")): mix \(generation.mix.rawValue), load \(generation.load) of \(counted(generation.gpus, "GPU")), "
                    + "log-normal durations with mu \(generation.durations.mu) and sigma \(generation.durations.sigma), 1 s to 48 h"
            )
        }
        lines.append("\(counted(mapped.workload.jobs.count, "job")) simulated")
        if mapped.outsideWindow > 0 { lines.append("\(counted(mapped.outsideWindow, "job")) outside the window") }
        for (reason, count) in mapped.refused.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("\(counted(count, "job")) left out by the mapping: \(reason.rawValue)")
        }
        if mapped.clamped > 0 { lines.append("\(counted(mapped.clamped, "job")) cut to the clamp") }
        lines.append("\(counted(mapped.withOwnModel, "job")) with the trace's model, \(mapped.drawn) with a drawn one")
        if generation != nil { lines.append("\(counted(draw.history.count, "job")) of another draw, for `static`") }
        if options.window != nil {
            lines.append("\(counted(draw.history.count, "job")) of the window before, for `static`")
        }
        return lines
    }
}

extension GPUModel {
    /// By slices - 1, for 1 to 7: MiB of the smallest plain instance with so many compute slices or more.
    var leastMemoryBySlices: [Int] {
        let plain = geometry.profiles.filter(\.attributes.isEmpty)
        return (1...7).map { slices in
            let enough = plain.filter { $0.computeSlices >= min(slices, geometry.computeSlices) }
            let size = enough.map(\.computeSlices).min()
            return enough.filter { $0.computeSlices == size }.compactMap(\.memoryMiB).min() ?? memoryMiB
        }
    }
}
