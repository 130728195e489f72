import Launcher
import Platform
import Testing

/// When a job's supervisor must act although nothing happens.
struct SupervisorDeadlineTests {
    static let start = ContinuousClock.now
    static func after(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    private func job(timeLimit: Duration? = nil, grace: Duration = .seconds(10)) -> SupervisorState {
        SupervisorState(ranks: 1, timeLimit: timeLimit, grace: grace, now: Self.start)
    }

    @Test func runsForEverWithoutLimit() {
        #expect(job().deadline == nil)
    }

    @Test func runsAsLongAsItMay() {
        #expect(job(timeLimit: .seconds(90)).deadline == Self.after(90_000))
    }

    /// The grace begins with the end of the job, and nothing that happens in it makes it longer.
    @Test func graceIsNeverPutOff() {
        var state = job(timeLimit: .seconds(90))
        _ = state.handle(.rankEnded(rank: 0, .exited(code: 1)), at: Self.after(5000))
        #expect(state.deadline == Self.after(15_000))
        let harmless: [SupervisorState.Event] = [
            .signal(.user1), .rankEnded(rank: 0, .exited(code: 0)), .outputClosed, .leavesBusy("x"), .leavesEmpty,
            .startFailed(exitCode: 71),
        ]
        for event in harmless {
            _ = state.handle(event, at: Self.after(9000))
            #expect(state.deadline == Self.after(15_000), "\(event)")
        }
    }

    @Test func graceOfNothingKillsAtOnce() {
        var state = job(grace: .zero)
        _ = state.handle(.signal(.terminate), at: Self.after(10))
        #expect(state.deadline == Self.after(10))
        #expect(state.handle(.deadline, at: Self.after(10)) == [.signalDescendants(.kill)])
    }

    /// A descendant may fork just as it is killed, so KILL is sent until none is left.
    @Test func killIsRepeated() {
        var state = job()
        _ = state.handle(.signal(.terminate), at: Self.start)
        for milliseconds in [10_000, 10_020, 10_040] {
            #expect(state.handle(.deadline, at: Self.after(milliseconds)) == [.signalDescendants(.kill)])
            #expect(state.deadline == Self.after(milliseconds + 20))
        }
    }

    @Test func leavesAreAskedAgainUntilTheyAreEmpty() {
        var state = job()
        _ = state.handle(.rankEnded(rank: 0, .exited(code: 0)), at: Self.start)
        #expect(state.handle(.noDescendants, at: Self.after(1)) == [.report(.finished), .checkLeaves])
        #expect(state.deadline == nil)
        for milliseconds in [10, 60, 110] {
            #expect(state.handle(.leavesBusy("process 7 is there"), at: Self.after(milliseconds)) == [])
            #expect(state.deadline == Self.after(milliseconds + 50))
            #expect(state.handle(.deadline, at: Self.after(milliseconds + 50)) == [.checkLeaves])
            #expect(state.deadline == nil)
        }
        #expect(state.handle(.leavesEmpty, at: Self.after(200)) == [.release(exitCode: 0)])
        #expect(state.deadline == nil)
    }

    /// After three seconds the user is told once why the leases stay.
    @Test func busyLeavesAreToldOnce() {
        var state = job()
        _ = state.handle(.rankEnded(rank: 0, .exited(code: 0)), at: Self.start)
        _ = state.handle(.noDescendants, at: Self.start)
        #expect(state.handle(.leavesBusy("process 7 is there"), at: Self.after(2999)) == [])
        #expect(
            state.handle(.leavesBusy("process 7 is there"), at: Self.after(3000)) == [
                .say("the job has ended, but process 7 is there; its leases are kept until that ends")
            ])
        #expect(state.handle(.leavesBusy("process 7 is there"), at: Self.after(9000)) == [])
        #expect(state.deadline == Self.after(9050))
    }
}
