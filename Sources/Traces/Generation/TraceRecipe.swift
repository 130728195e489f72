import Glibc

extension LogNormalDurations {
    /// Fitted to the durations of a trace by maximum likelihood: mean and deviation of their logarithms.
    public init(fitting trace: Trace) {
        let logs = trace.jobs.map { log($0.duration) }
        let mean = logs.reduce(0, +) / Double(max(1, logs.count))
        let squares = logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.init(mu: mean, sigma: (squares / Double(max(1, logs.count))).squareRoot())
    }
}

/// A trace to be generated.
public struct TraceRecipe: Hashable, Sendable {
    public var jobs: Int
    public var mix: JobMix
    public var durations: LogNormalDurations
    /// Shorter and longer draws are set to these.
    public var shortest = 1.0
    public var longest = 172_800.0
    /// Asked work over what the GPUs can do while jobs arrive: 1 keeps them just busy.
    public var load: Double
    /// Whole GPUs of seven slices.
    public var gpus: Int
    public var seed: UInt64

    public init(
        jobs: Int, mix: JobMix, durations: LogNormalDurations, load: Double, gpus: Int, seed: UInt64
    ) {
        self.jobs = jobs
        self.mix = mix
        self.durations = durations
        self.load = load
        self.gpus = gpus
        self.seed = seed
    }

    /// Draws the jobs. Sizes and durations are independent; arrivals are a Poisson process, given its number of jobs: so
    /// the load is exactly the stated one, also for a heavy tail. All are of one tenant.
    ///
    /// - Complexity: O(jobs log jobs).
    public func generated() -> Trace {
        var random = SeededRandom(seed: seed)
        var jobs: [TraceJob] = []
        jobs.reserveCapacity(self.jobs)
        var work = 0.0
        for row in 0..<self.jobs {
            let slices = drawSlices(&random)
            let drawn = exp(durations.mu + durations.sigma * random.normal())
            let duration = (min(longest, max(shortest, drawn)) * 1000).rounded() / 1000
            work += Double(slices) * duration
            // Of a fraction, the largest number of thousandths that all rules read as these slices.
            jobs.append(
                TraceJob(
                    submit: 0, duration: duration, gpus: slices == 7 ? 1 : 0,
                    milli: slices == 7 ? 0 : 1000 * slices / 7,
                    row: row))
        }
        let span = work / (7 * Double(gpus) * load)
        let arrivals = (0..<self.jobs).map { _ in (random.unit() * span * 1000).rounded() / 1000 }.sorted()
        for index in jobs.indices { jobs[index].submit = arrivals[index] }
        return Trace(format: .normalised, jobs: jobs, ids: NameList(), tenants: NameList(["generated"]))
    }

    private func drawSlices(_ random: inout SeededRandom) -> Int {
        var rest = random.unit()
        let weights = mix.weights
        for index in weights.indices {
            rest -= weights[index]
            if rest < 0 { return index + 1 }
        }
        return 7
    }
}
