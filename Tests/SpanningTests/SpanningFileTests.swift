import Platform
import Spanning
import SpanningBenchmark
import TestSupport
import Testing

struct SpanningFileTests {
    private func measurement(_ model: String, speed: Double = 0.9, runtime: String? = nil, route: String? = nil)
        -> SpanningMeasurement
    {
        func point(_ leaves: Int, _ speed: Double) -> SpanningPoint {
            SpanningPoint(
                leaves: leaves, stepSeconds: 1, p10Seconds: 0.9, p90Seconds: 1.1, runSeconds: [1], steps: 5,
                communicationShare: 0.1, communicationSource: .marker, relativeSpeed: speed)
        }
        return SpanningMeasurement(
            model: model, leafProfile: "1g.10gb", gpu: "NVIDIA H100", runtime: runtime, route: route, work: .perRank,
            source: .marker,
            evidence: "real MIG", command: ["./train"], date: "2026-11-23T00:00:00Z", flexmig: "0.1.0",
            points: [point(1, 1), point(4, speed)])
    }

    @Test func entriesAreReplacedByName() {
        var file = SpanningFile()
        file.add(measurement("b"))
        file.add(measurement("a", speed: 0.5))
        file.add(measurement("a", speed: 0.7))
        file.add(measurement("a", speed: 0.6, runtime: "flexmig"))
        file.add(measurement("a", speed: 0.4, route: "nccl-socket"))
        #expect(file.measurements.map(\.model) == ["a", "a", "a", "b"])
        #expect(file.measurements.map { $0.points[1].relativeSpeed } == [0.7, 0.4, 0.6, 0.9])
        #expect(file.problem == nil)
    }

    @Test func comesBackFromDisk() throws {
        let directory = try TemporaryDirectory()
        #expect(try SpanningStore.read(directory.path("missing.json")) == SpanningFile())
        var file = SpanningFile()
        file.add(measurement("a"))
        try SpanningStore.write(file, to: directory.path("spanning.json"))
        #expect(try SpanningStore.read(directory.path("spanning.json")) == file)
    }

    /// Another's file is refused with the reason, and stays as it is.
    @Test(arguments: [
        ("{}", "\"format\" is missing"), ("no json", "not JSON"),
        (#"{"format":"other","version":1,"measurements":[]}"#, "format is \"other\""),
        (#"{"format":"flexmig-spanning","version":9,"measurements":[]}"#, "version is 9"),
        (#"{"format":"flexmig-spanning","version":"1","measurements":[]}"#, "\"version\" has another type"),
    ])
    func filesOfOthers(text: String, word: String) throws {
        let directory = try TemporaryDirectory()
        try Files.replace(directory.path("a.json"), with: Array(text.utf8))
        let problem = #expect(throws: SpanningStore.Unusable.self) { try SpanningStore.read(directory.path("a.json")) }
        #expect(problem?.description.contains(word) == true, "\(String(describing: problem))")
    }

    @Test func impossibleFigures() {
        func problem(_ change: (inout SpanningMeasurement) -> Void) -> String {
            var measurement = measurement("a")
            change(&measurement)
            return SpanningFile(measurements: [measurement]).problem ?? "none"
        }
        #expect(problem { $0.points.removeFirst() }.contains("not that of one leaf"))
        #expect(problem { $0.points.append($0.points[0]) }.contains("order"))
        #expect(problem { $0.points[1].stepSeconds = 0 }.contains("above 0"))
        #expect(problem { $0.points[1].communicationShare = 1.5 }.contains("0 to 1"))
    }
}
