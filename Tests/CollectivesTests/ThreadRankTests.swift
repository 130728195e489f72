import CollectiveTrials
import Collectives
import Testing

/// Every collective against plain loops, with ranks as threads.
struct ThreadRankTests {
    /// Every call with every type and every reduction, in place and apart, in all kinds of memory. The lengths take
    /// turns, so that a stage of several sizes and every limit is met by each call.
    @Test(arguments: 1...8)
    func everyCallAndTypeIsRight(ranks: Int) throws {
        // Beyond the limits of bytes, many ranks do what few do, and the plain loops take their time.
        for stageBytes in ranks <= 4 ? [1024, 65536] : [1024] {
            let trials = everyKind(ranks: ranks, stageBytes: stageBytes)
            let digests = try onThreads(ranks: ranks, stageBytes: stageBytes) { communicator in
                try trials.map { try $0.run(on: communicator) }
            }
            // `run` has compared the values; the same bits on all ranks is what a job's replicas live on.
            for digest in digests { #expect(digest == digests[0]) }
            #expect(digests[0].count == trials.count)
        }
    }

    private func everyKind(ranks: Int, stageBytes: Int) -> [Trial] {
        var trials: [Trial] = []
        for (number, call) in Trial.Call.all(ranks: ranks).enumerated() {
            for element in Trial.Element.allCases {
                let counts = Trial.edgeCounts(call, element, ranks: ranks, stageBytes: stageBytes)
                for isInPlace in [false, true] {
                    for memory in [Trial.Memory.own, .tensors, .spans(.max), .spans(0x9c6c_35a9)] {
                        let index = (trials.count * 5 + number + ranks) % counts.count
                        // A large stage for the larger types only: plain loops over bytes take their time.
                        let count = stageBytes > 1024 && element.stride < 4 ? counts[index / 3] : counts[index]
                        trials.append(
                            Trial(
                                call, of: element, count: count, inPlace: isInPlace, in: memory,
                                seed: UInt64(trials.count)))
                    }
                }
            }
        }
        return trials
    }

    /// Every length with every call, of one type.
    @Test(arguments: [1, 2, 3, 5, 8])
    func everyLengthIsRight(ranks: Int) throws {
        let stageBytes = 4096
        var trials: [Trial] = []
        for call in Trial.Call.all(ranks: ranks) {
            for count in Trial.edgeCounts(call, .float, ranks: ranks, stageBytes: stageBytes) {
                for memory in [Trial.Memory.own, .spans(.max), .spans(0x6996)] {
                    trials.append(
                        Trial(call, count: count, inPlace: count % 2 == 0, in: memory, seed: UInt64(trials.count)))
                }
            }
        }
        let digests = try onThreads(ranks: ranks, stageBytes: stageBytes) { [trials] communicator in
            try trials.map { try $0.run(on: communicator) }
        }
        for digest in digests { #expect(digest == digests[0]) }
    }

    @Test(arguments: [2, 3, 8], [1024, 4096])
    func randomSequencesAreRight(ranks: Int, stageBytes: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        do {
            let digests = try onThreads(ranks: ranks, stageBytes: stageBytes) { communicator in
                let trials = Trial.sequence(of: 300, ranks: ranks, seed: seed, stageBytes: stageBytes)
                return try trials.map { try $0.run(on: communicator) }
            }
            for digest in digests { #expect(digest == digests[0], "seed \(seed)") }
        } catch {
            Issue.record("seed \(seed): \(error)")
        }
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
        let results = try onThreads(ranks: 3, stageBytes: 384) { communicator in
            let rank = UInt8(communicator.rank)
            var pixels = [Pixel](repeating: Pixel(red: rank, green: rank, blue: 9), count: 100)
            try communicator.broadcast(&pixels, from: 2)
            let own = [Pixel](repeating: Pixel(red: rank, green: 0, blue: 0), count: 500)
            let all = try communicator.allGather(own)
            return pixels.allSatisfy { $0.green == 2 } && all.indices.allSatisfy { Int(all[$0].red) == $0 / 500 }
        }
        #expect(results == [true, true, true])
    }

    /// The forms that allocate their results.
    @Test func arraysAreRight() throws {
        let results = try onThreads(ranks: 3) { communicator in
            let rank = communicator.rank
            var sum = [rank, rank].map { Float($0) }
            try communicator.reduce(&sum, .sum, to: 1)
            var message = [UInt16(rank)]
            if rank == 0 { try communicator.send([700] as [UInt16], to: 2) }
            if rank == 2 { try communicator.receive(&message, from: 0) }
            let gathered = try communicator.gather([UInt8(rank)], to: 2)
            let blocks = try communicator.reduceScatter([1, 2, 3] as [Int32], .sum)
            let turned = try communicator.allToAll((0..<3).map { Int8(10 * rank + $0) })
            let none: [Double] = try communicator.allGather([])
            return "\(sum) \(message) \(gathered) \(blocks) \(turned) \(none)"
        }
        #expect(
            results == [
                "[0.0, 0.0] [0] [] [3] [0, 10, 20] []", "[3.0, 3.0] [1] [] [6] [1, 11, 21] []",
                "[2.0, 2.0] [700] [0, 1, 2] [9] [2, 12, 22] []",
            ])
    }

    @Test func aSingleRankNeedsNoVariables() throws {
        let communicator = try Communicator(environment: [:])
        #expect(communicator.rank == 0)
        #expect(communicator.size == 1)
        for trial in everyKind(ranks: 1, stageBytes: 4096) { _ = try trial.run(on: communicator) }
    }
}
