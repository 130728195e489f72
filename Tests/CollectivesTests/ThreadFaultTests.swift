import Collectives
import Platform
import Testing

/// What ranks see of each other's faults, with ranks as threads.
struct ThreadFaultTests {
    @Test func differentCollectivesAreAnErrorOnAllRanks() {
        let world = InProcessWorld(size: 3, slotBytes: 1024)
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

    /// What rank 1 calls instead of rank 0's all-reduce (sum) of 2 Float.
    enum Deviation: CaseIterable {
        case count, noElements, type, reduction, call

        func make(on communicator: Communicator) throws {
            var floats: [Float] = self == .count ? [1] : self == .noElements ? [] : [1, 2]
            var integers: [Int32] = [1, 2]
            switch self {
            case .count, .noElements: try communicator.allReduce(&floats, .sum)
            case .type: try communicator.allReduce(&integers, .sum)
            case .reduction: try communicator.allReduce(&floats, .mean)
            case .call: try communicator.barrier()
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

    @Test func differentRootsAreAnError() {
        let outcomes = onThreads(of: InProcessWorld(size: 2), ranks: 0..<2) { communicator in
            var values: [Float] = [1, 2]
            try communicator.broadcast(&values, from: communicator.rank)
        }
        #expect(outcomes.map { collectiveError($0)?.code } == [.mismatch, .mismatch])
    }

    @Test func wrongArgumentsSendNothing() throws {
        let sums = try onThreads(ranks: 2) { communicator in
            if communicator.rank == 0 {
                var small: [Float] = [0]
                var span = small.mutableSpan
                let values: [Float] = [1, 2]
                #expect(throws: CollectiveError.self) { try communicator.allReduce(values.span, into: &span, .sum) }
                #expect(throws: CollectiveError.self) { try communicator.allGather(values.span, into: &span) }
                for root in [-1, 2] {
                    #expect(throws: CollectiveError.self) { try communicator.broadcast(&span, from: root) }
                }
            }
            var values: [Float] = [1, 2]
            try communicator.allReduce(&values, .sum)
            return values
        }
        #expect(sums == [[2, 4], [2, 4]])
    }

    @Test func aDeadRankIsAnErrorOnAllOthers() {
        let world = InProcessWorld(size: 4)
        world.declareDead(2)
        let outcomes = onThreads(of: world, ranks: [0, 1, 3]) { try $0.barrier() }
        for outcome in outcomes {
            #expect(collectiveError(outcome)?.code == .rankDied)
            #expect(collectiveError(outcome)?.rank == 2)
        }
    }

    @Test func aRankThatClosedIsAnErrorOnAllOthers() {
        let outcomes = onThreads(of: InProcessWorld(size: 3), ranks: 0..<3) { communicator in
            try communicator.barrier()
            if communicator.rank != 1 { try communicator.barrier() }
        }
        for rank in [0, 2] {
            #expect(collectiveError(outcomes[rank])?.code == .rankLeft)
            #expect(collectiveError(outcomes[rank])?.rank == 1)
        }
        #expect(collectiveError(outcomes[1]) == nil)
    }

    @Test func theLastStepIsSafeFromThoseWhoLeave() throws {
        for _ in 0..<200 {
            let sums = try onThreads(ranks: 3) { communicator in
                var values = [Double](repeating: 1, count: 128)
                try communicator.allReduce(&values, .sum)
                communicator.close()
                return values == [Double](repeating: 3, count: 128)
            }
            #expect(sums == [true, true, true])
        }
    }

    @Test func whoeverComesLateLearnsTheFirstCause() {
        let world = InProcessWorld(size: 3)
        let ranks = (0..<3).map { Communicator(world.transport(of: $0)) }
        ranks[2].close()
        // Rank 0 gives up because of rank 2, and goes as well; rank 1 sees two that have gone.
        for rank in [0, 1] {
            let error = collectiveError(Result { try ranks[rank].barrier() })
            #expect(error?.code == .rankLeft)
            #expect(error?.rank == 2)
            ranks[rank].close()
            world.declareDead(rank)
        }
    }

    /// A transport on which rank 1 comes, leaves and dies exactly while rank 0 asks whether it lives: after rank 0 saw
    /// it missing, before it gets the answer.
    private final class LastMoment: Transport {
        let world: InProcessWorld
        let own: any Transport
        let other: Communicator
        var askings = 0

        init(_ world: InProcessWorld) {
            self.world = world
            own = world.transport(of: 0)
            other = Communicator(world.transport(of: 1))
        }

        var name: String { own.name }
        var rank: Int { own.rank }
        var region: Region { own.region }

        func isAlive(_ rank: Int) throws(SystemError) -> Bool {
            askings += 1
            // Rank 0 has published its step, so rank 1's barrier does not wait.
            if askings == 1 { #expect(throws: Never.self) { try other.barrier() } }
            other.close()
            world.declareDead(1)
            return try own.isAlive(rank)
        }
    }

    @Test func aStepIsCompleteEvenIfARankDiedRightAfterIt() throws {
        let transport = LastMoment(InProcessWorld(size: 2))
        let communicator = Communicator(transport)
        try communicator.barrier()
        #expect(transport.askings == 1)
        let error = collectiveError(Result { try communicator.barrier() })
        #expect(error?.code == .rankLeft)
        #expect(error?.rank == 1)
    }

    /// A transport that can't tell who lives.
    private final class Blind: Transport {
        let own: any Transport
        init(_ own: any Transport) { self.own = own }
        var name: String { own.name }
        var rank: Int { own.rank }
        var region: Region { own.region }
        func isAlive(_ rank: Int) throws(SystemError) -> Bool { throw SystemError(call: "fcntl", code: 37) }
    }

    @Test func aRankThatGivesUpIsAnErrorOnTheOthers() throws {
        let world = InProcessWorld(size: 2)
        let blind = Communicator(Blind(world.transport(of: 0)))
        let other = Communicator(world.transport(of: 1))
        let own = collectiveError(Result { try blind.barrier() })
        #expect(own?.code == .system)
        #expect(own?.cause?.code == 37)
        // Rank 0 had come to the first barrier, but comes to no other, and has not closed.
        try other.barrier()
        let seen = collectiveError(Result { try other.barrier() })
        #expect(seen?.code == .rankLeft)
        #expect(seen?.rank == 0)
    }

    @Test func anErrorStays() {
        let outcomes = onThreads(of: InProcessWorld(size: 2), ranks: 0..<2) { communicator -> [CollectiveError?] in
            if communicator.rank == 1 { return [] }
            var errors: [CollectiveError?] = []
            for _ in 0..<3 {
                errors.append(collectiveError(Result { try communicator.barrier() }))
                if errors.count == 2 { communicator.close() }
            }
            return errors
        }
        guard case .success(let errors) = outcomes[0] else { return #expect(Bool(false)) }
        #expect(errors[0]?.code == .rankLeft)
        #expect(errors == [errors[0], errors[0], errors[0]])
    }

    @Test func aClosedCommunicatorSaysSo() throws {
        let communicator = try Communicator(environment: [:])
        communicator.close()
        communicator.close()
        #expect(collectiveError(Result { try communicator.barrier() })?.code == .closed)
    }
}
