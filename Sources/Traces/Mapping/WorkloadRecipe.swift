/// How a trace becomes a workload: everything that is decided on the way, to be kept with every result.
public struct WorkloadRecipe: Hashable, Sendable {
    /// How much memory a worker needs where the trace doesn't tell.
    public enum Memory: String, Hashable, Sendable, Codable, CaseIterable {
        /// As its model, drawn from all that fit the smallest instance with the asked slices: users ask for what fits.
        case fitting
        /// As its model, drawn from all of the table.
        case any
        /// Nothing: every job fits everywhere.
        case none
    }

    public var mapping: SizeMapping
    /// Jobs that arrive from there on, in the trace's seconds; nil takes all. Then times count from there.
    public var windowStart: Double?
    public var windowLength: Double?
    /// Longer jobs are cut to that many seconds.
    public var clampSeconds: Double?
    /// Arrivals are divided by it: 2 is twice the load.
    public var timeScale = 1.0
    public var memory = Memory.fitting
    /// MiB of the smallest instance that holds each size of 1 to 7 slices, for ``Memory-swift.enum/fitting``.
    public var instanceMemoryMiB = [4864, 9856, 19968, 19968, 40192, 40192, 40192]
    public var seed: UInt64 = 1

    public init(mapping: SizeMapping) { self.mapping = mapping }
}

/// A workload, and what became of the trace's jobs.
public struct MappedTrace: Hashable, Sendable {
    public var workload: Workload
    public var outsideWindow = 0
    public var refused: [SizeMapping.Refusal: Int] = [:]
    public var clamped = 0
    /// Jobs whose model the trace tells, by its column or by tenants that are models.
    public var withOwnModel = 0
    /// Jobs whose model was drawn.
    public var drawn = 0
}

extension Trace {
    /// Makes a workload of the trace's jobs.
    ///
    /// A job's draws depend on the seed and its row alone, so that windows do not change them.
    /// - Complexity: O(jobs x entries of the table).
    public func mapped(by recipe: WorkloadRecipe, speeds: SpeedTable) -> MappedTrace {
        var result = MappedTrace(
            workload: Workload(
                jobs: [], ids: [], tenants: tenants.names, models: speeds.entries.map(\.key)))
        let start = recipe.windowStart ?? 0
        let end = recipe.windowLength.map { start + $0 } ?? .infinity
        let keys = Dictionary(speeds.entries.indices.map { (speeds.entries[$0].key, $0) }) { first, _ in first }
        let ofModel = models.names.map { keys[$0] }
        let ofTenant = tenants.names.map { keys[$0] }
        let choices = Self.choices(recipe, speeds)
        result.workload.jobs.reserveCapacity(jobs.count)
        for job in jobs {
            guard job.submit >= start, job.submit < end else {
                result.outsideWindow += 1
                continue
            }
            let slices: Int
            switch recipe.mapping.slices(gpus: Int(job.gpus), milli: Int(job.milli)) {
            case .success(let count): slices = count
            case .failure(let reason):
                result.refused[reason, default: 0] += 1
                continue
            }
            var duration = job.duration
            if let clamp = recipe.clampSeconds, duration > clamp {
                duration = clamp
                result.clamped += 1
            }
            let model: Int
            if let own = (job.model >= 0 ? ofModel[Int(job.model)] : nil) ?? ofTenant[Int(job.tenant)] {
                model = own
                result.withOwnModel += 1
            } else {
                var random = SeededRandom(seed: recipe.seed, stream: UInt64(job.row))
                let fitting = choices[min(slices, 7) - 1]
                model = fitting[random.below(fitting.count)]
                result.drawn += 1
            }
            let memory =
                job.memoryMiB >= 0 ? Int(job.memoryMiB) : recipe.memory == .none ? 0 : speeds.entries[model].memoryMiB
            result.workload.ids.append(id(of: job))
            result.workload.jobs.append(
                Job(
                    number: result.workload.jobs.count, arrival: (job.submit - start) / recipe.timeScale,
                    duration: duration, slices: slices, memoryMiB: memory, tenant: Int(job.tenant), model: model))
        }
        return result
    }

    /// By slices - 1: the entries that a job of that size may be given, never none.
    private static func choices(_ recipe: WorkloadRecipe, _ speeds: SpeedTable) -> [[Int]] {
        let all = speeds.drawable.isEmpty ? Array(speeds.entries.indices) : speeds.drawable
        return (0..<7).map { index in
            guard recipe.memory == .fitting else { return all }
            let fitting = all.filter { speeds.entries[$0].memoryMiB <= recipe.instanceMemoryMiB[index] }
            return fitting.isEmpty ? all : fitting
        }
    }
}
