import Spanning
import Testing

/// Points out of runs whose figures are easy to check by hand.
struct SpanningSamplesTests {
    private func run(
        _ leaves: Int, _ seconds: [[Double]] = [], communication: Double? = nil, samples: Double? = nil,
        wall: Double = 1, waited: [Int: Double] = [:]
    ) throws -> RunSamples {
        var run = RunSamples(leaves: leaves)
        for (rank, times) in seconds.enumerated() {
            run.markers[rank] = try times.map { time in
                var line = "FLEXMIG_STEP seconds=\(time)"
                if let communication { line += " communication=\(communication * time)" }
                if let samples { line += " samples=\(samples)" }
                return try #require(try StepMarker(line: line))
            }
        }
        run.wallSeconds = wall
        run.waited = waited
        return run
    }

    private func close(_ left: Double, _ right: Double) -> Bool { abs(left - right) < 1e-9 * max(1, abs(right)) }

    /// A batch for each rank: two leaves do two batches in the time of a step.
    @Test func perRank() throws {
        let samples = try SpanningSamples(
            [try run(1, [[9, 1, 1, 1]]), try run(2, [[9, 1.25, 1.25, 1.25], [9, 1, 1, 1]])], work: nil, warmUp: 1)
        #expect(samples.source == .marker && samples.work == .perRank)
        let points = try samples.points()
        #expect(points.map(\.leaves) == [1, 2])
        // The slowest rank counts.
        #expect(points.map(\.stepSeconds) == [1, 1.25])
        #expect(points.map(\.relativeSpeed) == [1, 0.8])
        #expect(points.map(\.steps) == [3, 6])
        #expect(points[1].communicationShare == nil && points[1].communicationSource == .notKnown)
    }

    /// One batch for all: two leaves are perfect at half the time.
    @Test func fixed() throws {
        let points = try SpanningSamples(
            [try run(1, [[1]]), try run(2, [[0.5], [0.5]]), try run(4, [[0.5], [0.5], [0.5], [0.5]])], work: .fixed,
            warmUp: 0
        ).points()
        #expect(points.map(\.relativeSpeed) == [1, 1, 0.5])
    }

    @Test func counted() throws {
        let samples = try SpanningSamples(
            [try run(1, [[1]], samples: 10), try run(2, [[1], [1]], samples: 15)], work: nil, warmUp: 0)
        #expect(samples.work == .counted)
        #expect(try samples.points().map(\.relativeSpeed) == [1, 0.75])
    }

    @Test func wholeRuns() throws {
        let samples = try SpanningSamples(
            [try run(1, wall: 8), try run(2, wall: 5), try run(1, wall: 8), try run(2, wall: 5)], work: nil, warmUp: 3)
        #expect(samples.source == .wall && samples.work == .fixed)
        let points = try samples.points()
        #expect(points.map(\.relativeSpeed) == [1, 0.8] && points.map(\.runSeconds) == [[8, 8], [5, 5]])
    }

    @Test func spread() throws {
        let points = try SpanningSamples(
            [try run(1, [(0...10).map { Double($0 + 1) }])], work: .fixed, warmUp: 0
        ).points()
        #expect(close(points[0].p10Seconds, 2) && close(points[0].stepSeconds, 6) && close(points[0].p90Seconds, 10))
    }

    @Test func communicationByMarkers() throws {
        let points = try SpanningSamples(
            [try run(1, [[1]], communication: 0), try run(2, [[1], [3]], communication: 0.25)], work: nil, warmUp: 0
        ).points()
        #expect(points.map(\.communicationShare) == [0, 0.25])
        #expect(points.allSatisfy { $0.communicationSource == .marker })
    }

    /// The engine tells how long ranks waited for each other: at least that.
    @Test func communicationByWaiting() throws {
        let points = try SpanningSamples(
            [try run(1, wall: 4), try run(2, wall: 4, waited: [0: 1, 1: 0])], work: nil, warmUp: 0
        ).points()
        #expect(points[0].communicationSource == .notKnown)
        #expect(points[1].communicationSource == .waiting && points[1].communicationShare == 0.125)
        // Only when every rank has told.
        let some = try SpanningSamples(
            [try run(1, wall: 4), try run(2, wall: 4, waited: [0: 1])], work: nil, warmUp: 0
        ).points()
        #expect(some[1].communicationShare == nil)
    }

    @Test func whatMakesNoMeasurement() throws {
        func problem(_ runs: [RunSamples], _ work: SpanningMeasurement.Work? = nil, _ warmUp: Int = 0) -> String {
            do {
                _ = try SpanningSamples(runs, work: work, warmUp: warmUp).points()
                return "none"
            } catch {
                return error.description
            }
        }
        #expect(problem([try run(1, [[1]]), try run(2)]).contains("on 2 leaves the program printed no marker"))
        #expect(problem([try run(1, [[1, 1]])], nil, 2).contains("warm-up"))
        #expect(problem([try run(2, [[1], [1]])]).contains("nothing was measured on one leaf"))
        #expect(problem([try run(1, [[1]])], .counted).contains("samples="))
    }
}
