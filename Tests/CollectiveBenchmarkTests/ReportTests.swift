import CollectiveBenchmark
import Testing

struct ReportTests {
    @Test(arguments: [
        ([3.0], 3.0, 3.0), ([4, 1, 3, 2], 2.5, 1), ([5, 1, 3], 3, 1),
        (Array(stride(from: 20.0, to: 0, by: -1)), 10.5, 2),
    ])
    func statistics(samples: [Double], median: Double, p10: Double) throws {
        let statistics = try #require(SampleStatistics(samples))
        #expect((statistics.median, statistics.p10) == (median, p10))
        #expect(statistics.count == samples.count)
    }

    @Test func noSamplesNoStatistics() { #expect(SampleStatistics([]) == nil) }

    @Test(arguments: [
        (0.0, 2, "0.00"), (1.005, 0, "1"), (0.999, 2, "1.00"), (12.345, 1, "12.3"), (-0.04, 1, "0.0"),
        (-1.5, 1, "-1.5"), (1.05, 2, "1.05"), (.infinity, 1, "-"),
    ])
    func fixedPoint(value: Double, digits: Int, text: String) {
        #expect(FixedPoint.text(value, digits: digits) == text)
    }

    // MARK: Rows

    private let line = BenchmarkLine(operation: .allreduce, type: .float32, method: .repeat, requestedBytes: 4000)

    private func report(_ rows: [BenchmarkReport.Row]) -> BenchmarkReport {
        BenchmarkReport(
            command: ["flexmig"], secondsSince1970: 0,
            machine: MachineDescription(
                processor: "A <b>", onlineProcessors: 4, caches: [], kernel: "6", memoryBytes: 8 << 30, hugePages: nil),
            parameters: .init(rounds: 1, batches: 1, batchSeconds: 1, timeoutSeconds: 1, isPinned: true),
            contenders: [.init(name: "memcpy", version: "-"), .init(name: "flexmig", version: "1")], rows: rows)
    }

    @Test func bandwidths() {
        // 4000 bytes in 1000 ns by 4 ranks; a copy takes 250.
        let row = BenchmarkReport.Row(
            line, ranks: 4, contender: "flexmig", length: 1, samples: [1000], copyNanoseconds: 250)
        #expect(row.outcome == .ok)
        #expect(row.algorithmBandwidth == 4)
        #expect(row.busBandwidth == 6)
        #expect(row.copyBandwidth == 16)
        #expect(row.percentOfCopyLimit == 25)
        #expect(row.percentOfMovementBound == 25)
        var other = line
        other.operation = .reducescatter
        let half = BenchmarkReport.Row(
            other, ranks: 4, contender: "flexmig", length: 1, samples: [1000], copyNanoseconds: 250)
        #expect(half.percentOfMovementBound == 15.625)
    }

    @Test func aCopyIsNoCollective() {
        let row = BenchmarkReport.Row(
            line, ranks: 4, contender: "memcpy", length: 1, samples: [250], copyNanoseconds: 250)
        #expect((row.percentOfCopyLimit, row.busBandwidth, row.percentOfMovementBound) == (100, nil, nil))
    }

    @Test func theTable() {
        var own = BenchmarkReport.Row(
            line, ranks: 4, contender: "flexmig", length: 1, samples: [1000], copyNanoseconds: 250)
        own.speedAgainstBestPeer = 2
        own.bestPeer = "other"
        let failed = BenchmarkReport.Row(line, ranks: 4, contender: "other", outcome: .failed, reason: "it broke")
        let table = report([own, failed]).table.split(separator: "\n")
        let heading = "size  contender  time us  p10 us  algbw GB/s  busbw GB/s  % copy  % bound  vs best peer"
        #expect(table.contains("# allreduce float32, 4 ranks, repeat (back to back)"))
        let numbers = "4000  flexmig       1.00    1.00        4.00        6.00    25.0     25.0  2.00x other"
        #expect(table.contains { $0 == heading })
        #expect(table.contains { $0 == numbers })
        #expect(table.contains("4000  other       failed"))
        #expect(table.contains("# other failed: it broke"))
    }

    @Test func theCSV() throws {
        let failed = BenchmarkReport.Row(line, ranks: 4, contender: "other", outcome: .failed, reason: "a, \"b\"")
        let lines = report([failed]).csv.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("operation,type,ranks,method,bytes,contender,outcome,"))
        #expect(lines[1] == "allreduce,float32,4,repeat,4000,other,failed,,,,,,,,,,,\"a, \"\"b\"\"\"")
    }

    @Test func thePlotHasEveryContender() {
        let rows = [8, 4000, 4_000_000].flatMap { bytes in
            var line = line
            line.requestedBytes = bytes
            return ["memcpy", "flexmig"].map {
                BenchmarkReport.Row(
                    line, ranks: 4, contender: $0, length: 1, samples: [Double(bytes)], copyNanoseconds: 250)
            }
        }
        let plot = report(rows).plot
        #expect(plot.hasPrefix("<svg ") && plot.hasSuffix("</svg>\n"))
        #expect(plot.contains("A &lt;b&gt;") && !plot.contains("<b>"))
        #expect(plot.split(separator: "<polyline").count == 3)
        #expect(plot.contains(">memcpy<") && plot.contains(">flexmig<") && plot.contains(">4000<"))
        // One size alone, and nothing at all.
        #expect(report([rows[0]]).plot.hasSuffix("</svg>\n"))
        #expect(report([]).plot.hasSuffix("</svg>\n"))
    }
}
