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
        // The same kind; and a message is told otherwise, see below.
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

    /// A message with a rank, whichever way.
    enum Message: CaseIterable {
        case sent, received, both

        func make(on communicator: Communicator, with other: Int) throws {
            let values = [Float](repeating: 1, count: 10_000)
            var room = values
            switch self {
            case .sent: try communicator.send(values, to: other)
            case .received: try communicator.receive(&room, from: other)
            case .both:
                var span = room.mutableSpan
                try communicator.sendReceive(values.span, to: other, into: &span, from: other)
            }
        }
    }

    /// Rank 1 waits for rank 0 in a message, and the others for rank 1 in a collective: that ends long before the time
    /// is up.
    @Test(arguments: AnyCall.allCases.filter { $0 != .sendReceive }, Message.allCases)
    func aMessageAndACollectiveDiffer(call: AnyCall, message: Message) {
        let world = InProcessWorld(size: 3, stageBytes: 1024)
        let beginning = ContinuousClock.now
        let outcomes = onThreads(of: world, ranks: 0..<3) { communicator in
            try communicator.barrier()
            if communicator.rank == 1 {
                try message.make(on: communicator, with: 0)
            } else {
                try call.make(on: communicator)
            }
        }
        let errors = outcomes.map(collectiveError)
        #expect(errors.map { $0?.code } == [.mismatch, .mismatch, .mismatch])
        #expect(errors.map { $0?.rank } == [1, 1, 1])
        let text = "the ranks called different collectives: rank 1 a message with rank 0 (send of 10000 Float), rank 0 "
        #expect(errors[1]?.message.hasPrefix(text) == true, "\(errors)")
        #expect(ContinuousClock.now - beginning < patient.timeout / 2)
    }

    /// What a rank sent before it went into a collective is there, however long the receiver takes to look.
    @Test func aMessageBeforeACollectiveIsNone() throws {
        let received = try onThreads(ranks: 2) { communicator in
            var values: [Int32] = [Int32](repeating: 7, count: 10_000)
            for _ in 0..<20 {
                if communicator.rank == 0 {
                    try communicator.send(values, to: 1)
                } else {
                    values[9_999] = 0
                    try communicator.receive(&values, from: 0)
                }
                try communicator.barrier()
            }
            return values[9_999]
        }
        #expect(received == [7, 7])
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
