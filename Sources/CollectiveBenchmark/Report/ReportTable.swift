extension BenchmarkReport {
    /// The table for people: a block for every operation, type, number of ranks and method.
    public var table: String {
        let heading = "# \(machine.summary)\n" + contenders.map { "# \($0.name): \($0.version)\n" }.joined()
        return heading + blocks.map { "\n# \($0.title)\n\(Self.table($0.rows))\n" }.joined() + "\n\(Self.footer)\n"
    }

    /// Rows that belong into one table.
    package struct Block {
        package let title: String
        package let rows: [Row]
    }

    /// The blocks in the order in which they were measured.
    package var blocks: [Block] {
        var titles: [String] = []
        var rowsOf: [String: [Row]] = [:]
        for row in rows {
            let type = row.operation == .barrier ? "" : " \(row.type)"
            let title = "\(row.operation)\(type), \(row.ranks) ranks, \(row.method.title)"
            if rowsOf[title] == nil { titles.append(title) }
            rowsOf[title, default: []].append(row)
        }
        return titles.map { Block(title: $0, rows: rowsOf[$0] ?? []) }
    }

    private static func table(_ rows: [Row]) -> String {
        let hasPeers = rows.contains { $0.speedAgainstBestPeer != nil }
        var lines = [
            ["size", "contender", "time us", "p10 us", "algbw GB/s", "busbw GB/s", "% copy", "% bound"]
                + (hasPeers ? ["vs best peer"] : [])
        ]
        var notes: [String] = []
        for row in rows {
            let start = [SizeList.text(row.bytes), row.contender]
            guard row.outcome == .ok else {
                lines.append(start + [row.outcome.rawValue])
                if let reason = row.reason {
                    let note = "\(row.contender) failed: \(reason)"
                    if !notes.contains(note) { notes.append(note) }
                }
                continue
            }
            let speed = row.speedAgainstBestPeer.map { "\(FixedPoint.text($0, digits: 2))x \(row.bestPeer ?? "")" }
            lines.append(
                start + [
                    FixedPoint.text((row.medianNanoseconds ?? 0) / 1000, digits: 2),
                    FixedPoint.text((row.p10Nanoseconds ?? 0) / 1000, digits: 2),
                    row.algorithmBandwidth.map { FixedPoint.short($0) } ?? "-",
                    row.busBandwidth.map { FixedPoint.short($0) } ?? "-",
                    row.percentOfCopyLimit.map { FixedPoint.text($0, digits: 1) } ?? "-",
                    row.percentOfMovementBound.map { FixedPoint.text($0, digits: 1) } ?? "-",
                    speed ?? "",
                ])
        }
        return aligned(lines) + notes.map { "\n# \($0)" }.joined()
    }

    /// Numbers to the right, names to the left.
    private static func aligned(_ lines: [[String]]) -> String {
        let columns = lines.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            lines.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return lines.map { cells in
            let line = cells.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 1 || column == 8 ? cell + space : space + cell
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static let footer = """
        # size: the larger buffer of a rank. time: median over all samples of the slowest rank's time; p10: a tenth was
        # faster. algbw: size / time. busbw: algbw times the factor of nccl-tests. % copy: algbw of what each rank copies
        # meanwhile with memcpy or non-temporal stores, the better, while all ranks copy. % bound: the time in which such
        # copies move the bytes that the busiest rank must load and store at least, of the time.
        """
}
