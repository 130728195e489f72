import SimulationReport
import Traces

/// What `flexmig trace inspect` tells of a trace.
struct TraceFacts {
    private let trace: Trace
    private let durations: [Double]
    private let gpuSeconds: Double
    private let span: Double

    init(_ trace: Trace) {
        self.trace = trace
        durations = trace.jobs.map(\.duration).sorted()
        gpuSeconds = trace.jobs.reduce(0) { $0 + $1.share * $1.duration }
        span = (trace.jobs.last?.submit ?? 0) - (trace.jobs.first?.submit ?? 0)
    }

    private func percentile(_ percent: Int) -> Double {
        durations.isEmpty ? 0 : durations[max(0, (durations.count * percent + 99) / 100 - 1)]
    }

    /// Jobs by what they ask for: whole GPUs, or fractions in tenths.
    private var sizes: [(name: String, jobs: Int)] {
        var whole: [Int32: Int] = [:]
        var fractions: [Int32: Int] = [:]
        for job in trace.jobs {
            if job.gpus > 0 {
                whole[job.gpus, default: 0] += 1
            } else {
                fractions[(job.milli - 1) / 100, default: 0] += 1
            }
        }
        return fractions.keys.sorted().map {
            ("\($0 * 100 + 1) to \($0 * 100 + 100) thousandths of a GPU", fractions[$0] ?? 0)
        }
            + whole.keys.sorted().map { (counted(Int($0), "GPU"), whole[$0] ?? 0) }
    }

    /// By mapping: jobs of each number of slices, above 7 in one, and those that have none.
    private func slices(_ mapping: SizeMapping) -> (sizes: [Int], more: Int, none: Int) {
        var sizes = [Int](repeating: 0, count: 7)
        var (more, none) = (0, 0)
        for job in trace.jobs {
            switch mapping.slices(gpus: Int(job.gpus), milli: Int(job.milli)) {
            case .success(let slices) where slices <= 7: sizes[slices - 1] += 1
            case .success: more += 1
            case .failure: none += 1
            }
        }
        return (sizes, more, none)
    }

    /// The window of that length, beginning with a job, with the most jobs.
    private func busiest(_ length: Double) -> (start: Double, jobs: Int, gpus: Double) {
        var best = (start: 0.0, jobs: 0, gpus: 0.0)
        var end = 0
        var work = 0.0
        for (first, job) in trace.jobs.enumerated() {
            while end < trace.jobs.count, trace.jobs[end].submit < job.submit + length {
                work += trace.jobs[end].share * trace.jobs[end].duration
                end += 1
            }
            if end - first > best.jobs { best = (job.submit, end - first, work / length) }
            work -= job.share * job.duration
        }
        return best
    }

    private static let windows = [("day", 86400.0, "1d"), ("week", 604_800.0, "7d")]

    var text: String {
        let fit = LogNormalDurations(fitting: trace)
        var lines = ["format        \(trace.format.rawValue)"]
        lines += trace.counts.lines.enumerated().map {
            ($0.offset == 0 ? "rows          " : "              ") + $0.element
        }
        lines.append(
            "time          \(Self.time(span)) from the first arrival to the last, from \(decimal(trace.jobs.first?.submit ?? 0, 0)) s on"
        )
        lines.append("tenants       \(trace.tenants.count)")
        if trace.models.count > 0 { lines.append("models        \(trace.models.count)") }
        lines.append(
            "durations     median \(Self.time(percentile(50))), 95 % \(Self.time(percentile(95))), 99 % "
                + "\(Self.time(percentile(99))), longest \(Self.time(durations.last ?? 0))")
        lines.append("              log-normal fit: mu \(decimal(fit.mu, 4)), sigma \(decimal(fit.sigma, 4))")
        lines.append(
            "demand        \(decimal(gpuSeconds / 3600, 0)) GPU hours"
                + (span > 0 ? ", \(decimal(gpuSeconds / span, 1)) GPUs on average" : ""))
        for (name, length, argument) in Self.windows where span > length {
            let window = busiest(length)
            lines.append(
                "busiest \(name)".padded(to: 14)
                    + "--window \(decimal(window.start.rounded(.down), 0)):+\(argument): \(counted(window.jobs, "job")) asking for "
                    + "\(decimal(window.gpus, 1)) GPUs on average")
        }
        lines.append("")
        var asked = TextTable(["ASKED FOR", "JOBS", "SHARE"])
        asked.rows = sizes.map { [$0.name, "\($0.jobs)", share($0.jobs)] }
        lines.append(asked.rendered())
        lines.append("")
        var mapped = TextTable(["MAPPING", "1", "2", "3", "4", "5", "6", "7", "MORE", "NONE"])
        mapped.rows = SizeMapping.allCases.map { mapping in
            let (sizes, more, none) = slices(mapping)
            return [mapping.rawValue] + (sizes + [more, none]).map { share($0) }
        }
        lines.append("Jobs by slices under each mapping:")
        lines.append(mapped.rendered())
        return lines.joined(separator: "\n")
    }

    private func share(_ jobs: Int) -> String {
        decimal(Double(jobs) * 100 / Double(max(1, trace.jobs.count)), 1) + " %"
    }

    var json: JSONValue {
        let fit = LogNormalDurations(fitting: trace)
        return .object([
            ("format", .text(trace.format.rawValue)), ("rows", .int(trace.counts.rows)),
            ("jobs", .int(trace.jobs.count)),
            (
                "issues",
                .array(
                    RowIssue.allCases.compactMap { issue in
                        trace.counts.tallies[issue].map { tally in
                            .object([
                                ("issue", .text("\(issue)")), ("rows", .int(tally.rows)),
                                ("used", .bool(!issue.isRefusal)),
                                ("first_line", .int(tally.firstLine)),
                                ("first_column", tally.firstColumn.map { .text($0) } ?? .null),
                            ])
                        }
                    })
            ),
            ("first_submit_s", .number(trace.jobs.first?.submit ?? 0)), ("span_s", .number(span)),
            ("tenants", .int(trace.tenants.count)), ("models", .int(trace.models.count)),
            (
                "duration_s",
                .object([
                    ("p50", .number(percentile(50))), ("p95", .number(percentile(95))),
                    ("p99", .number(percentile(99))),
                    ("longest", .number(durations.last ?? 0)), ("mu", .number(fit.mu)), ("sigma", .number(fit.sigma)),
                ])
            ),
            ("gpu_hours", .number(gpuSeconds / 3600)),
            (
                "busiest",
                .array(
                    Self.windows.filter { span > $0.1 }.map { name, length, argument in
                        let window = busiest(length)
                        return .object([
                            ("length", .text(name)),
                            ("window", .text("\(decimal(window.start.rounded(.down), 0)):+\(argument)")),
                            ("jobs", .int(window.jobs)), ("gpus", .number(window.gpus)),
                        ])
                    })
            ),
            (
                "slices",
                .object(
                    SizeMapping.allCases.map { mapping in
                        let (sizes, more, none) = slices(mapping)
                        return (
                            key: mapping.rawValue,
                            value: .object([
                                ("jobs", .array(sizes.map { .int($0) })), ("more", .int(more)), ("none", .int(none)),
                            ])
                        )
                    })
            ),
        ])
    }

    /// A time for people: "3.5 h".
    static func time(_ seconds: Double) -> String {
        for (unit, size) in [("days", 86400.0), ("h", 3600), ("min", 60)] where seconds >= size * 1.5 {
            return "\(decimal(seconds / size, 1)) \(unit)"
        }
        return "\(decimal(seconds, seconds < 10 ? 1 : 0)) s"
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
