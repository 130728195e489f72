import Traces

/// Paces from measured step times, and the cost of spanning from a model's gradients or as it was measured.
///
/// A job asks for s slices and a global batch: its entry's, times k for 7k slices. Its pace is the step time at that size
/// over the step time on what it got; over several leaves at most 1, unless ``SpanningModel/creditsSplitting`` is set.
public struct ModelPaces: JobPaces {
    public let table: SpeedTable
    public let spanning: SpanningModel
    /// By the job's model; nil where the spanning model is to be taken.
    public let measured: [MeasuredSpanning?]
    /// By the job's model; nil for models without times, whose pace is that of their size.
    private let times: [StepTimes?]

    /// - Parameter measured: by key or family of the table's entries; what is missing takes the model.
    public init(
        table: SpeedTable, spanning: SpanningModel = SpanningModel(), measured: [String: MeasuredSpanning] = [:]
    ) {
        self.table = table
        self.spanning = spanning
        self.measured = table.entries.map { measured[$0.key] ?? measured[$0.family] }
        var byFamily: [String: StepTimes?] = [:]
        for entry in table.entries where byFamily[entry.family] == nil {
            byFamily[entry.family] = .some(StepTimes(family: entry.family, in: table))
        }
        times = table.entries.map { byFamily[$0.family] ?? nil }
    }

    public func pace(of job: Job, onOne power: LeafPower) -> Double? {
        guard let times = times[Int(job.model)] else {
            return min(1, share(power) / requested(job))
        }
        let batch = Double(table.entries[Int(job.model)].batch)
        return times.seconds(batch: batch, share: requested(job)) / times.seconds(batch: batch, share: share(power))
    }

    public func pace(of job: Job, over shape: SpanShape) -> Double? {
        if shape.leaves == 1 { return pace(of: job, onOne: shape.slowest) }
        let step = step(of: job, over: shape)
        return reference(job) / step.seconds
    }

    public func linkLoad(of job: Job, over shape: SpanShape) -> Double {
        guard shape.leaves > 1 else { return 0 }
        let step = step(of: job, over: shape)
        return step.linkSeconds / step.seconds
    }

    public func rankMemoryMiB(of job: Job, ranks: Int) -> Int {
        guard spanning.memoryByShare, ranks > 1, job.memoryMiB > 0, job.slices <= 7 else { return Int(job.memoryMiB) }
        return min(Int(job.memoryMiB), table.memoryMiB(of: Int(job.model), ranks: ranks))
    }

    private func share(_ power: LeafPower) -> Double {
        guard power.fullMultiprocessors > 0 else { return Double(power.computeSlices) / 7 }
        return Double(power.multiprocessors) / Double(power.fullMultiprocessors)
    }

    /// The asked share of one GPU: 1 for jobs of whole GPUs.
    private func requested(_ job: Job) -> Double { min(1, Double(job.slices) / 7) }

    private func wholeGPUs(_ job: Job) -> Double { max(1, Double(job.slices) / 7) }

    /// The step time at the asked size; 1 for models without times.
    private func reference(_ job: Job) -> Double {
        guard let times = times[Int(job.model)] else { return 1 }
        return times.seconds(batch: Double(table.entries[Int(job.model)].batch), share: requested(job))
    }

    /// A step over several leaves, no shorter than one at the asked size.
    private func step(of job: Job, over shape: SpanShape) -> (seconds: Double, linkSeconds: Double) {
        var step = splitStep(of: job, over: shape)
        if !spanning.creditsSplitting { step.seconds = max(step.seconds, reference(job)) }
        return step
    }

    private func splitStep(of job: Job, over shape: SpanShape) -> (seconds: Double, linkSeconds: Double) {
        let entry = table.entries[Int(job.model)]
        let slowest = share(shape.slowest)
        if let measured = measured[Int(job.model)] {
            let point = measured.at(shape.leaves)
            let one =
                times[Int(job.model)]?.seconds(batch: Double(entry.batch), share: slowest) ?? requested(job) / slowest
            let seconds = wholeGPUs(job) * one / (Double(shape.leaves) * point.relativeSpeed)
            return (seconds, point.communicationShare * seconds)
        }
        guard let times = times[Int(job.model)] else {
            let compute = requested(job) * wholeGPUs(job) / (slowest * Double(shape.leaves))
            return (max(1, compute), 0)
        }
        // A rank's part of the batch: equal, or as its SMs are to all.
        let part =
            spanning.proportionalShares && shape.totalMultiprocessors > 0
            ? Double(shape.slowest.multiprocessors) / Double(shape.totalMultiprocessors) : 1 / Double(shape.leaves)
        let compute = times.seconds(batch: Double(entry.batch) * wholeGPUs(job) * part, share: slowest)
        let exchange = spanning.exchange(bytes: entry.gradientMB * 1e6, over: shape)
        return (compute + (1 - spanning.overlap) * exchange.seconds, exchange.linkSeconds)
    }
}
