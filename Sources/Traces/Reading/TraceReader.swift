/// Reads a trace from bytes, plain or compressed with gzip.
public struct TraceReader {
    /// Files with more jobs are refused.
    public static let mostJobs = 100_000_000

    /// The format to expect; nil takes the header's word.
    public var format: TraceFormat?
    /// Whether a row that can't be used, or is out of order, ends the reading.
    public var isStrict = false
    /// Called after every 65,536 rows with their number; throw to stop.
    public var progress: ((Int) throws -> Void)?

    public init(format: TraceFormat? = nil, isStrict: Bool = false) {
        self.format = format
        self.isStrict = isStrict
    }

    /// Reads all rows.
    ///
    /// - Throws: `TraceProblem` for a file that is no trace, ends early or has no usable row; what `source` throws.
    /// - Complexity: O(bytes), and a sort where rows are out of order.
    public func read(_ source: @escaping ByteSource) throws -> Trace {
        var rows = SeparatedRows(uncompressed(source))
        guard try rows.next() else {
            throw TraceProblem("the file is empty", remedy: "A trace has a header and a line for each job.")
        }
        let header = (0..<rows.count).map { rows.text(of: $0) }
        try check(header)
        guard let format = self.format ?? TraceFormat.of(header: header) else {
            let (nearest, missing) = TraceFormat.nearest(to: header)
            throw TraceProblem(
                "no known trace has the columns \(header.map { $0.prefix(40) }.prefix(12).joined(separator: ","))",
                line: 1,
                remedy: "The nearest format is \(nearest.rawValue); it lacks \(missing.joined(separator: ", ")). "
                    + "Rename columns, or write the normalised form: "
                    + "job_id,submit_s,gpus,gpu_milli,duration_s,tenant.")
        }
        let missing = format.columns.filter { !header.contains($0) }
        guard missing.isEmpty else {
            throw TraceProblem(
                "the format \(format.rawValue) needs the column\(missing.count == 1 ? "" : "s") "
                    + missing.joined(separator: ", "), line: 1,
                remedy: "Leave the format out to have it found, or rename columns.")
        }
        return try read(rows, RowDecoder(format: format, header: header))
    }

    private func check(_ header: [String]) throws(TraceProblem) {
        for name in header where name.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 0xFFFD }) {
            throw TraceProblem(
                "the header is no text", line: 1,
                remedy: "A trace is a table of comma-separated values, plain or compressed with gzip.")
        }
        var seen: Set<String> = []
        for name in header where !name.isEmpty && !seen.insert(name).inserted {
            throw TraceProblem(
                "the header has this column twice", line: 1, column: name, remedy: "Leave one of them out.")
        }
    }

    private func read(_ table: consuming SeparatedRows, _ format: RowDecoder) throws -> Trace {
        var rows = table
        let decoder = format
        var trace = Trace(format: decoder.format, jobs: [], ids: NameList(), tenants: NameList())
        let idField = decoder.idField
        let tenantField = decoder.tenantField
        let modelField = decoder.modelField
        var hasDates = false
        var last = -Double.infinity
        var isSorted = true
        while try rows.next() {
            trace.counts.rows += 1
            if trace.counts.rows & 0xFFFF == 0 { try progress?(trace.counts.rows) }
            switch decoder.decode(rows) {
            case .refused(let issue, let field):
                try note(issue, field, rows, decoder, &trace)
            case .job(var job, let issue):
                if let field = decoder.dateField {
                    // Dates in some rows and seconds in others can't be set against each other.
                    let isDate = rows.contains(field, UInt8(ascii: ":"))
                    if trace.jobs.isEmpty { hasDates = isDate }
                    if isDate != hasDates {
                        try note(.notADate, field, rows, decoder, &trace)
                        continue
                    }
                }
                if let idField {
                    let (index, isNew) = rows.insert(idField, into: &trace.ids)
                    guard isNew else {
                        try note(.duplicateID, idField, rows, decoder, &trace)
                        continue
                    }
                    job.row = Int32(index)
                } else {
                    job.row = Int32(trace.jobs.count)
                }
                if let tenantField { job.tenant = Int32(rows.insert(tenantField, into: &trace.tenants).index) }
                if let modelField, !rows.isEmpty(modelField) {
                    job.model = Int32(rows.insert(modelField, into: &trace.models).index)
                }
                if let issue { trace.counts.add(issue, line: rows.line) }
                if job.submit < last {
                    isSorted = false
                    try note(.outOfOrder, decoder.arrivalField, rows, decoder, &trace)
                }
                last = max(last, job.submit)
                trace.jobs.append(job)
                guard trace.jobs.count <= Self.mostJobs else {
                    throw TraceProblem(
                        "more than \(Self.mostJobs) jobs", line: rows.line, remedy: "Split the trace.")
                }
            }
        }
        try finish(&trace, isSorted: isSorted, hasDates: hasDates)
        return trace
    }

    /// Counts a row's issue; the first ends a strict reading.
    private func note(
        _ issue: RowIssue, _ field: Int?, _ rows: borrowing SeparatedRows, _ decoder: RowDecoder, _ trace: inout Trace
    ) throws {
        let column = field.map { decoder.header[$0] }
        trace.counts.add(issue, line: rows.line, column: column)
        guard isStrict else { return }
        throw TraceProblem(
            issue.isRefusal ? issue.words : "it arrives before a row above it", line: rows.line, column: column,
            remedy: issue.isRefusal
                ? "Mend the row, or leave --strict out to have such rows counted and left out."
                : "Sort the rows by arrival, or leave --strict out to have them sorted and counted.")
    }

    private func finish(_ trace: inout Trace, isSorted: Bool, hasDates: Bool) throws(TraceProblem) {
        guard !trace.jobs.isEmpty else {
            guard trace.counts.rows > 0 else {
                throw TraceProblem(
                    "the file has a header and no jobs", remedy: "A trace has a line for each job below its header.")
            }
            let most = trace.counts.tallies.max { ($0.value.rows, $1.key.rawValue) < ($1.value.rows, $0.key.rawValue) }
            throw TraceProblem(
                "no row of \(trace.counts.rows) can be used; most: \(most?.key.words ?? "")",
                line: most?.value.firstLine, column: most?.value.firstColumn,
                remedy: "Look at that row; the format was taken for \(trace.format.rawValue).")
        }
        if !isSorted {
            // Stable: equal arrivals keep the order of their rows.
            let order = trace.jobs.indices.sorted {
                (trace.jobs[$0].submit, $0) < (trace.jobs[$1].submit, $1)
            }
            trace.jobs = order.map { trace.jobs[$0] }
        }
        if hasDates, let first = trace.jobs.first?.submit {
            trace.origin = first
            for index in trace.jobs.indices { trace.jobs[index].submit -= first }
        }
        if trace.tenants.count == 0 { trace.tenants = NameList([""]) }
    }
}
