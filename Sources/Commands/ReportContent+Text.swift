import SimulationReport

extension ReportContent {
    /// The tables that `flexmig simulate` prints: figures in rows, models in columns.
    var text: String {
        var blocks = [account.joined(separator: "\n")]
        let summaries = Summary.all(of: metrics)
        var queues: [String] = []
        for summary in summaries where !queues.contains(summary.queue) { queues.append(summary.queue) }
        for queue in queues {
            let shown = summaries.filter { $0.queue == queue }
            var table = TextTable([queue.uppercased()] + shown.map { $0.model + ($0.isUnattainable ? " *" : "") })
            table.rows = MetricColumn.all.map { column in
                let unit = column.unit.isEmpty ? "" : ", \(column.unit)"
                return [column.name.split(separator: "_").joined(separator: " ") + unit]
                    + shown.map { summary in
                        if summary.isEmpty, !column.isCount { return "-" }
                        let interval = summary.interval(column.value)
                        let half = interval.half.map { " +-\(decimal($0, column.digits))" } ?? ""
                        return decimal(interval.mean, column.digits) + half
                    }
            }
            blocks.append(table.rendered())
        }
        if summaries.contains(where: \.isUnattainable) {
            blocks.append("* chosen with knowledge of the future: unattainable")
        }
        if Set(summaries.map { $0.interval { Double($0.refused) }.mean }).count > 1 {
            blocks.append("Models that refuse more ran fewer jobs; their figures are of those.")
        }
        let lines = summaries.flatMap(\.notes) + summaries.flatMap(\.refusals)
        if !lines.isEmpty { blocks.append(lines.joined(separator: "\n")) }
        blocks.append("Simulated, not measured on MIG hardware.")
        return blocks.joined(separator: "\n\n")
    }
}
