import ClusterSimulation
import SimulationReport
import Testing
import Traces

struct AdviceTests {
    /// One run of two jobs of 1 and 7 slices with these ends; nil is refused.
    private func run(_ model: String, seed: UInt64, small: Double, large: Double?, unattainable: Bool = false)
        -> RunMetrics
    {
        let workload = Workload(jobs: [
            Job(number: 0, arrival: 0, duration: 1, slices: 1), Job(number: 1, arrival: 0, duration: 1, slices: 7),
        ])
        var record = SimulationRecord(
            model: model, queue: "fifo",
            outcomes: [
                JobOutcome(start: 0, end: small, leaves: 1, heldSlices: 1, gpus: 1),
                large.map { JobOutcome(start: 0, end: $0, leaves: 1, heldSlices: 7, gpus: 1) }
                    ?? JobOutcome(refusal: .memory),
            ])
        record.isUnattainable = unattainable
        return RunMetrics(record, of: workload, slices: 7, bound: 1, seed: seed)
    }

    /// The mean decides, those that refuse more and those that nobody could run are out, and what is lost is told.
    @Test func theBestAndWhereItIsWorse() throws {
        let runs = (1...3).flatMap { seed -> [RunMetrics] in
            let extra = Double(seed)
            return [
                run("a", seed: UInt64(seed), small: 10 + extra, large: 100),
                run("b", seed: UInt64(seed), small: 90 + extra, large: 50),
                run("refuses", seed: UInt64(seed), small: 1, large: nil),
                run("oracle", seed: UInt64(seed), small: 1, large: 1, unattainable: true),
            ]
        }
        let advice = try #require(Advice(Summary.all(of: runs), aim: .jct))
        #expect(advice.recommended.model == "a")
        #expect(Set(advice.comparisons.map(\.model)) == ["b", "refuses"])
        let against = try #require(advice.comparisons.first { $0.model == "b" })
        let difference = try #require(against.difference)
        #expect(difference.mean < -0.2 && difference.isSignificant)
        #expect(advice.weaknesses.map(\.figure).contains("mean JCT of jobs of 7 slices"))
        #expect(!advice.weaknesses.map(\.figure).contains("mean JCT of jobs of 1 slice"))
        #expect(advice.weaknesses.allSatisfy { $0.model == "b" })
        #expect(try #require(Advice(Summary.all(of: runs), aim: .makespan)).recommended.model == "b")
    }

    @Test func nothingToChooseFrom() {
        #expect(Advice([], aim: .jct) == nil)
    }
}
