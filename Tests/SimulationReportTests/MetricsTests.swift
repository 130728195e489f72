import ClusterSimulation
import SimulationReport
import Testing
import Traces

struct MetricsTests {
    @Test func percentilesAreValuesThatOccur() {
        let spread = RunMetrics.Spread((1...200).map(Double.init).shuffled())
        #expect(spread.mean == 100.5)
        #expect([spread.p50, spread.p95, spread.p99] == [100, 190, 198])
        #expect(RunMetrics.Spread([7]).p99 == 7)
        #expect(RunMetrics.Spread([]) == RunMetrics.Spread())
    }

    /// Student's t for five values: 2.776.
    @Test func intervals() {
        let interval = Interval([1, 2, 3, 4, 5])
        #expect(interval.mean == 3)
        #expect(abs((interval.half ?? 0) - 2.776 * (2.5 / 5).squareRoot()) < 1e-12)
        #expect(Interval([4]).half == nil)
        #expect(Interval.paired([1.1, 2.2], against: [1, 2]).mean > 0.0999)
        #expect(Interval.paired([1.1, 2.2], against: [1, 2]).isSignificant)
        #expect(!Interval.paired([1.1, 1.9], against: [1, 2]).isSignificant)
    }

    /// Two jobs by hand: one waits 5 s of 4 s work, one is refused.
    @Test func aRunByHand() {
        let workload = Workload(jobs: [
            Job(number: 0, arrival: 10, duration: 20, slices: 2), Job(number: 1, arrival: 10, duration: 4, slices: 1),
            Job(number: 2, arrival: 11, duration: 4, slices: 7),
        ])
        var record = SimulationRecord(
            model: "m", queue: "fifo",
            outcomes: [
                JobOutcome(start: 10, end: 30, leaves: 2, heldSlices: 2, gpus: 1),
                JobOutcome(start: 15, end: 19, leaves: 1, heldSlices: 2, gpus: 1), JobOutcome(refusal: .memory),
            ])
        record.totals.usedSliceSeconds = 44
        record.totals.heldSliceSeconds = 48
        record.totals.queuedSeconds = 5
        record.totals.drainedGPUSeconds = 7200
        let metrics = RunMetrics(record, of: workload, slices: 7, bound: 20, seed: 1)
        #expect(metrics.makespan == 20)
        #expect(metrics.overLowerBound == 0)
        #expect([metrics.finished, metrics.refused, metrics.spanned] == [2, 1, 1])
        #expect(metrics.refusedBy == ["needs more memory than any leaf it could get": 1])
        #expect(metrics.completion.mean == 14.5)
        #expect(metrics.queueing.mean == 2.5)
        // 9 s of completion for 4 s of work count against the floor of 10 s.
        #expect(metrics.slowdown.mean == 1)
        #expect(metrics.utilisation == 44.0 / 140)
        #expect(abs(metrics.internalFragmentation - 4.0 / 140) < 1e-15)
        #expect(metrics.meanQueue == 0.25)
        #expect(metrics.drainedGPUHours == 2)
        #expect(metrics.sizes.map(\.slices) == [1, 2])
    }

    @Test func nothingRan() {
        let metrics = RunMetrics(
            SimulationRecord(model: "m", queue: "q", outcomes: [JobOutcome(refusal: .noInstance)]),
            of: Workload(jobs: [Job(number: 0, arrival: 0, duration: 1, slices: 1)]), slices: 7, bound: 0, seed: 1)
        #expect([metrics.makespan, metrics.overLowerBound, metrics.utilisation] == [0, 0, 0])
    }

    @Test func waitingForEverIsCounted() {
        let metrics = RunMetrics(
            SimulationRecord(
                model: "m", queue: "q",
                outcomes: [JobOutcome(start: .nan, end: .nan, leaves: 0, heldSlices: 0, gpus: 0)]),
            of: Workload(jobs: [Job(number: 0, arrival: 0, duration: 1, slices: 1)]), slices: 7, bound: 0, seed: 1)
        #expect(metrics.refusedBy == ["never ended": 1])
        #expect(metrics.completion.mean == 0)
    }

    private static let powers = [1, 2, 3, 4, 7].map {
        LeafPower(computeSlices: $0, multiprocessors: 14 * $0, fullMultiprocessors: 98)
    }

    /// Work over capacity, the longest job, and what arrives late.
    @Test func lowerBounds() {
        let bound = LowerBound(paces: LinearPaces(), powers: Self.powers, slices: 7)
        func least(_ jobs: [Job]) -> Double { bound.makespan(of: Workload(jobs: jobs)) { _ in true } }
        #expect(least([Job(number: 0, arrival: 5, duration: 10, slices: 7)]) == 10)
        #expect(least([Job(number: 0, arrival: 0, duration: 10, slices: 1)]) == 10)
        #expect(least((0..<14).map { Job(number: $0, arrival: 0, duration: 10, slices: 1) }) == 20)
        #expect(
            least([
                Job(number: 0, arrival: 0, duration: 10, slices: 7),
                Job(number: 1, arrival: 100, duration: 7, slices: 1),
            ]) == 107)
        #expect(least([]) == 0)
    }

    /// A small thing that could be written another way on another machine.
    @Test func decimals() {
        #expect(decimal(1.005, 2) == "1.00" || decimal(1.005, 2) == "1.01")
        #expect(decimal(-0.04, 1) == "0.0")
        #expect(decimal(-1.25, 1) == "-1.3")
        #expect(decimal(12, 0) == "12")
        #expect(decimal(.nan, 2) == "-")
        #expect(decimal(0.05, 2) == "0.05")
    }
}
