extension SpeedTable {
    /// The columns that a file of speeds needs; the times of profiles are optional but for `s_7g`.
    public static let columns = ["model", "batch", "memory_mib", "gradient_mb", "s_7g"]

    /// Reads a table `model,batch,memory_mib,gradient_mb,s_1g,s_2g,s_3g,s_4g,s_7g`; a time may be empty.
    ///
    /// - Throws: `TraceProblem` with line and column for everything that can't be used; what `bytes` throws.
    public init(source: String, reading bytes: @escaping ByteSource) throws {
        var rows = SeparatedRows(uncompressed(bytes))
        guard try rows.next() else {
            throw TraceProblem(
                "the file is empty", remedy: "It needs the columns \(Self.columns.joined(separator: ", ")).")
        }
        let header = (0..<rows.count).map { rows.text(of: $0) }
        let missing = Self.columns.filter { !header.contains($0) }
        guard missing.isEmpty else {
            throw TraceProblem(
                "these columns are missing: \(missing.joined(separator: ", "))", line: 1,
                remedy:
                    "A table of speeds has \(Self.columns.joined(separator: ", ")), and s_1g to s_4g where they are known."
            )
        }
        var entries: [Entry] = []
        while try rows.next() {
            let line = rows.line
            guard rows.count == header.count, !rows.hasUnclosedQuote else {
                throw TraceProblem(
                    "it has \(rows.count) fields and the header \(header.count)", line: line, remedy: "Mend the row.")
            }
            func value(_ name: String, least: Double) throws(TraceProblem) -> Double? {
                guard let field = header.firstIndex(of: name) else { return nil }
                switch rows.number(field) {
                case .empty: return nil
                case .value(let value) where value >= least && value < 1e9: return value
                default:
                    throw TraceProblem(
                        "\"\(rows.text(of: field).prefix(40))\" is no number in its range", line: line, column: name,
                        remedy: "Give a number from \(least) on, or nothing where it is not known.")
                }
            }
            func needed(_ name: String, least: Double) throws(TraceProblem) -> Double {
                guard let value = try value(name, least: least) else {
                    throw TraceProblem("it is empty", line: line, column: name, remedy: "This one is needed.")
                }
                return value
            }
            let family = header.firstIndex(of: "model").map { rows.text(of: $0) } ?? ""
            let entry = Entry(
                family, batch: Int(try needed("batch", least: 1)), memoryMiB: Int(try needed("memory_mib", least: 0)),
                gradientMB: try needed("gradient_mb", least: 0),
                try Self.sizes.map { try value("s_\($0)g", least: 1e-9) })
            guard entry.seconds[4] != nil else {
                throw TraceProblem("it is empty", line: line, column: "s_7g", remedy: "This one is needed.")
            }
            guard !entries.contains(where: { $0.key == entry.key }) else {
                throw TraceProblem(
                    "\(entry.key) is there already", line: line, column: "model", remedy: "Leave one of them out.")
            }
            entries.append(entry)
        }
        guard !entries.isEmpty else {
            throw TraceProblem("there is no row below the header", remedy: "Give a row for each model and batch.")
        }
        self.init(source: source, entries: entries)
    }
}
