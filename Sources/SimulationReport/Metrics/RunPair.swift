import ClusterSimulation
import Traces

/// When each job ended in one run.
public struct RunEnds: Hashable, Sendable {
    public var model: String
    public var queue: String
    /// By the job's number, in seconds; not a number for jobs that never ran.
    public var ends: [Double]

    public init(_ record: SimulationRecord) {
        model = record.model
        queue = record.queue
        ends = record.outcomes.map { $0.hasRun ? $0.end : .nan }
    }
}

/// Two models' runs of the same jobs under the same queue, by the jobs that both ran.
///
/// A model that refuses jobs ran others than its neighbour: means over all that ran would compare different jobs.
public struct RunPair: Hashable, Sendable {
    public struct Side: Hashable, Sendable {
        public var model: String
        /// Jobs of the workload that it did not run.
        public var refused = 0
        /// Seconds from the first arrival of all jobs to the last end of those that both ran.
        public var makespan = 0.0
        /// Mean seconds from arrival to end of those that both ran.
        public var completion = 0.0
    }

    public var queue: String
    public var seed: UInt64
    public var one: Side
    public var other: Side
    /// Jobs that both ran.
    public var both = 0

    /// - Complexity: O(jobs)
    public init(_ one: RunEnds, _ other: RunEnds, of workload: Workload, seed: UInt64) {
        queue = one.queue
        self.seed = seed
        self.one = Side(model: one.model)
        self.other = Side(model: other.model)
        let first = workload.jobs.first?.arrival ?? 0
        var sums = (0.0, 0.0)
        for job in workload.jobs {
            let ends = (one.ends[Int(job.number)], other.ends[Int(job.number)])
            if !ends.0.isFinite { self.one.refused += 1 }
            if !ends.1.isFinite { self.other.refused += 1 }
            guard ends.0.isFinite, ends.1.isFinite else { continue }
            both += 1
            sums.0 += ends.0 - job.arrival
            sums.1 += ends.1 - job.arrival
            self.one.makespan = max(self.one.makespan, ends.0 - first)
            self.other.makespan = max(self.other.makespan, ends.1 - first)
        }
        guard both > 0 else { return }
        self.one.completion = sums.0 / Double(both)
        self.other.completion = sums.1 / Double(both)
    }

    /// Every two of the runs under the same queue, in their order.
    public static func all(of runs: [RunEnds], workload: Workload, seed: UInt64) -> [RunPair] {
        runs.indices.flatMap { first in
            runs[(first + 1)...].filter { $0.queue == runs[first].queue }.map { other in
                RunPair(runs[first], other, of: workload, seed: seed)
            }
        }
    }
}
