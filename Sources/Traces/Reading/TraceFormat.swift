/// The forms in which traces come. Which one a file has is seen from its header; columns are found by name.
public enum TraceFormat: String, Hashable, Sendable, Codable, CaseIterable {
    /// `job_id,submit_s,gpus,gpu_milli,duration_s,tenant`, with `model` and `memory_mib` where they are known.
    case normalised
    /// Microsoft's Philly, as Pollux has it: `timestamp,duration,num_gpus,gpu_time,cluster`.
    case philly
    /// Alibaba's cluster-trace-gpu-v2023: `name,…,num_gpu,gpu_milli,…,creation_time,deletion_time,scheduled_time`.
    case openb
    /// SenseTime's Helios `cluster_log.csv`: `job_id,user,…,gpu_num,…,submit_time,…,duration,queue`.
    case helios

    /// Columns that tell the format, all of which are needed.
    public var columns: [String] {
        switch self {
        case .normalised: ["job_id", "submit_s", "gpus", "duration_s"]
        case .philly: ["timestamp", "duration", "num_gpus"]
        case .openb: ["name", "num_gpu", "gpu_milli", "creation_time", "deletion_time", "scheduled_time"]
        case .helios: ["job_id", "gpu_num", "submit_time", "duration"]
        }
    }

    /// Columns that are read where they are there.
    public var optionalColumns: [String] {
        switch self {
        case .normalised: ["gpu_milli", "tenant", "model", "memory_mib"]
        case .philly: ["cluster"]
        case .openb: ["qos", "pod_phase"]
        case .helios: ["vc", "user", "state"]
        }
    }

    /// The format of a header, the first whose columns are all there.
    static func of(header: [String]) -> TraceFormat? {
        allCases.first { format in format.columns.allSatisfy(header.contains) }
    }

    /// The format that a header misses the fewest columns of, with these columns.
    static func nearest(to header: [String]) -> (format: TraceFormat, missing: [String]) {
        var best = (TraceFormat.normalised, TraceFormat.normalised.columns)
        var bestShare = 2.0
        for format in allCases {
            let missing = format.columns.filter { !header.contains($0) }
            let share = Double(missing.count) / Double(format.columns.count)
            if share < bestShare { (best, bestShare) = ((format, missing), share) }
        }
        return best
    }
}
