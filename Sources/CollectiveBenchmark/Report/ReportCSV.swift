extension BenchmarkReport {
    /// A line for every row, names in the first. Empty where there is no number.
    public var csv: String {
        let names = [
            "operation", "type", "ranks", "method", "bytes", "contender", "outcome", "samples", "median_ns", "p10_ns",
            "algorithm_gb_s", "bus_gb_s", "copy_gb_s", "percent_of_copy_limit", "percent_of_movement_bound",
            "speed_against_best_peer", "best_peer", "reason",
        ]
        func number(_ value: Double?) -> String { value.map { FixedPoint.text($0, digits: 3) } ?? "" }
        let lines = rows.map { row in
            [
                row.operation.rawValue, row.type.rawValue, String(row.ranks), row.method.rawValue, String(row.bytes),
                row.contender, row.outcome.rawValue, row.samples.map { String($0) } ?? "",
                number(row.medianNanoseconds), number(row.p10Nanoseconds), number(row.algorithmBandwidth),
                number(row.busBandwidth), number(row.copyBandwidth), number(row.percentOfCopyLimit),
                number(row.percentOfMovementBound), number(row.speedAgainstBestPeer), row.bestPeer ?? "",
                row.reason ?? "",
            ].map(Self.quoted).joined(separator: ",")
        }
        return ([names.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
    }

    /// Quotes a cell where a comma, a quote or a line end needs it.
    package static func quoted(_ cell: String) -> String {
        guard cell.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return cell }
        return "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
