import LeafScheduling
import MIGModel
import Traces

/// The best static layouts that a search with knowledge of the whole workload finds: nobody could have chosen them.
///
/// Starts from the layouts that fit the whole demand and from the common ones, then moves GPUs from one layout to another as
/// long as that helps. Each try is a simulation, so the search costs up to `tries` runs.
public struct HindsightSearch {
    public let tries: Int

    public init(tries: Int = 40) { self.tries = tries }

    /// - Parameter simulation: cluster, queue and parameters; its model is not looked at.
    /// - Returns: the model with the smallest makespan, or of equal ones with the smallest mean completion time.
    public func best(for jobs: [Job], _ simulation: Simulation) -> StaticOneToOne {
        var left = tries
        var known: [[StaticOneToOne.Portion]: Score] = [:]
        func score(_ portions: [StaticOneToOne.Portion]) -> Score {
            if let score = known[portions] { return score }
            left -= 1
            var parameters = simulation.parameters
            parameters.timeline.limit = 0
            parameters.occupancyLimit = 0
            let trial = Simulation(
                cluster: simulation.cluster, model: StaticOneToOne(portions), discipline: simulation.discipline,
                parameters: parameters, paces: simulation.paces, order: simulation.order, shares: simulation.shares,
                overtakingLimit: simulation.overtakingLimit)
            let score = Score(trial.run(jobs), jobs)
            known[portions] = score
            return score
        }
        let available = simulation.cluster.parts.first?.model.geometry.layoutsBySize.map(\.sizes) ?? []
        let common = StaticOneToOne.common.filter { available.contains($0) }
        var starts = [StaticOneToOne.portions(for: jobs, cluster: simulation.cluster)]
        starts += common.map { [StaticOneToOne.Portion($0, count: 1)] }
        var best = starts[0]
        for start in starts where left > 0 && score(start) < score(best) { best = start }
        // Steps of a tenth of the GPUs, then of a fiftieth.
        for step in [10, 2] {
            var isBetter = true
            while isBetter, left > 0 {
                isBetter = false
                for sizes in common where left > 0 {
                    let moved = move(step, of: best, to: sizes)
                    if score(moved) < score(best) { (best, isBetter) = (moved, true) }
                }
            }
        }
        return StaticOneToOne(best, name: "static-hindsight", isUnattainable: true)
    }

    /// The portions in hundredths, some of them given to another layout.
    private func move(_ hundredths: Int, of portions: [StaticOneToOne.Portion], to sizes: [Int])
        -> [StaticOneToOne.Portion]
    {
        let total = portions.reduce(0) { $0 + $1.count }
        var scaled = portions.map { ($0.sizes, $0.count * 100 / max(total, 1)) }
        if let largest = scaled.indices.max(by: { scaled[$0].1 < scaled[$1].1 }) {
            scaled[largest].1 += 100 - scaled.reduce(0) { $0 + $1.1 }
        }
        var left = hundredths
        for at in scaled.indices.sorted(by: { scaled[$0].1 > scaled[$1].1 }) where scaled[at].0 != sizes {
            let taken = min(left, scaled[at].1)
            scaled[at].1 -= taken
            left -= taken
        }
        let given = hundredths - left
        if let at = scaled.firstIndex(where: { $0.0 == sizes }) {
            scaled[at].1 += given
        } else {
            scaled.append((sizes, given))
        }
        return scaled.filter { $0.1 > 0 }.map { StaticOneToOne.Portion($0.0, count: $0.1) }
    }

    /// Fewer refusals first, then the makespan, then the mean completion time.
    private struct Score: Comparable {
        var refused = 0
        var makespan = 0.0
        var mean = 0.0

        init(_ record: SimulationRecord, _ jobs: [Job]) {
            for (job, outcome) in zip(jobs, record.outcomes) {
                guard outcome.refusal == .none, outcome.end.isFinite else {
                    refused += 1
                    continue
                }
                makespan = max(makespan, outcome.end)
                mean += outcome.end - job.arrival
            }
        }

        static func < (one: Score, other: Score) -> Bool {
            (one.refused, one.makespan, one.mean) < (other.refused, other.makespan, other.mean)
        }
    }
}
