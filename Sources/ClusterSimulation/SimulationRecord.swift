/// What the engine yields for one model, one queue discipline and one workload: all that metrics and reports need.
///
/// About 32 bytes a job; the timeline is bounded by ``TimelineSampling``, the occupancy is kept on demand.
public struct SimulationRecord: Sendable {
    /// Such as "hybrid", "drain".
    public var model: String
    /// Such as "fifo", "backfill".
    public var queue: String
    /// True for what no scheduler could do, because it was chosen with knowledge of the future.
    public var isUnattainable = false
    /// One line for the report on what was chosen before the run, such as the layouts of a static model; may be empty.
    public var note = ""
    /// By the job's number; as many as jobs.
    public var outcomes: [JobOutcome]
    /// By time, the first at the first arrival.
    public var timeline: [TimelineSample] = []
    public var totals = SimulationTotals()
    /// Who held what from when to when, for the Gantt chart; empty unless asked for.
    public var occupancy: [Occupancy] = []
    /// True where occupancy beyond the limit was left out.
    public var occupancyIsCut = false

    public init(model: String, queue: String, outcomes: [JobOutcome]) {
        self.model = model
        self.queue = queue
        self.outcomes = outcomes
    }
}

/// What became of one job. 32 bytes.
public struct JobOutcome: Hashable, Sendable {
    /// Why a job can never run.
    public enum Refusal: UInt8, Hashable, Sendable, CaseIterable {
        case none
        /// More slices, leaves or GPUs than the whole cluster has.
        case largerThanCluster
        /// More leaves than any node has, for a job that has to stay on one.
        case largerThanNode
        /// No instance that this model can give has the memory for one worker.
        case memory
        /// No instance or number of leaves of the layouts fits the size.
        case noInstance
        /// The model's speed on what could be given is not known.
        case speedUnknown
        /// Larger than its tenant's quota.
        case quota

        /// For tables: "larger than the cluster".
        public var words: String {
            switch self {
            case .none: "not refused"
            case .largerThanCluster: "larger than the cluster"
            case .largerThanNode: "larger than what any node has for it"
            case .memory: "needs more memory than any leaf it could get"
            case .noInstance: "no instance of its size in the layouts"
            case .speedUnknown: "speed not known on what could be given"
            case .quota: "larger than its tenant's quota"
            }
        }
    }

    /// When it first started, in seconds; not a number when it was refused.
    public var start: Double
    /// When it ended; not a number when it was refused.
    public var end: Double
    /// Instances or leaves it held; 1 for one-to-one.
    public var leaves: Int32 = 0
    /// Compute slices of these.
    public var heldSlices: Int32 = 0
    /// GPUs it touched.
    public var gpus: Int16 = 0
    public var refusal: Refusal = .none
    /// Whether it ran on more than one leaf.
    public var spanned: Bool { leaves > 1 }

    public init(start: Double, end: Double, leaves: Int, heldSlices: Int, gpus: Int) {
        self.start = start
        self.end = end
        self.leaves = Int32(leaves)
        self.heldSlices = Int32(heldSlices)
        self.gpus = Int16(clamping: gpus)
    }

    public init(refusal: Refusal) {
        start = .nan
        end = .nan
        self.refusal = refusal
    }
}

/// The cluster at one moment. Between two samples the report draws the first one's values.
public struct TimelineSample: Hashable, Sendable {
    public var time: Double
    /// Jobs that have arrived and do not run.
    public var queued: Int32
    public var running: Int32
    /// Compute slices that jobs asked for and hold: the useful ones, min(asked, held) of each job.
    public var usedSlices: Int32
    /// Compute slices of instances that jobs hold; `held - used` is internal fragmentation.
    public var heldSlices: Int32
    /// Compute slices that are free but of no use to the jobs waiting or lately seen: FGD's expected unusable share times
    /// the free slices; external fragmentation.
    public var unusableSlices: Float
    /// GPUs that take no job because they are drained or reconfigured.
    public var drainedGPUs: Int32

    public init(
        time: Double, queued: Int, running: Int, usedSlices: Int, heldSlices: Int, unusableSlices: Float,
        drainedGPUs: Int
    ) {
        self.time = time
        self.queued = Int32(queued)
        self.running = Int32(running)
        self.usedSlices = Int32(usedSlices)
        self.heldSlices = Int32(heldSlices)
        self.unusableSlices = unusableSlices
        self.drainedGPUs = Int32(drainedGPUs)
    }
}

/// Sums over the whole run; all times are seconds from the first arrival to the last end.
public struct SimulationTotals: Hashable, Sendable {
    /// Layout changes, one for each GPU and change.
    public var reconfigurations = 0
    public var instancesCreated = 0
    public var instancesDestroyed = 0
    /// Moves of running jobs to other GPUs.
    public var restarts = 0
    /// Integral of GPUs that took no job because of drain or reconfiguration.
    public var drainedGPUSeconds = 0.0
    /// Integrals of the timeline's values, exact and not from the samples.
    public var usedSliceSeconds = 0.0
    public var heldSliceSeconds = 0.0
    public var unusableSliceSeconds = 0.0
    public var queuedSeconds = 0.0
    /// Arrivals, ends and the rest.
    public var events = 0
    /// Scheduling decisions that were asked for.
    public var decisions = 0

    public init() {}
}

/// One instance held by one job. 32 bytes.
public struct Occupancy: Hashable, Sendable {
    public var job: Int32
    public var gpu: Int32
    /// The placement, in memory slices.
    public var start: UInt8
    public var size: UInt8
    /// Compute slices of the instance.
    public var slices: UInt8
    public var from: Double
    public var to: Double

    public init(job: Int, gpu: Int, start: Int, size: Int, slices: Int, from: Double, to: Double) {
        self.job = Int32(job)
        self.gpu = Int32(gpu)
        self.start = UInt8(clamping: start)
        self.size = UInt8(clamping: size)
        self.slices = UInt8(clamping: slices)
        self.from = from
        self.to = to
    }
}
