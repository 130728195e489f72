import Collectives
import Testing

/// Ranks that call different collectives, as threads.
struct MismatchTests {
    @Test func differentCollectivesAreAnErrorOnAllRanks() {
        let world = InProcessWorld(size: 3, stageBytes: 1024)
        let outcomes = onThreads(of: world, ranks: 0..<3) { communicator in
            var values: [Float] = [1, 2, 3]
            if communicator.rank == 1 {
                try communicator.broadcast(&values, from: 2)
            } else {
                try communicator.allReduce(&values, .sum)
            }
        }
        for outcome in outcomes {
            #expect(collectiveError(outcome)?.code == .mismatch)
            #expect(collectiveError(outcome)?.rank == 1)
            #expect(
                collectiveError(outcome)?.message
                    == "the ranks called different collectives: rank 0 all-reduce (sum) of 3 Float, "
                    + "rank 1 broadcast of 3 Float from rank 2")
        }
    }

    /// Every pair of calls, whichever has more steps.
    @Test(arguments: AnyCall.allCases)
    func everyCallDiffersFromEveryOther(call: AnyCall) {
        // The same kind, and a message, which is no collective: its partner would wait in vain.
        let alike: [Set<AnyCall>] = [[.stagedAllReduce, .work]]
        for other in AnyCall.allCases where other != call && other != .sendReceive && call != .sendReceive {
            if alike.contains(where: { $0.contains(call) && $0.contains(other) }) { continue }
            let world = InProcessWorld(size: 2, stageBytes: 1024)
            let outcomes = onThreads(of: world, ranks: 0..<2) { communicator in
                try (communicator.rank == 0 ? call : other).make(on: communicator)
            }
            let errors = outcomes.map(collectiveError)
            #expect(errors.map { $0?.code } == [.mismatch, .mismatch], "\(call) and \(other)")
            #expect(errors.map { $0?.rank } == [1, 1])
            #expect(errors[0] == errors[1])
        }
    }

    /// What rank 1 calls instead of rank 0's all-reduce (sum) of 2 Float.
    enum Deviation: CaseIterable {
        case count, noElements, type, sameStride, reduction, call, ownMemory

        func make(on communicator: Communicator) throws {
            var floats: [Float] = self == .count ? [1] : self == .noElements ? [] : [1, 2]
            var integers: [Int64] = [1, 2]
            var words: [UInt32] = [1, 2]
            switch self {
            case .count, .noElements: try communicator.allReduce(&floats, .sum)
            case .type: try communicator.allReduce(&integers, .sum)
            case .sameStride: try communicator.allReduce(&words, .sum)
            case .reduction: try communicator.allReduce(&floats, .mean)
            case .call: try communicator.barrier()
            case .ownMemory: _ = try communicator.makeTensor(of: Float.self, count: 2)
            }
        }
    }

    @Test(arguments: Deviation.allCases)
    func everyDifferenceCounts(deviation: Deviation) {
        let outcomes = onThreads(of: InProcessWorld(size: 2), ranks: 0..<2) { communicator in
            if communicator.rank == 1 { return try deviation.make(on: communicator) }
            var values: [Float] = [1, 2]
            try communicator.allReduce(&values, .sum)
        }
        #expect(outcomes.map { collectiveError($0)?.code } == [.mismatch, .mismatch])
    }

    @Test(arguments: [AnyCall.broadcast, .reduce, .gather, .scatter])
    func differentRootsAreAnError(call: AnyCall) {
        let outcomes = onThreads(of: InProcessWorld(size: 3, stageBytes: 1024), ranks: 0..<3) { communicator in
            try call.make(on: communicator, root: communicator.rank == 2 ? 1 : 0)
        }
        for outcome in outcomes {
            #expect(collectiveError(outcome)?.code == .mismatch)
            #expect(collectiveError(outcome)?.rank == 2)
        }
    }
}
