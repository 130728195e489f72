/// A job as schedulers and the simulator see it: a trace's job after its size was mapped to compute slices.
///
/// 40 bytes and no references, so that a million of them stay small; names are in the ``Workload``.
public struct Job: Hashable, Sendable {
    /// Its place in the workload: 0 first.
    public var number: Int32
    /// Compute slices asked for: 1 to 7 inside one GPU, or 7k for k whole GPUs. Sizes 5 and 6 have no MIG profile.
    public var slices: Int32
    /// Seconds from the workload's begin, 0 or more, not falling from job to job.
    public var arrival: Double
    /// Seconds that it runs at the requested size, more than 0.
    public var duration: Double
    /// What one worker must hold, in MiB; 0 where it is not known and everything fits.
    public var memoryMiB: Int32
    /// Index in ``Workload/tenants``.
    public var tenant: Int32
    /// Index in ``Workload/models``; the first model where nothing is known.
    public var model: Int32
    /// Larger goes first; 0 for all jobs of traces that have no priorities.
    public var priority: Int32

    public init(
        number: Int, arrival: Double, duration: Double, slices: Int, memoryMiB: Int = 0, tenant: Int = 0,
        model: Int = 0, priority: Int = 0
    ) {
        self.number = Int32(number)
        self.arrival = arrival
        self.duration = duration
        self.slices = Int32(slices)
        self.memoryMiB = Int32(memoryMiB)
        self.tenant = Int32(tenant)
        self.model = Int32(model)
        self.priority = Int32(priority)
    }

    /// Whole GPUs' worth of work at a time: slices / 7.
    public var gpuShare: Double { Double(slices) / 7 }
}

/// Jobs in the order of their arrival, with the names that their numbers stand for.
public struct Workload: Hashable, Sendable {
    public var jobs: [Job]
    /// The trace's own ids, by the job's number; empty where the jobs have none.
    public var ids: [String]
    /// By ``Job/tenant``; at least one.
    public var tenants: [String]
    /// By ``Job/model``: a key of the speed table such as `resnet_train256`; at least one.
    public var models: [String]

    public init(jobs: [Job], ids: [String] = [], tenants: [String] = [""], models: [String] = [""]) {
        self.jobs = jobs
        self.ids = ids
        self.tenants = tenants
        self.models = models
    }

    /// The id that the trace gives a job, else its number.
    public func id(of job: Job) -> String {
        ids.indices.contains(Int(job.number)) ? ids[Int(job.number)] : "\(job.number)"
    }
}
