import LeafScheduling
import MIGModel
import NodeAPI

/// What others may know of the queue.
extension NodeQueue {
    /// A job that isn't over.
    public func job(_ id: String) -> ServiceJob? { numbers[id].flatMap { jobs[$0]?.job } }

    /// The ids of all jobs that aren't over, in the order of their submissions. O(n log n).
    public var ids: [String] { jobs.keys.sorted().compactMap { jobs[$0]?.job.id } }

    /// How often the scheduler has decided about a job.
    package var decisions: Int { scheduler.decisions }

    /// When a job that holds leaves is expected to give them back, in the queue's time; nil where nobody knows.
    public func expectedEnd(of id: String) -> Double? {
        guard let number = numbers[id], let end = jobs[number]?.hold?.expectedEnd, end.isFinite else { return nil }
        return end
    }

    /// The leaves that jobs have, with their ranks.
    public var assigned: [(leaf: PlacedLeaf, job: String, rank: Int)] {
        holders.sorted().compactMap { jobs[$0]?.job }.flatMap { job in
            job.progress.leaves.enumerated().map { ($1, job.id, $0) }
        }
    }

    /// What the next queue must know of the past.
    public func memory(now: Double) -> QueueMemory {
        var used: [String: Double] = [:]
        if configuration.isFair {
            for (name, usage) in zip(tenantNames, tenantUsage(scheduler, now: now)) where usage > 0 {
                used[name] = usage
            }
        }
        return QueueMemory(used: used, lessons: board.estimates.lessons)
    }

    /// The node at a moment, for charts.
    public func sample(wall: Double) -> NodeSample {
        let pool = scheduler.pool
        var (slices, free, held) = (0, 0, 0)
        for gpu in 0..<pool.gpuCount {
            slices += pool.shapes[Int(pool.shapeOf[gpu])].slices
            var withheld = 0
            for unit in book.gpus[gpu].keys.indices {
                let its = LeafUnit(gpu: gpu, unit: unit)
                if pool.isBusy(its) {
                    held += pool.unit(its).computeSlices
                } else if pool.isWithheld(its) {
                    withheld += pool.unit(its).computeSlices
                }
            }
            if !pool.isBlocked(gpu) { free += max(0, pool.freeSlices(of: gpu) - withheld) }
        }
        return NodeSample(
            at: wall, slices: slices, held: held, free: free,
            fragmented: min(Double(free), demand.unusableSlices(of: scheduler)), queued: waiting, running: running)
    }
}
