import ClusterSimulation
import SimulationReport
import Testing
import Traces

/// Two models are compared by the jobs that both ran.
struct RunPairTests {
    private static let workload = Workload(jobs: [
        Job(number: 0, arrival: 10, duration: 20, slices: 2), Job(number: 1, arrival: 12, duration: 4, slices: 1),
        Job(number: 2, arrival: 14, duration: 4, slices: 7),
    ])

    private static func ends(_ model: String, _ queue: String = "fifo", _ ends: Double?...) -> RunEnds {
        RunEnds(
            SimulationRecord(
                model: model, queue: queue,
                outcomes: ends.map { end in
                    end.map { JobOutcome(start: 0, end: $0, leaves: 1, heldSlices: 1, gpus: 1) }
                        ?? JobOutcome(refusal: .memory)
                }))
    }

    @Test func aJobThatOneRefusedCountsForNeither() {
        let pair = RunPair(
            Self.ends("a", "fifo", 30, 20, nil), Self.ends("b", "fifo", 40, 16, 1000), of: Self.workload, seed: 7)
        #expect(pair.both == 2)
        #expect([pair.one.refused, pair.other.refused] == [1, 0])
        #expect([pair.one.makespan, pair.other.makespan] == [20, 30])
        #expect([pair.one.completion, pair.other.completion] == [14, 17])
        #expect(pair.seed == 7)
    }

    @Test func nothingInCommon() {
        let pair = RunPair(
            Self.ends("a", "fifo", 30, nil, nil), Self.ends("b", "fifo", nil, 16, 20), of: Self.workload, seed: 1)
        #expect(pair.both == 0)
        #expect([pair.one.makespan, pair.other.completion] == [0, 0])
    }

    @Test func everyTwoUnderOneQueue() {
        let runs = [
            Self.ends("a", "fifo", 30, 20, 18), Self.ends("b", "fifo", 31, 20, 18),
            Self.ends("a", "backfill", 32, 20, 18), Self.ends("c", "fifo", 33, 20, 18),
        ]
        let pairs = RunPair.all(of: runs, workload: Self.workload, seed: 1)
        #expect(pairs.map { $0.one.model + $0.other.model + $0.queue } == ["abfifo", "acfifo", "bcfifo"])
    }
}
