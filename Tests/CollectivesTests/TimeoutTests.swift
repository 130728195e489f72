import Collectives
import Platform
import Testing

/// Ranks that live but don't come, as threads.
struct TimeoutTests {
    private static let limits = WaitLimits(timeout: .milliseconds(500), deathTimeout: .milliseconds(100))

    @Test(arguments: [AnyCall.barrier, .stagedAllReduce, .broadcast, .sendReceive, .split, .makeTensor, .work])
    func aRankThatNeverComesIsNamedInTime(call: AnyCall) {
        let world = InProcessWorld(size: 3, stageBytes: 1024)
        let late = Communicator(world.transport(of: 1), limits: Self.limits)
        let outcomes = onThreads(of: world, ranks: [0, 2], limits: Self.limits) { communicator in
            let beginning = ContinuousClock.now
            let error = collectiveError { try call.make(on: communicator, root: 1) }
            let time = ContinuousClock.now - beginning
            #expect(collectiveError { try communicator.barrier() } == error)
            return (error, time)
        }
        let times = outcomes.compactMap { try? $0.get().1 }
        // Who began later learns it from the other one, whose time was up. A look may come one interval late, which is
        // a fifth of the death timeout; the rest is a busy machine.
        #expect(times.max().map { $0 >= .milliseconds(500) && $0 < .milliseconds(1500) } == true, "\(times)")
        for outcome in outcomes {
            let error = try? outcome.get().0
            #expect(error?.code == .timedOut)
            #expect(error?.rank == 1)
            #expect(
                error?.message.hasPrefix("rank 1 did not come within 0.5 seconds; a larger FLEXMIG_TIMEOUT") == true)
        }
        // The late one finds that nobody is there any more.
        let error = collectiveError { try call.make(on: late, root: 1) }
        #expect(error?.code == .timedOut || error?.code == .rankLeft, "\(call): \(String(describing: error))")
    }

    /// It did not die and did not leave: the others did.
    @Test func theLateRankIsToldThatItIsLate() {
        let world = InProcessWorld(size: 2)
        let (early, late) = (
            Communicator(world.transport(of: 0), limits: Self.limits),
            Communicator(world.transport(of: 1), limits: Self.limits)
        )
        #expect(collectiveError { try early.barrier() }?.code == .timedOut)
        let error = collectiveError { try late.barrier() }
        #expect(error?.code == .timedOut)
        #expect(error?.rank == 1)
        #expect(error?.message.hasPrefix("the others gave up waiting for rank 1, which is this one; a larger") == true)
    }

    /// The wait begins anew with each step: a rank that is slow in each of many steps is not late.
    @Test func slowIsNotLate() throws {
        let world = InProcessWorld(size: 2)
        let outcomes = onThreads(of: world, ranks: 0..<2, limits: Self.limits) { communicator in
            for _ in 0..<4 {
                if communicator.rank == 1 { pause(for: .milliseconds(200)) }
                try communicator.barrier()
            }
        }
        #expect(outcomes.allSatisfy { collectiveError($0) == nil })
    }
}
