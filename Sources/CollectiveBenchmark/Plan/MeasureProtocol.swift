/// What a rank is asked to run: a collective, or a copy for the limit that the table compares with.
package enum MeasuredTask: Hashable, Sendable {
    case collective(BenchmarkOperation)
    /// One copy with memcpy.
    case copy
    /// One copy with non-temporal stores.
    case streamingCopy

    package var word: String {
        switch self {
        case .collective(let operation): operation.rawValue
        case .copy: "memcpy"
        case .streamingCopy: "memcpy-streaming"
        }
    }

    package init?(word: String) {
        switch word {
        case "memcpy": self = .copy
        case "memcpy-streaming": self = .streamingCopy
        default:
            guard let operation = BenchmarkOperation(rawValue: word) else { return nil }
            self = .collective(operation)
        }
    }
}

/// The line `measure OP TYPE BYTES METHOD WARMUPS BATCHES LENGTH` that every rank of a contender gets; the protocol is
/// in `Benchmarks/Peers/README.md`.
package struct MeasureCommand: Hashable, Sendable {
    package var task: MeasuredTask
    package var type: BenchmarkType
    package var bytes: Int
    package var method: BenchmarkMethod
    package var warmups: Int
    package var batches: Int
    package var length: Int

    package init(
        task: MeasuredTask, type: BenchmarkType, bytes: Int, method: BenchmarkMethod, warmups: Int, batches: Int,
        length: Int
    ) {
        self.task = task
        self.type = type
        self.bytes = bytes
        self.method = method
        self.warmups = warmups
        self.batches = batches
        self.length = length
    }

    package var line: String {
        "measure \(task.word) \(type.rawValue) \(bytes) \(method.rawValue) \(warmups) \(batches) \(length)"
    }

    /// What is wrong with a line.
    package struct Problem: Error {
        package let text: String
    }

    package init(line: String) throws(Problem) {
        let words = line.split(separator: " ").map(String.init)
        guard words.first == "measure" else { throw Problem(text: "unknown command") }
        guard words.count == 8 else { throw Problem(text: "measure takes OP TYPE BYTES METHOD WARMUPS BATCHES LENGTH") }
        guard let task = MeasuredTask(word: words[1]) else { throw Problem(text: "unknown operation") }
        guard let type = BenchmarkType(rawValue: words[2]) else { throw Problem(text: "unknown type") }
        guard let method = BenchmarkMethod(rawValue: words[4]) else { throw Problem(text: "unknown method") }
        guard let bytes = Int(words[3]), bytes >= 0 else { throw Problem(text: "BYTES is not a number") }
        guard let warmups = Int(words[5]), let batches = Int(words[6]), let length = Int(words[7]),
            warmups >= 0, (1...100_000).contains(batches), length >= 1
        else { throw Problem(text: "WARMUPS, BATCHES or LENGTH is not a number in its range") }
        self.init(
            task: task, type: type, bytes: bytes, method: method, warmups: warmups, batches: batches, length: length)
    }
}

/// What a rank answers.
package enum MeasureAnswer: Hashable, Sendable {
    /// Nanoseconds of one operation, the mean of each batch.
    case samples([Double])
    /// There is no such operation for this type.
    case unsupported
    case error(String)

    package var line: String {
        switch self {
        case .samples(let samples): (["ok"] + samples.map { FixedPoint.text($0, digits: 1) }).joined(separator: " ")
        case .unsupported: "unsupported"
        case .error(let text): "error \(text)"
        }
    }

    /// Anything else that a peer may say is an error as well.
    package init(line: String) {
        let words = line.split(separator: " ")
        if words.first == "ok" {
            let samples = words.dropFirst().compactMap { Double($0) }
            let isWhole = samples.count == words.count - 1 && samples.allSatisfy { $0.isFinite && $0 >= 0 }
            self = isWhole && !samples.isEmpty ? .samples(samples) : .error("answered \"\(line.prefix(200))\"")
        } else if line == "unsupported" {
            self = .unsupported
        } else if words.first == "error" {
            self = .error(String(line.dropFirst("error ".count)))
        } else {
            self = .error("answered \"\(line.prefix(200))\"")
        }
    }

    /// The answer of all ranks: of every batch the slowest rank's time; the first error; nothing where one has nothing.
    ///
    /// - Parameter batches: how many were asked for.
    package static func combined(_ answers: [MeasureAnswer], batches: Int) -> MeasureAnswer {
        var slowest = [Double](repeating: 0, count: batches)
        var lacks = 0
        for (rank, answer) in answers.enumerated() {
            switch answer {
            case .error(let text): return .error("rank \(rank): \(text)")
            case .unsupported: lacks += 1
            case .samples(let samples):
                guard samples.count == batches else {
                    return .error("rank \(rank): \(samples.count) samples instead of \(batches)")
                }
                for (index, sample) in samples.enumerated() { slowest[index] = max(slowest[index], sample) }
            }
        }
        if lacks == 0 { return .samples(slowest) }
        return lacks == answers.count ? .unsupported : .error("\(lacks) of \(answers.count) ranks lack it")
    }
}
