/// A job as a trace has it: sizes in GPUs, not yet in slices.
public struct TraceJob: Hashable, Sendable {
    /// Seconds on the trace's own clock.
    public var submit: Double
    /// Seconds that it ran at the requested size, more than 0.
    public var duration: Double
    /// Whole GPUs asked for; 0 where it asks for a fraction.
    public var gpus: Int32
    /// Thousandths of one GPU where it asks for a fraction, 1 to 999; else 0.
    public var milli: Int32
    /// Index in ``Trace/tenants``.
    public var tenant: Int32
    /// Index in ``Trace/models``; -1 where the trace doesn't tell.
    public var model: Int32
    /// What one worker must hold, in MiB; -1 where the trace doesn't tell.
    public var memoryMiB: Int32
    /// Its place in ``Trace/ids``.
    public var row: Int32

    public init(
        submit: Double, duration: Double, gpus: Int, milli: Int, tenant: Int = 0, model: Int = -1,
        memoryMiB: Int = -1, row: Int
    ) {
        self.submit = submit
        self.duration = duration
        self.gpus = Int32(gpus)
        self.milli = Int32(milli)
        self.tenant = Int32(tenant)
        self.model = Int32(model)
        self.memoryMiB = Int32(memoryMiB)
        self.row = Int32(row)
    }

    /// GPUs asked for, fractions too.
    public var share: Double { gpus > 0 ? Double(gpus) : Double(milli) / 1000 }
}

/// All usable jobs of a trace by their arrival, and the account of its rows.
public struct Trace: Hashable, Sendable {
    public var format: TraceFormat
    /// Not falling by `submit`; the order of the rows among equals.
    public var jobs: [TraceJob]
    public var ids: NameList
    public var tenants: NameList
    public var models: NameList
    public var counts: RowCounts
    /// Seconds from 1970 at which the trace's clock stood at 0, for formats with dates.
    public var origin: Double?

    public init(
        format: TraceFormat, jobs: [TraceJob], ids: NameList, tenants: NameList, models: NameList = NameList(),
        counts: RowCounts = RowCounts(), origin: Double? = nil
    ) {
        self.format = format
        self.jobs = jobs
        self.ids = ids
        self.tenants = tenants
        self.models = models
        self.counts = counts
        self.origin = origin
    }
}
