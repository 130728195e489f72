import Platform

/// What `FLEXMIG_DEBUG` asks for, written to the standard error.
package struct CollectiveLog: Hashable, Sendable {
    package enum Level: Int, Hashable, Sendable, Comparable {
        case off, info, trace
        package static func < (one: Level, other: Level) -> Bool { one.rawValue < other.rawValue }
    }
    package let level: Level

    package init(_ level: Level = .off) { self.level = level }

    package var isTracing: Bool { level == .trace }

    /// How the communicator was made.
    func joined(_ exchange: Exchange) {
        guard level >= .info else { return }
        let layout = exchange.layout
        write(
            "rank \(exchange.rank)/\(exchange.size) joined \(exchange.transport.name): "
                + "stage \(layout.stageBytes) bytes a rank, segment \(layout.totalBytes) bytes, "
                + "reductions with \(VectorUnit.name), timeout \(exchange.limits.timeout)")
    }

    func failure(_ error: CollectiveError, rank: Int) {
        guard level >= .info else { return }
        write("rank \(rank): error \(error.code): \(error)")
    }

    func call(_ signature: Signature, _ algorithm: CollectiveAlgorithm, rank: Int, took duration: Duration) {
        write("rank \(rank): \(signature), \(algorithm), \(duration / .microseconds(1)) us")
    }

    func closed(_ statistics: CollectiveStatistics, rank: Int) {
        guard level >= .info else { return }
        for kind in CollectiveKind.allCases where statistics[kind].count > 0 {
            let calls = statistics[kind]
            let ways = CollectiveAlgorithm.allCases.filter { calls[$0] > 0 }.map { "\($0) \(calls[$0])" }
            write("rank \(rank): \(calls.count) x \(kind), \(calls.bytes) bytes (\(ways.joined(separator: ", ")))")
        }
        let waits = statistics.waitedFor.enumerated().filter { $0.element > 0 }
            .map { "rank \($0.offset) \($0.element / 1000) us" }
        if !waits.isEmpty { write("rank \(rank): waited for \(waits.joined(separator: ", "))") }
    }

    private func write(_ text: String) { writeToStandardError("flexmig: \(text)") }
}
