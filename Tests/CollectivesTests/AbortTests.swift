import Collectives
import Platform
import Testing

/// Communicators that a program ends from outside, with ranks as threads.
struct AbortTests {
    /// The others look every 20 milliseconds.
    private static let limits = WaitLimits(timeout: .seconds(30), deathTimeout: .milliseconds(100))

    private func expectAborted(_ error: CollectiveError?, by rank: Int, _ location: SourceLocation = #_sourceLocation) {
        #expect(error?.code == .aborted, sourceLocation: location)
        #expect(error?.rank == rank, sourceLocation: location)
        #expect(error?.message.hasPrefix("rank \(rank) aborted the communicator (threads, in ") == true)
    }

    /// Ranks 0 and 1 wait for rank 2, which lives and never comes. The delays are about as long as they spin, yield and
    /// sleep, so that the abort meets them in each; a rank may also not wait yet.
    @Test(arguments: AnyCall.allCases)
    func anAbortEndsWaiting(call: AnyCall) throws {
        for delay in [0, 10, 30, 100, 500, 1500, 5000, 20_000] {
            let world = InProcessWorld(size: 3, stageBytes: 1024)
            let outcomes = onThreads(of: world, ranks: 0..<2, limits: Self.limits) { communicator in
                if communicator.rank == 0 {
                    let abortSwitch = communicator.abortSwitch
                    try startThread {
                        let beginning = ContinuousClock.now
                        while ContinuousClock.now - beginning < .microseconds(delay) { relaxProcessor() }
                        abortSwitch.abort()
                    }
                }
                let beginning = ContinuousClock.now
                defer { #expect(ContinuousClock.now - beginning < .seconds(1)) }
                try call.make(on: communicator, root: 2)
            }
            for outcome in outcomes { expectAborted(collectiveError(outcome), by: 0) }
        }
    }

    /// Rank 1 aborts. Rank 0 has seen it come to the barrier and waits for rank 2, which has not closed and comes only
    /// afterwards: both learn the cause.
    @Test func allRanksLearnWhoAborted() {
        let world = InProcessWorld(size: 3)
        let limits = WaitLimits(timeout: .seconds(5))
        let late = Communicator(world.transport(of: 2), limits: limits)
        let errors = onThreads(of: world, ranks: 0..<2, limits: limits) { communicator in
            if communicator.rank == 1 {
                let abortSwitch = communicator.abortSwitch
                try startThread {
                    pause(for: .milliseconds(100))
                    abortSwitch.abort()
                }
            }
            let beginning = ContinuousClock.now
            let error = collectiveError { try communicator.barrier() }
            #expect(ContinuousClock.now - beginning < .milliseconds(1100))
            return error
        }
        for error in errors { expectAborted(try? error.get(), by: 1) }
        expectAborted(collectiveError { try late.barrier() }, by: 1)
    }

    @Test(arguments: AnyCall.allCases)
    func afterAnAbortEveryCallFails(call: AnyCall) {
        let world = InProcessWorld(size: 2, stageBytes: 1024)
        let outcomes = onThreads(of: world, ranks: 0..<2) { communicator in
            if communicator.rank == 1 { communicator.abortSwitch.abort() }
            return [
                collectiveError { try call.make(on: communicator) }, collectiveError { try communicator.barrier() },
            ]
        }
        for outcome in outcomes {
            guard case .success(let errors) = outcome else { continue }
            for error in errors { expectAborted(error, by: 1) }
            #expect(errors[0] == errors[1])
        }
    }

    /// Also a rank that would not have to wait.
    @Test func anAbortedRankDoesNotTakePartAnyMore() {
        let world = InProcessWorld(size: 2)
        let (first, second) = (Communicator(world.transport(of: 0)), Communicator(world.transport(of: 1)))
        let waiting = collectiveError {
            let work = try first.start { communicator throws(CollectiveError) in try communicator.barrier() }
            second.abortSwitch.abort()
            expectAborted(collectiveError { try second.barrier() }, by: 1)
            try work.wait()
        }
        expectAborted(waiting, by: 1)
    }

    @Test(arguments: AnyCall.allCases)
    func aSingleRankCanAbort(call: AnyCall) throws {
        let communicator = try Communicator(environment: [:])
        communicator.abortSwitch.abort()
        #expect(collectiveError { try call.make(on: communicator) }?.code == .aborted)
    }

    @Test func abortingAClosedCommunicatorDoesNothing() throws {
        let world = InProcessWorld(size: 2)
        let abortSwitch = Communicator(world.transport(of: 0)).abortSwitch
        let other = Communicator(world.transport(of: 1))
        abortSwitch.abort()
        abortSwitch.abort()
        #expect(collectiveError { try other.barrier() }?.code == .rankLeft)
    }

    /// From many threads at once, while the ranks are at work.
    @Test func abortsRaceWithCallsAndEachOther() {
        for round in 0..<30 {
            let world = InProcessWorld(size: 3, stageBytes: 1024)
            let outcomes = onThreads(of: world, ranks: 0..<3, limits: Self.limits) { communicator in
                let abortSwitch = communicator.abortSwitch
                for number in 0..<1000 {
                    if number == round * 10 { for _ in 0..<3 { try startThread { abortSwitch.abort() } } }
                    try AnyCall.stagedAllReduce.make(on: communicator)
                }
            }
            let errors = outcomes.map(collectiveError)
            #expect(errors.allSatisfy { $0?.code == .aborted }, "\(errors)")
        }
    }
}
