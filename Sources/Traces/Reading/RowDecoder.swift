/// Turns the fields of one format's rows into jobs.
struct RowDecoder {
    /// What a row is: a job without names, or the issue and the field that has it.
    enum Outcome {
        case job(TraceJob, issue: RowIssue?)
        case refused(RowIssue, field: Int?)
    }

    let format: TraceFormat
    let header: [String]
    private let columns: Columns
    /// 300 years in seconds.
    private static let latest = 300.0 * 365.25 * 86400
    private static let mostGPUs = 1_000_000.0

    init(format: TraceFormat, header: [String]) {
        self.format = format
        self.header = header
        columns = Columns(format, header)
    }

    /// Where each value stands; nil where the format or the header has no such column.
    private struct Columns {
        var id: Int?
        var tenant: Int?
        var model: Int?
        var memory: Int?
        var arrival: Int?
        var duration: Int?
        var gpus: Int?
        var milli: Int?
        var start: Int?
        var end: Int?
        var phase: Int?

        init(_ format: TraceFormat, _ header: [String]) {
            func field(_ name: String) -> Int? { header.firstIndex(of: name) }
            switch format {
            case .normalised:
                (id, tenant, model, memory) = (field("job_id"), field("tenant"), field("model"), field("memory_mib"))
                (arrival, duration) = (field("submit_s"), field("duration_s"))
                (gpus, milli) = (field("gpus"), field("gpu_milli"))
            case .philly:
                (tenant, gpus) = (field("cluster"), field("num_gpus"))
                (arrival, duration) = (field("timestamp"), field("duration"))
            case .openb:
                (id, tenant, phase) = (field("name"), field("qos"), field("pod_phase"))
                (gpus, milli) = (field("num_gpu"), field("gpu_milli"))
                (arrival, start, end) = (field("creation_time"), field("scheduled_time"), field("deletion_time"))
            case .helios:
                (id, tenant, phase) = (field("job_id"), field("vc") ?? field("user"), field("state"))
                (arrival, duration) = (field("submit_time"), field("duration"))
                (gpus, start) = (field("gpu_num"), field("start_time"))
            }
        }
    }

    var idField: Int? { columns.id }
    var tenantField: Int? { columns.tenant }
    var modelField: Int? { columns.model }
    var arrivalField: Int? { columns.arrival }
    /// The field of arrivals where they may be dates; nil in formats without dates.
    var dateField: Int? { format == .philly || format == .helios ? columns.arrival : nil }

    func decode(_ rows: borrowing SeparatedRows) -> Outcome {
        if rows.hasUnclosedQuote { return .refused(.unclosedQuote, field: nil) }
        guard rows.count == header.count else { return .refused(.wrongFieldCount, field: nil) }
        do throws(Refusal) {
            switch format {
            case .normalised: return try normalised(rows)
            case .philly: return try philly(rows)
            case .openb: return try openb(rows)
            case .helios: return try helios(rows)
            }
        } catch {
            return .refused(error.issue, field: error.field)
        }
    }

    private struct Refusal: Error {
        let issue: RowIssue
        let field: Int?
    }

    private func normalised(_ rows: borrowing SeparatedRows) throws(Refusal) -> Outcome {
        let submit = try time(rows, columns.arrival)
        let duration = try self.duration(rows, columns.duration)
        let (gpus, milli) = try size(
            gpus: count(rows, columns.gpus), milli: columns.milli == nil ? 0 : count(rows, columns.milli), columns.gpus)
        var job = TraceJob(submit: submit, duration: duration, gpus: gpus, milli: milli, row: 0)
        if let place = columns.memory, !rows.isEmpty(place) {
            job.memoryMiB = Int32(try count(rows, columns.memory))
        }
        return .job(job, issue: nil)
    }

    private func philly(_ rows: borrowing SeparatedRows) throws(Refusal) -> Outcome {
        let submit = try arrival(rows, columns.arrival)
        let duration = try self.duration(rows, columns.duration)
        let gpus = try count(rows, columns.gpus)
        guard gpus > 0 else { throw refusal(.noGPU, columns.gpus) }
        return .job(TraceJob(submit: submit, duration: duration, gpus: gpus, milli: 0, row: 0), issue: nil)
    }

