import Traces

/// How fast jobs run on what they are given. The engine asks; values and their sources are the implementation's.
///
/// A pace of 1 is the requested size's: a job of `duration` seconds at pace p ends after `duration / p`.
public protocol JobPaces: Sendable {
    /// The pace on one instance, or on k whole GPUs for jobs of 7k slices; nil where it is not known. Above 0.
    func pace(of job: Job, onOne power: LeafPower) -> Double?

    /// The pace over several leaves, communication included; nil where it is not known. Above 0.
    func pace(of job: Job, over shape: SpanShape) -> Double?

    /// The fraction of one GPU's link that the job uses while it runs over these leaves, 0 or more: the load that others see.
    func linkLoad(of job: Job, over shape: SpanShape) -> Double

    /// What each of the job's ranks must hold, in MiB.
    func rankMemoryMiB(of job: Job, ranks: Int) -> Int
}

/// Every job at the pace of its size whatever it is given in one piece, and at the share of the slices it gets over leaves.
///
/// For tests and for bounds: no communication, no models.
public struct LinearPaces: JobPaces {
    public init() {}

    public func pace(of job: Job, onOne power: LeafPower) -> Double? { 1 }

    public func pace(of job: Job, over shape: SpanShape) -> Double? {
        min(1, Double(shape.leaves * shape.slowest.computeSlices) / Double(job.slices))
    }

    public func linkLoad(of job: Job, over shape: SpanShape) -> Double { 0 }

    public func rankMemoryMiB(of job: Job, ranks: Int) -> Int { Int(job.memoryMiB) }
}
