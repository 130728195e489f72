import ClusterSimulation

extension ReportContent {
    /// A row for each model, queue and seed, with every figure in full.
    public var runsCSV: String {
        var text = "model,queue,seed,unattainable,jobs"
        for column in MetricColumn.all { text += "," + Self.heading(column) }
        text += ",makespan_s,lower_bound_s,note\n"
        for run in metrics {
            text += "\(Self.field(run.model)),\(Self.field(run.queue)),\(run.seed),\(run.isUnattainable),\(run.jobs)"
            for column in MetricColumn.all { text += ",\(column.value(run))" }
            text += ",\(run.makespan),\(run.lowerBound),\(Self.field(run.note))\n"
        }
        return text
    }

    /// A row for each model and queue and figure: the mean over seeds, the half width of its 95 % interval, and the same of
    /// the paired relative difference to every other model under that queue.
    public var summaryCSV: String {
        let summaries = Summary.all(of: metrics)
        var text = "model,queue,figure,mean,half_width_95,against,difference_percent,difference_half_width_95\n"
        for summary in summaries {
            let others = summaries.filter { $0.queue == summary.queue && $0.model != summary.model }
            for column in MetricColumn.all {
                let own = summary.interval(column.value)
                let start =
                    "\(Self.field(summary.model)),\(Self.field(summary.queue)),\(Self.heading(column)),\(own.mean),"
                    + (own.half.map { "\($0)" } ?? "")
                if others.isEmpty { text += start + ",,,\n" }
                for other in others {
                    let difference = summary.difference(to: other, column.value)
                    text += start + ",\(Self.field(other.model))"
                    text += "," + (difference.map { "\($0.mean * 100)" } ?? "")
                    text += "," + (difference?.half.map { "\($0 * 100)" } ?? "") + "\n"
                }
            }
        }
        return text
    }

    /// A row for every two models, queue and seed: makespan and mean completion of both over the jobs that both ran.
    public var pairsCSV: String {
        var text =
            "model,other,queue,seed,both_ran,refused,other_refused,makespan_s,other_makespan_s,jct_mean_s,other_jct_mean_s\n"
        for pair in pairs {
            text +=
                "\(Self.field(pair.one.model)),\(Self.field(pair.other.model)),\(Self.field(pair.queue)),\(pair.seed),"
            text +=
                "\(pair.both),\(pair.one.refused),\(pair.other.refused),\(pair.one.makespan),\(pair.other.makespan),"
            text += "\(pair.one.completion),\(pair.other.completion)\n"
        }
        return text
    }

    /// What every model makes of the cluster over time, of the first seed.
    public var timelineCSV: String {
        var text = "model,queue,time_s,used_slices,held_slices,unusable_slices,queued,running,drained_gpus\n"
        for picture in pictures {
            for sample in picture.samples {
                text += "\(Self.field(picture.model)),\(Self.field(picture.queue)),\(sample.time),\(sample.usedSlices),"
                text += "\(sample.heldSlices),\(sample.unusableSlices),\(sample.queued),\(sample.running),"
                text += "\(sample.drainedGPUs)\n"
            }
        }
        return text
    }

    /// Everything but the pictures.
    public var json: JSONValue {
        .object([
            ("title", .text(title)), ("command", .text(command)), ("version", .text(version)),
            ("cluster", .text(cluster)), ("gpus", .int(gpus)), ("compute_slices", .int(slices)),
            (
                "parameters",
                .array(
                    parameters.map {
                        .object([("name", .text($0.name)), ("value", .text($0.value)), ("source", .text($0.source))])
                    })
            ),
            ("assumptions", .array(assumptions.map { .text($0) })), ("trace", .array(account.map { .text($0) })),
            ("runs", .array(metrics.map { Self.json(of: $0) })),
        ])
    }

    static func json(of run: RunMetrics) -> JSONValue {
        var pairs: [(key: String, value: JSONValue)] = [
            ("model", .text(run.model)), ("queue", .text(run.queue)), ("seed", .int(Int(truncatingIfNeeded: run.seed))),
            ("unattainable", .bool(run.isUnattainable)), ("note", .text(run.note)), ("jobs", .int(run.jobs)),
            ("makespan_s", .number(run.makespan)), ("lower_bound_s", .number(run.lowerBound)),
        ]
        for column in MetricColumn.all { pairs.append((heading(column), .number(column.value(run)))) }
        pairs.append(
            (
                "refused_by",
                .object(run.refusedBy.sorted { $0.key < $1.key }.map { (key: $0.key, value: .int($0.value)) })
            ))
        pairs.append(
            (
                "sizes",
                .array(
                    run.sizes.map {
                        .object([
                            ("slices", .int($0.slices)), ("finished", .int($0.finished)),
                            ("jct_mean_s", .number($0.completion)),
                        ])
                    })
            ))
        return .object(pairs)
    }

    /// The column's name with its unit: `makespan_h`, `utilisation_percent`.
    static func heading(_ column: MetricColumn) -> String {
        let unit = ["h": "_h", "%": "_percent", "GPU h": "_gpu_h"][column.unit] ?? ""
        return column.name + unit
    }

    static func field(_ text: String) -> String {
        guard text.utf8.contains(where: { [44, 34, 10, 13].contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
