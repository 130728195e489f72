import ClusterSimulation
import LeafScheduling
import MIGModel
import Testing
import Traces

/// The engine and the reference give every job the same start and end, to 1e-9 of the time.
struct EngineAgreementTests {
    /// A way to run a cluster, for both.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let model: any ClusterModel
        /// Instances of each size on one GPU.
        let perGPU: [Int: Int]
        let wishes: @Sendable (Int) -> [(size: Int, count: Int)]

        static let all: [Case] = [
            Case(testDescription: "whole GPUs", model: WholeGPU(), perGPU: [7: 1]) { [(7, ($0 + 6) / 7)] },
            Case(
                testDescription: "static 4+2+1", model: StaticOneToOne([.init([4, 2, 1])]),
                perGPU: [4: 1, 2: 1, 1: 1], wishes: oneInstance),
            Case(
                testDescription: "static 3+3", model: StaticOneToOne([.init([3, 3])]), perGPU: [3: 2],
                wishes: oneInstance),
            Case(
                testDescription: "static 7x1", model: StaticOneToOne([.init([1, 1, 1, 1, 1, 1, 1])]), perGPU: [1: 7],
                wishes: oneInstance),
            Case(testDescription: "fixed thin", model: FixedLeaves(layout: .thin), perGPU: [1: 7]) { [(1, $0)] },
        ]

        private static let oneInstance: @Sendable (Int) -> [(size: Int, count: Int)] = { slices in
            slices > 7 ? [(7, (slices + 6) / 7)] : [1, 2, 3, 4, 7].filter { $0 >= slices }.map { ($0, 1) }
        }
    }

    /// Paces that are fractions with few factors, so that ticks of 1/420 s are exact.
    struct Fractions: JobPaces {
        /// Seconds of run for each second of duration, in 420ths.
        static func ticks(slices: Int, size: Int, count: Int, isPlain: Bool) -> Int {
            if isPlain { return 420 }
            if count > 1 { return [420, 560, 525, 490][(slices + count) % 4] }
            return size == slices ? 420 : 420 * (slices + 2) / (size + 2) / 7 * 7
        }

        let isPlain: Bool

        func pace(of job: Job, onOne power: LeafPower) -> Double? {
            let asked = Int(job.slices)
            let count = max(1, (asked + 6) / 7)
            return 420
                / Double(Self.ticks(slices: asked, size: power.computeSlices, count: count, isPlain: isPlain))
        }

        func pace(of job: Job, over shape: SpanShape) -> Double? {
            420
                / Double(
                    Self.ticks(
                        slices: Int(job.slices), size: shape.slowest.computeSlices, count: shape.leaves,
                        isPlain: isPlain))
        }

        func linkLoad(of job: Job, over shape: SpanShape) -> Double { 0 }
        func rankMemoryMiB(of job: Job, ranks: Int) -> Int { 0 }
    }

    /// Small cases with many equal times, and larger ones with hardly any.
    private func jobs(seed: UInt64, isPlain: Bool) -> [Job] {
        var random = SeededRandom(seed: seed)
        let count = 1 + random.below(isPlain ? 40 : 120)
        var arrival = 0
        return (0..<count).map { number in
            arrival += random.below(isPlain ? 4 : 90_001)
            let duration = 1 + random.below(isPlain ? 12 : 400_009)
            let slices = random.below(8) == 0 ? 14 : 1 + random.below(7)
            return Job(number: number, arrival: Double(arrival), duration: Double(duration), slices: slices)
        }
    }

    @Test(arguments: Case.all, [QueueDiscipline.fifo, .backfill(reservations: 1, lookAhead: 1000)])
    func agrees(with way: Case, queue: QueueDiscipline) throws {
        for seed in 1...300 as ClosedRange<UInt64> {
            let isPlain = seed.isMultiple(of: 2)
            let gpus = 1 + Int(seed % 4)
            let jobs = jobs(seed: seed, isPlain: isPlain)
            // One node, so that no gang is refused for its place.
            let cluster = SimulatedCluster([.init(.a100With40GB, count: gpus)], gpusPerNode: gpus)
            let record = Simulation(
                cluster: cluster, model: way.model, discipline: queue, paces: Fractions(isPlain: isPlain)
            ).run(jobs)
            let reference = ReferenceSimulator(
                instances: way.perGPU.mapValues { $0 * gpus }, wishes: way.wishes, queue: queue == .fifo ? .fifo : .easy
            ).run(
                jobs.map { job in
                    let (slices, duration) = (Int(job.slices), Int(job.duration))
                    return ReferenceSimulator.Work(arrival: Int(job.arrival) * 420, slices: slices) { size, count in
                        duration * Fractions.ticks(slices: slices, size: size, count: count, isPlain: isPlain)
                    }
                })
            for (job, (outcome, expected)) in zip(jobs, zip(record.outcomes, reference)) {
                let place = "seed \(seed), \(gpus) GPUs, job \(job.number) of \(job.slices) slices"
                guard let expected else {
                    #expect(outcome.refusal != .none, "\(place)")
                    continue
                }
                try #require(outcome.refusal == .none, "\(place)")
                let (start, end) = (Double(expected.start) / 420, Double(expected.end) / 420)
                try #require(
                    abs(outcome.start - start) <= 1e-9 * max(1, start), "\(place): \(outcome.start), not \(start)")
                try #require(abs(outcome.end - end) <= 1e-9 * max(1, end), "\(place): \(outcome.end), not \(end)")
            }
        }
    }
}
