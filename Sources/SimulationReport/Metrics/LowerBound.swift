import ClusterSimulation
import Traces

/// What no scheduler can beat: for every arrival, the work that comes from then on over the whole cluster, and each job's
/// shortest run.
///
/// Work and shortest run of a job are the least over all that a GPU of its own or leaves with idle links could give it, so that
/// the bound holds for every model.
public struct LowerBound: Sendable {
    private struct Kind: Hashable {
        let slices: Int32
        let model: Int32
    }

    private let paces: any JobPaces
    /// SMs of each number of compute slices of the cluster's GPUs: what could be given.
    private let powers: [LeafPower]
    private let slices: Double

    /// - Parameter powers: one for each size of instance in the cluster.
    /// - Parameter slices: all compute slices of the cluster, above 0.
    public init(paces: any JobPaces, powers: [LeafPower], slices: Int) {
        self.paces = paces
        self.powers = powers
        self.slices = Double(slices)
    }

    /// Seconds from the first arrival before which the jobs that ran can't all have ended.
    ///
    /// - Complexity: O(jobs), and 50 paces for each kind of job.
    public func makespan(of workload: Workload, ran: (Job) -> Bool) -> Double {
        var best: [Kind: (work: Double, time: Double)] = [:]
        var work = 0.0
        var bound = 0.0
        let first = workload.jobs.first?.arrival ?? 0
        for job in workload.jobs.reversed() where ran(job) {
            let kind = Kind(slices: job.slices, model: job.model)
            let least = best[kind] ?? self.least(job)
            best[kind] = least
            work += least.work * job.duration
            bound = max(
                bound, job.arrival - first + work / slices, job.arrival - first + least.time * job.duration)
        }
        return bound
    }

    /// The least slice-seconds and the least seconds for each second of duration.
    private func least(_ job: Job) -> (work: Double, time: Double) {
        var work = Double.infinity
        var time = Double.infinity
        func offer(_ held: Int, _ pace: Double?) {
            guard let pace, pace > 0 else { return }
            work = min(work, Double(held) / pace)
            time = min(time, 1 / pace)
        }
        let asked = Int(job.slices)
        for power in powers {
            if asked > 7 {
                // k whole GPUs, or as many leaves of each size as make them up.
                let gpus = asked / 7
                offer(gpus * power.computeSlices, power.computeSlices >= 7 ? paces.pace(of: job, onOne: power) : nil)
            } else {
                offer(power.computeSlices, paces.pace(of: job, onOne: power))
            }
            for leaves in stride(from: 2, through: max(2, asked), by: 1) where asked > 1 {
                offer(
                    leaves * power.computeSlices,
                    paces.pace(
                        of: job, over: SpanShape(leaves: leaves, slowest: power, mostLeavesOnOneGPU: 1, gpus: leaves)))
            }
        }
        return work.isFinite ? (work, time) : (0, 0)
    }
}