    private func openb(_ rows: borrowing SeparatedRows) throws(Refusal) -> Outcome {
        let asked = try count(rows, columns.gpus)
        let thousandths = try count(rows, columns.milli)
        guard asked > 0 else { throw refusal(.noGPU, columns.gpus) }
        guard asked == 1 || thousandths >= 1000 else { throw refusal(.severalFractions, columns.milli) }
        let isFraction = asked == 1 && thousandths < 1000
        guard !isFraction || thousandths > 0 else { throw refusal(.noGPU, columns.milli) }
        if let start = columns.start, rows.isEmpty(start) {
            throw refusal(.neverStarted, columns.start)
        }
        let created = try time(rows, columns.arrival)
        let start = try time(rows, columns.start)
        let end = try time(rows, columns.end)
        guard end >= start else { throw refusal(.endsBeforeStart, columns.end) }
        guard end > start else { throw refusal(.noDuration, columns.end) }
        let isRunning = columns.phase.map { rows.bytes(of: $0).elementsEqual("Running".utf8) } ?? false
        return .job(
            TraceJob(
                submit: created, duration: end - start, gpus: isFraction ? 0 : asked,
                milli: isFraction ? thousandths : 0, row: 0),
            issue: isRunning ? .stillRunning : nil)
    }

    private func helios(_ rows: borrowing SeparatedRows) throws(Refusal) -> Outcome {
        let gpus = try count(rows, columns.gpus)
        guard gpus > 0 else { throw refusal(.noGPU, columns.gpus) }
        if let start = columns.start {
            let bytes = rows.bytes(of: start)
            if bytes.isEmpty || bytes.elementsEqual("None".utf8) { throw refusal(.neverStarted, columns.start) }
        }
        let submit = try arrival(rows, columns.arrival)
        let duration = try self.duration(rows, columns.duration)
        let isRunning = columns.phase.map { rows.bytes(of: $0).elementsEqual("RUNNING".utf8) } ?? false
        return .job(
            TraceJob(submit: submit, duration: duration, gpus: gpus, milli: 0, row: 0),
            issue: isRunning ? .stillRunning : nil)
    }

    private func size(gpus: Int, milli: Int, _ place: Int?) throws(Refusal) -> (gpus: Int, milli: Int) {
        guard gpus > 0 || milli > 0 else { throw refusal(.noGPU, place) }
        if gpus == 0, milli >= 1000 {
            guard milli.isMultiple(of: 1000) else { throw refusal(.severalFractions, columns.milli) }
            return (milli / 1000, 0)
        }
        guard gpus == 0 || milli == 0 || milli == 1000 || milli == gpus * 1000 else {
            throw refusal(.severalFractions, columns.milli)
        }
        return (gpus, gpus > 0 ? 0 : milli)
    }

    private func refusal(_ issue: RowIssue, _ place: Int?) -> Refusal { Refusal(issue: issue, field: place) }

    /// A time of arrival, in seconds or as a date.
    private func arrival(_ rows: borrowing SeparatedRows, _ place: Int?) throws(Refusal) -> Double {
        if let place, rows.contains(place, UInt8(ascii: ":")) {
            guard let seconds = secondsFromDate(rows.bytes(of: place)) else { throw refusal(.notADate, place) }
            guard seconds >= 0 else { throw refusal(.negative, place) }
            guard seconds <= Self.latest else { throw refusal(.tooLarge, place) }
            return seconds
        }
        return try time(rows, place)
    }

    private func duration(_ rows: borrowing SeparatedRows, _ place: Int?) throws(Refusal) -> Double {
        let seconds = try time(rows, place)
        guard seconds > 0 else { throw refusal(.noDuration, place) }
        return seconds
    }

    private func time(_ rows: borrowing SeparatedRows, _ place: Int?) throws(Refusal) -> Double {
        let value = try number(rows, place)
        guard value >= 0 else { throw refusal(.negative, place) }
        guard value <= Self.latest else { throw refusal(.tooLarge, place) }
        return value
    }

    private func count(_ rows: borrowing SeparatedRows, _ place: Int?) throws(Refusal) -> Int {
        let value = try number(rows, place)
        guard value >= 0 else { throw refusal(.negative, place) }
        guard value <= Self.mostGPUs else { throw refusal(.tooLarge, place) }
        guard value == value.rounded() else { throw refusal(.notANumber, place) }
        return Int(value)
    }

    private func number(_ rows: borrowing SeparatedRows, _ place: Int?) throws(Refusal) -> Double {
        guard let place else { throw refusal(.emptyField, place) }
        switch rows.number(place) {
        case .value(let value): return value
        case .empty: throw refusal(.emptyField, place)
        case .notANumber: throw refusal(.notANumber, place)
        case .notFinite: throw refusal(.notFinite, place)
        }
    }
}
