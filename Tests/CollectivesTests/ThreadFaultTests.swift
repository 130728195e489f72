import Collectives
import Platform
import Testing

/// What ranks see of each other's ends, with ranks as threads.
struct ThreadFaultTests {
    /// Short, so that no test waits long; the others look every 20 milliseconds.
    private static let limits = WaitLimits(timeout: .seconds(30), deathTimeout: .milliseconds(100))

    /// Expects the error on ranks 0 and 2 of 3, that it stays, and that the rank can close nevertheless.
    private func expectFault(
        _ code: CollectiveError.Code, of call: AnyCall, _ victim: @escaping @Sendable (InProcessWorld) -> Void
    ) {
        let world = InProcessWorld(size: 3, stageBytes: 1024)
        victim(world)
        let outcomes = onThreads(of: world, ranks: [0, 2], limits: Self.limits) { communicator in
            let begin = ContinuousClock.now
            let first = collectiveError { try call.make(on: communicator, root: 1) }
            #expect(ContinuousClock.now - begin < .seconds(10), "\(call)")
            for next in AnyCall.allCases {
                #expect(collectiveError { try next.make(on: communicator) } == first, "\(next) after \(call)")
            }
            communicator.close()
            #expect(collectiveError { try communicator.barrier() } == first)
            return first
        }
        for outcome in outcomes {
            let error = try? outcome.get()
            #expect(error?.code == code, "\(call)")
            #expect(error?.rank == 1, "\(call)")
            #expect(error?.message.contains("rank 1 ") == true && error?.message.contains("(threads, in ") == true)
        }
    }

    @Test(arguments: AnyCall.allCases)
    func aDeadRankIsAnErrorOnAllOthers(call: AnyCall) {
        expectFault(.rankDied, of: call) { $0.declareDead(1) }
    }

    @Test(arguments: AnyCall.allCases)
    func aRankThatClosedIsAnErrorOnAllOthers(call: AnyCall) {
        expectFault(.rankLeft, of: call) { Communicator($0.transport(of: 1)).close() }
    }

    /// After the first of two steps, so that the others are in the middle of their call: rank 1 takes part in the step
    /// that an all-reduce begins with, and in nothing more.
    @Test func aRankThatGoesInTheMiddleIsAnErrorOnAllOthers() throws {
        let world = InProcessWorld(size: 3, stageBytes: 4096)
        let outcomes = onThreads(of: world, ranks: 0..<3, limits: Self.limits) { communicator in
            if communicator.rank == 1 {
                _ = try communicator.makeTensor(of: Float.self, count: 10)
                return
            }
            _ = try communicator.makeTensor(of: Float.self, count: 10)
            var values = [Float](repeating: 1, count: 50_000)
            try communicator.allReduce(&values, .sum)
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
            let error = collectiveError { try ranks[rank].barrier() }
            #expect(error?.code == .rankLeft)
            #expect(error?.rank == 2)
            ranks[rank].close()
            world.declareDead(rank)
        }
    }

    /// What a rank says before another one waits for it is heard when that one falls asleep, and not at its next look: that
    /// comes after a minute here.
    @Test(arguments: [AnyCall.barrier, .stagedAllReduce, .sendReceive], [CollectiveError.Code.rankLeft, .aborted])
    func aFarewellIsHeardWithoutALook(call: AnyCall, farewell: CollectiveError.Code) {
        let limits = WaitLimits(timeout: .seconds(300), deathTimeout: .seconds(300))
        let world = InProcessWorld(size: 2, stageBytes: 1024)
        let other = Communicator(world.transport(of: 1), limits: limits)
        if farewell == .aborted { other.abortSwitch.abort() } else { other.close() }
        let beginning = ContinuousClock.now
        let error = collectiveError { try call.make(on: Communicator(world.transport(of: 0), limits: limits)) }
        #expect(ContinuousClock.now - beginning < .seconds(20))
        #expect(error?.code == farewell)
        #expect(error?.rank == 1)
    }

    /// Rank 1 comes, leaves and dies exactly while rank 0 asks whether it lives: after rank 0 saw it missing, before it
    /// gets the answer.
    @Test func aStepIsCompleteEvenIfARankDiedRightAfterIt() throws {
        let world = InProcessWorld(size: 2)
        let other = Communicator(world.transport(of: 1))
        var askings = 0
        let transport = HookedTransport(world.transport(of: 0)) { _ in
            askings += 1
            // Rank 0 has published its step, so rank 1's barrier does not wait.
            if askings == 1 { #expect(throws: Never.self) { try other.barrier() } }
            other.close()
            world.declareDead(1)
        }
        let communicator = Communicator(transport)
        try communicator.barrier()
        #expect(askings == 1)
        let error = collectiveError { try communicator.barrier() }
        #expect(error?.code == .rankLeft)
        #expect(error?.rank == 1)
    }

    @Test func aRankThatGivesUpIsAnErrorOnTheOthers() throws {
        let world = InProcessWorld(size: 2)
        let blind = Communicator(
            HookedTransport(world.transport(of: 0)) { _ throws(SystemError) in
                throw SystemError(call: "fcntl", code: 37)
            })
        let other = Communicator(world.transport(of: 1))
        let own = collectiveError { try blind.barrier() }
        #expect(own?.code == .system)
        #expect(own?.cause?.code == 37)
        // Rank 0 had come to the barrier, but has given up in it, and has not closed.
        let seen = collectiveError { try other.barrier() }
        #expect(seen?.code == .rankLeft)
        #expect(seen?.rank == 0)
    }

    @Test(arguments: [1, 2])
    func aClosedCommunicatorSaysSo(ranks: Int) {
        let communicator = Communicator(InProcessWorld(size: ranks).transport(of: 0))
        communicator.close()
        communicator.close()
        for call in AnyCall.allCases {
            #expect(collectiveError { try call.make(on: communicator) }?.code == .closed, "\(call)")
        }
    }
}
