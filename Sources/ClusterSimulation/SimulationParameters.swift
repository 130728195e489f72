/// All figures of a simulated run that are not the trace's, each an explicit input.
///
/// The defaults are those of docs/simulate.md, with their sources there.
public struct SimulationParameters: Hashable, Sendable {
    /// Seconds that a GPU takes no job while it is reconfigured by the drain model, after its last job has ended.
    public var drainSeconds = 180.0
    /// Seconds to merge or cut idle slices, in the models that do that; only those slices are kept busy.
    public var recutSeconds = 0.3
    /// Seconds that a job which is moved to another GPU loses: checkpoint, start, context. Only the model that moves jobs
    /// has such.
    public var restartSeconds = 30.0
    /// GPUs of a node, in the order of the cluster's items; a job may touch several nodes.
    public var gpusPerNode = 8
    /// Jobs behind the head of the queue that backfill looks at.
    public var lookAhead = 1000
    /// What the scheduler believes of a job's duration: each is multiplied by a factor drawn log-uniformly from
    /// 1/uncertainty to uncertainty. 1 is exact knowledge; nil is none at all.
    public var durationUncertainty: Double? = 1
    public var seed: UInt64 = 1
    public var timeline = TimelineSampling()
    /// Most entries of occupancy to keep; 0 keeps none.
    public var occupancyLimit = 0

    public init() {}
}

/// How many samples of the timeline to keep.
public struct TimelineSampling: Hashable, Sendable {
    /// At most so many; when they are reached, every second one is dropped and the distance doubles. 0 keeps none.
    public var limit = 4000

    public init(limit: Int = 4000) { self.limit = limit }
}
