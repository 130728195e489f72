import CollectiveTrials
import Collectives
import Testing

/// Every collective against plain loops, with ranks as threads.
struct ThreadRankTests {
    private static let slotBytes = 1024

    /// Around the edges of a slot, where chunks begin and end.
    private func counts(stride: Int) -> [Int] {
        let slot = Self.slotBytes / stride
        return [0, 1, 2, 17, slot - 1, slot, slot + 1, 2 * slot, 3 * slot + 5]
    }

    private func trials(ranks: Int) -> [Trial] {
        var calls: [Trial.Call] = [.barrier, .allGather]
        calls += (0..<ranks).map { .broadcast(root: $0) }
        for reduction in Reduction.allCases {
            calls += [.allReduce(reduction, inPlace: true), .allReduce(reduction, inPlace: false)]
        }
        return Trial.Element.allCases.flatMap { element in
            counts(stride: element == .float || element == .int32 ? 4 : 8).flatMap { count in
                calls.enumerated().map { Trial($1, of: element, count: count, seed: UInt64(count * 100 + $0)) }
            }
        }
    }

    @Test(arguments: 1...8)
    func everyCallTypeAndLengthIsRight(ranks: Int) throws {
        let trials = trials(ranks: ranks)
        let digests = try onThreads(ranks: ranks, slotBytes: Self.slotBytes) { communicator in
            try trials.map { try $0.run(on: communicator) }
        }
        // `run` has compared the values; the same bits on all ranks is what a job's replicas live on.
        for digest in digests { #expect(digest == digests[0]) }
        #expect(digests[0].count == trials.count)
    }

    @Test(arguments: [2, 3, 8])
    func randomSequencesAreRight(ranks: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let digests = try onThreads(ranks: ranks, slotBytes: 4096) { communicator in
            let trials = Trial.sequence(of: 100, ranks: ranks, seed: seed, slotElements: 1024)
            return try trials.map { try $0.run(on: communicator) }
        }
        for digest in digests { #expect(digest == digests[0], "seed \(seed)") }
    }

    @Test func integersWrapAndDivideTowardsZero() throws {
        let results = try onThreads(ranks: 2) { communicator in
            var sums: [Int32] = [communicator.rank == 0 ? .max : 1, -3]
            try communicator.allReduce(&sums, .sum)
            var means: [Int64] = [communicator.rank == 0 ? -7 : 0, communicator.rank == 0 ? 7 : 0]
            try communicator.allReduce(&means, .mean)
            return "\(sums) \(means)"
        }
        #expect(results == ["[-2147483648, -6] [-3, 3]", "[-2147483648, -6] [-3, 3]"])
    }

    @Test func copiesElementsThatAreNoNumbers() throws {
        struct Pixel: BitwiseCopyable { var red: UInt8; var green: UInt8; var blue: UInt8 }
        let results = try onThreads(ranks: 3, slotBytes: 128) { communicator in
            let rank = UInt8(communicator.rank)
            var pixels = [Pixel](repeating: Pixel(red: rank, green: rank, blue: 9), count: 100)
            try communicator.broadcast(&pixels, from: 2)
            let own = [Pixel](repeating: Pixel(red: rank, green: 0, blue: 0), count: 50)
            var all = [Pixel](repeating: Pixel(red: 0, green: 0, blue: 0), count: 150)
            var span = all.mutableSpan
            try communicator.allGather(own.span, into: &span)
            return pixels.allSatisfy { $0.green == 2 } && all.indices.allSatisfy { Int(all[$0].red) == $0 / 50 }
        }
        #expect(results == [true, true, true])
    }

    @Test func aSingleRankNeedsNoVariables() throws {
        let communicator = try Communicator(environment: [:])
        #expect(communicator.rank == 0)
        #expect(communicator.size == 1)
        for trial in trials(ranks: 1) { _ = try trial.run(on: communicator) }
    }
}
