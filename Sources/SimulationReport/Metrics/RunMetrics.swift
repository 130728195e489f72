import ClusterSimulation
import Traces

/// What one simulated run came to. Times are in seconds unless a name says otherwise.
public struct RunMetrics: Hashable, Sendable, Codable {
    /// Mean and percentiles of one quantity over jobs; all 0 without any.
    public struct Spread: Hashable, Sendable, Codable {
        public var mean = 0.0
        public var p50 = 0.0
        public var p95 = 0.0
        public var p99 = 0.0

        public init() {}

        /// Percentiles are the smallest value that at least so many percent do not exceed.
        public init(_ values: [Double]) {
            guard !values.isEmpty else { return }
            let sorted = values.sorted()
            mean = sorted.reduce(0, +) / Double(sorted.count)
            func percentile(_ percent: Int) -> Double {
                sorted[max(0, (sorted.count * percent + 99) / 100 - 1)]
            }
            (p50, p95, p99) = (percentile(50), percentile(95), percentile(99))
        }
    }

    /// The jobs of one size.
    public struct Size: Hashable, Sendable, Codable {
        public var slices: Int
        public var finished: Int
        /// Mean seconds from arrival to end.
        public var completion: Double
    }

    public var model: String
    public var queue: String
    public var seed: UInt64
    /// True for what was chosen with knowledge of the future.
    public var isUnattainable: Bool
    public var jobs: Int
    /// Jobs that ran.
    public var finished: Int
    public var refused: Int
    /// By reason, in words.
    public var refusedBy: [String: Int]
    /// From the first arrival to the last end.
    public var makespan: Double
    /// No scheduler can end the jobs that ran earlier than that.
    public var lowerBound: Double
    /// makespan / lowerBound - 1; 0 without jobs.
    public var overLowerBound: Double
    /// From arrival to end.
    public var completion: Spread
    /// From arrival to the first start.
    public var queueing: Spread
    /// max(1, completion / max(duration, 10 s)).
    public var slowdown: Spread
    /// Shares of the cluster's compute slices over the makespan: of use to jobs; held by them beyond what they asked for; free
    /// but of no use to the jobs of late.
    public var utilisation: Double
    public var internalFragmentation: Double
    public var externalFragmentation: Double
    /// Jobs waiting, averaged over the makespan.
    public var meanQueue: Double
    public var reconfigurations: Int
    public var drainedGPUHours: Double
    public var spanned: Int
    /// Moves of running jobs to other GPUs.
    public var restarts: Int
    public var note: String
    /// By slices, ascending; only sizes that ran.
    public var sizes: [Size]
}

extension JobOutcome {
    /// Whether the job ran to its end.
    public var hasRun: Bool { refusal == .none && start.isFinite && end.isFinite }
}

extension RunMetrics {
    static let slowdownFloor = 10.0

    /// - Parameter slices: all compute slices of the cluster, above 0.
    /// - Parameter bound: the lower bound of the jobs that ran.
    public init(_ record: SimulationRecord, of workload: Workload, slices: Int, bound: Double, seed: UInt64) {
        model = record.model
        queue = record.queue
        self.seed = seed
        isUnattainable = record.isUnattainable
        note = record.note
        jobs = workload.jobs.count
        refusedBy = [:]
        spanned = 0
        var completions: [Double] = []
        var waits: [Double] = []
        var slowdowns: [Double] = []
        var last = 0.0
        var bySize: [Int32: (count: Int, sum: Double)] = [:]
        for (job, outcome) in zip(workload.jobs, record.outcomes) {
            guard outcome.hasRun else {
                // A job that waits for ever must not vanish from the account.
                let why = outcome.refusal == .none ? "never ended" : outcome.refusal.words
                refusedBy[why, default: 0] += 1
                continue
            }
            let completion = outcome.end - job.arrival
            completions.append(completion)
            bySize[job.slices, default: (0, 0)].count += 1
            bySize[job.slices, default: (0, 0)].sum += completion
            waits.append(outcome.start - job.arrival)
            slowdowns.append(max(1, completion / max(job.duration, Self.slowdownFloor)))
            if outcome.spanned { spanned += 1 }
            last = max(last, outcome.end)
        }
        sizes = bySize.keys.sorted().map { slices in
            let (count, sum) = bySize[slices] ?? (0, 0)
            return Size(slices: Int(slices), finished: count, completion: sum / Double(max(1, count)))
        }
        finished = completions.count
        refused = jobs - finished
        makespan = finished == 0 ? 0 : last - (workload.jobs.first?.arrival ?? 0)
        lowerBound = bound
        overLowerBound = bound > 0 ? makespan / bound - 1 : 0
        completion = Spread(completions)
        queueing = Spread(waits)
        slowdown = Spread(slowdowns)
        let capacity = Double(slices) * makespan
        func share(_ value: Double) -> Double { capacity > 0 ? value / capacity : 0 }
        utilisation = share(record.totals.usedSliceSeconds)
        internalFragmentation = share(record.totals.heldSliceSeconds - record.totals.usedSliceSeconds)
        externalFragmentation = share(record.totals.unusableSliceSeconds)
        meanQueue = makespan > 0 ? record.totals.queuedSeconds / makespan : 0
        reconfigurations = record.totals.reconfigurations
        restarts = record.totals.restarts
        drainedGPUHours = record.totals.drainedGPUSeconds / 3600
    }
}
