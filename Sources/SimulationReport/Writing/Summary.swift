/// The runs of one model under one queue discipline, over all seeds.
public struct Summary: Hashable, Sendable {
    public let model: String
    public let queue: String
    public let runs: [RunMetrics]

    /// One for each model and queue, in the order of their first runs.
    public static func all(of metrics: [RunMetrics]) -> [Summary] {
        var order: [[String]] = []
        var groups: [[String]: [RunMetrics]] = [:]
        for run in metrics {
            let key = [run.queue, run.model]
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(run)
        }
        return order.map { Summary(model: $0[1], queue: $0[0], runs: groups[$0] ?? []) }
    }

    public var isUnattainable: Bool { runs.contains(where: \.isUnattainable) }

    /// Whether no job ran in any run: then the figures say nothing.
    public var isEmpty: Bool { runs.allSatisfy { $0.finished == 0 } }

    /// What was chosen before the first run, such as layouts; none or one line.
    public var notes: [String] {
        runs.prefix(1).map(\.note).filter { !$0.isEmpty }.map { "\(model), \(queue): \($0)" }
    }

    /// How many jobs the first run refused for which reason, a line each.
    public var refusals: [String] {
        (runs.first?.refusedBy ?? [:]).sorted { $0.key < $1.key }.map {
            "\(model), \(queue): \(counted($0.value, "job")) refused, \($0.key)"
        }
    }

    /// The mean over seeds, with its interval.
    public func interval(_ value: (RunMetrics) -> Double) -> Interval { Interval(runs.map(value)) }

    /// The relative difference to another summary's runs of the same seeds; nil where they have no seed in common.
    public func difference(to other: Summary, _ value: (RunMetrics) -> Double) -> Interval? {
        let pairs = runs.compactMap { run in
            other.runs.first { $0.seed == run.seed }.map { (value(run), value($0)) }
        }
        return pairs.isEmpty ? nil : Interval.paired(pairs.map(\.0), against: pairs.map(\.1))
    }
}

/// One column of tables: a name, a unit, and how to get it.
public struct MetricColumn: Sendable {
    public let name: String
    public let unit: String
    public let digits: Int
    /// Whether it counts jobs, so that it says something also where none ran.
    public var isCount: Bool { ["finished", "refused"].contains(name) }
    public let value: @Sendable (RunMetrics) -> Double

    init(_ name: String, _ unit: String, digits: Int = 1, _ value: @escaping @Sendable (RunMetrics) -> Double) {
        self.name = name
        self.unit = unit
        self.digits = digits
        self.value = value
    }

    /// Every figure of a run, in the order of tables.
    public static let all: [MetricColumn] = [
        MetricColumn("makespan", "h", digits: 2) { $0.makespan / 3600 },
        MetricColumn("over_lower_bound", "%") { $0.overLowerBound * 100 },
        MetricColumn("jct_mean", "h", digits: 3) { $0.completion.mean / 3600 },
        MetricColumn("jct_p50", "h", digits: 3) { $0.completion.p50 / 3600 },
        MetricColumn("jct_p95", "h", digits: 3) { $0.completion.p95 / 3600 },
        MetricColumn("jct_p99", "h", digits: 3) { $0.completion.p99 / 3600 },
        MetricColumn("queueing_mean", "h", digits: 3) { $0.queueing.mean / 3600 },
        MetricColumn("queueing_p50", "h", digits: 3) { $0.queueing.p50 / 3600 },
        MetricColumn("queueing_p95", "h", digits: 3) { $0.queueing.p95 / 3600 },
        MetricColumn("queueing_p99", "h", digits: 3) { $0.queueing.p99 / 3600 },
        MetricColumn("slowdown_mean", "", digits: 2) { $0.slowdown.mean },
        MetricColumn("slowdown_p95", "", digits: 2) { $0.slowdown.p95 },
        MetricColumn("utilisation", "%") { $0.utilisation * 100 },
        MetricColumn("internal_fragmentation", "%") { $0.internalFragmentation * 100 },
        MetricColumn("external_fragmentation", "%") { $0.externalFragmentation * 100 },
        MetricColumn("mean_queue", "jobs") { $0.meanQueue },
        MetricColumn("finished", "jobs", digits: 0) { Double($0.finished) },
        MetricColumn("refused", "jobs", digits: 0) { Double($0.refused) },
        MetricColumn("spanned", "jobs", digits: 0) { Double($0.spanned) },
        MetricColumn("reconfigurations", "", digits: 0) { Double($0.reconfigurations) },
        MetricColumn("drained", "GPU h", digits: 2) { $0.drainedGPUHours },
        MetricColumn("restarts", "", digits: 0) { Double($0.restarts) },
    ]
}

/// A number with exactly so many digits behind the point.
public func decimal(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "-" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(scaled)
    let sign = value < 0 && whole != 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let unit = Int(scale)
    let rest = "\(whole % unit)"
    return "\(sign)\(whole / unit).\(String(repeating: "0", count: digits - rest.count))\(rest)"
}

/// A number of things in words: "1 job", "2 jobs".
public func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }
