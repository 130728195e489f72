/// Which model to take, by how much, and where it is worse.
public struct Advice: Hashable, Sendable {
    /// What is to be small.
    public enum Aim: String, Hashable, Sendable, CaseIterable {
        /// The mean time from arrival to end.
        case jct
        /// The time until the last job has ended.
        case makespan
    }

    /// One other model, and how the recommended one compares: relative differences, below 0 where it is better.
    public struct Comparison: Hashable, Sendable {
        public let model: String
        /// Nil where the other model ran no job at all.
        public let difference: Interval?
        public let refused: Double
    }

    /// A figure in which another model is better by more than one in two hundred.
    public struct Weakness: Hashable, Sendable {
        public let figure: String
        public let model: String
        /// How much worse the recommended one is: 0.1 is 10 %.
        public let difference: Interval
    }

    public let recommended: Summary
    public let comparisons: [Comparison]
    public let weaknesses: [Weakness]

    /// Chooses among the models that anybody could run and that refuse the fewest jobs; nil without any.
    public init?(_ summaries: [Summary], aim: Aim) {
        let attainable = summaries.filter { !$0.isUnattainable }
        func refused(_ summary: Summary) -> Double { summary.interval { Double($0.refused) }.mean }
        guard let least = attainable.map(refused).min() else { return nil }
        func value(_ run: RunMetrics) -> Double { aim == .jct ? run.completion.mean : run.makespan }
        let candidates = attainable.filter { refused($0) == least }
        guard let best = candidates.min(by: { $0.interval(value).mean < $1.interval(value).mean }) else { return nil }
        recommended = best
        let others = attainable.filter { $0 != best }
        comparisons = others.map { other in
            let difference = other.isEmpty ? nil : best.difference(to: other, value)
            return Comparison(model: other.model, difference: difference, refused: refused(other))
        }.sorted { ($0.difference?.mean ?? -.infinity) > ($1.difference?.mean ?? -.infinity) }

        var figures: [(String, (RunMetrics) -> Double)] = [
            ("makespan", { $0.makespan }), ("mean JCT", { $0.completion.mean }), ("median JCT", { $0.completion.p50 }),
            ("p95 JCT", { $0.completion.p95 }), ("p99 JCT", { $0.completion.p99 }),
            ("mean queueing delay", { $0.queueing.mean }), ("mean slowdown", { $0.slowdown.mean }),
        ]
        for size in Set(best.runs.flatMap { $0.sizes.map(\.slices) }).sorted() {
            figures.append(
                (
                    "mean JCT of jobs of \(counted(size, "slice"))",
                    { run in run.sizes.first { $0.slices == size }?.completion ?? 0 }
                ))
        }
        weaknesses = figures.compactMap { name, figure in
            // Only against models that refuse as few: the others ran other jobs.
            let worse = candidates.filter { $0 != best }.compactMap { other in
                best.difference(to: other, figure).map { Weakness(figure: name, model: other.model, difference: $0) }
            }
            let most = worse.max { $0.difference.mean < $1.difference.mean }
            return most.flatMap { $0.difference.mean > 0.005 ? $0 : nil }
        }
    }
}
