import Launcher
import Platform
import Testing

/// Every event in every phase: what it leads to and what is to be done.
struct SupervisorStateTests {
    typealias State = SupervisorState
    static let start = ContinuousClock.now
    static let grace = Duration.seconds(10)
    /// Why the job of the table ends.
    static let why = JobEnding.outputClosed

    enum Stage: String, CaseIterable, Sendable {
        case running, ending, killing, emptying, over
    }

    /// A job of two ranks in a phase; the first rank has ended well.
    static func state(_ stage: Stage) -> State {
        var state = State(ranks: 2, timeLimit: .seconds(60), grace: grace, now: start)
        _ = state.handle(.rankEnded(rank: 0, .exited(code: 0)), at: start)
        let way: [State.Event] = [.outputClosed, .deadline, .noDescendants, .leavesEmpty]
        for event in way.prefix(Stage.allCases.firstIndex(of: stage) ?? 0) { _ = state.handle(event, at: start) }
        return state
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let stage: Stage
        let word: String
        let event: State.Event
        let actions: [State.Action]
        let next: State.Phase

        init(_ stage: Stage, _ word: String, _ event: State.Event, _ actions: [State.Action], _ next: State.Phase) {
            self.stage = stage
            self.word = word
            self.event = event
            self.actions = actions
            self.next = next
        }
        var testDescription: String { "\(word) while \(stage.rawValue)" }
    }

    static let failed = ProcessEnd.exited(code: 3)
    static let emptying = State.Phase.emptying(why, since: start, said: false)
    static let kill: [State.Action] = [.signalDescendants(.kill)]
    static let term: [State.Action] = [.signalDescendants(.terminate)]

    static let running: [Row] = [
        Row(.running, "last rank ends well", .rankEnded(rank: 1, .exited(code: 0)), term, .ending(.finished)),
        Row(.running, "known rank ends again", .rankEnded(rank: 0, .exited(code: 0)), [], .running),
        Row(.running, "rank fails", .rankEnded(rank: 1, failed), term, .ending(.rankFailed(rank: 1, failed))),
        Row(
            .running, "rank is killed", .rankEnded(rank: 1, .signalled(.kill)), term,
            .ending(.rankFailed(rank: 1, .signalled(.kill)))),
        Row(.running, "start fails", .startFailed(exitCode: 71), term, .ending(.startFailed(exitCode: 71))),
        Row(.running, "INT", .signal(.interrupt), [.forward(.interrupt)], .ending(.signalled(.interrupt))),
        Row(.running, "TERM", .signal(.terminate), term, .ending(.signalled(.terminate))),
        Row(.running, "HUP", .signal(.hangUp), [.forward(.hangUp)], .ending(.signalled(.hangUp))),
        Row(.running, "QUIT", .signal(.quit), [.forward(.quit)], .ending(.signalled(.quit))),
        Row(.running, "USR1", .signal(.user1), [.forward(.user1)], .running),
        Row(.running, "CONT", .signal(.continue), [.forward(.continue)], .running),
        Row(.running, "caller goes", .parentGone, term, .ending(.parentGone)),
        Row(.running, "output closes", .outputClosed, term, .ending(.outputClosed)),
        Row(.running, "time is up", .deadline, term, .ending(.timedOut)),
        Row(.running, "nothing is left", .noDescendants, term, .ending(.finished)),
        Row(.running, "leaves empty", .leavesEmpty, [], .running),
        Row(.running, "leaves busy", .leavesBusy("x"), [], .running),
    ]

    static let ending: [Row] = [
        Row(.ending, "last rank ends well", .rankEnded(rank: 1, .exited(code: 0)), term, .ending(why)),
        Row(.ending, "last rank fails", .rankEnded(rank: 1, failed), term, .ending(why)),
        Row(.ending, "start fails", .startFailed(exitCode: 71), [], .ending(why)),
        Row(.ending, "INT", .signal(.interrupt), kill, .killing(why)),
        Row(.ending, "TERM", .signal(.terminate), kill, .killing(why)),
        Row(.ending, "USR2", .signal(.user2), [.forward(.user2)], .ending(why)),
        Row(.ending, "caller goes", .parentGone, kill, .killing(why)),
        Row(.ending, "output closes", .outputClosed, [], .ending(why)),
        Row(.ending, "time is up", .deadline, kill, .killing(why)),
        Row(.ending, "nothing is left", .noDescendants, [.report(why), .checkLeaves], emptying),
        Row(.ending, "leaves empty", .leavesEmpty, [], .ending(why)),
        Row(.ending, "leaves busy", .leavesBusy("x"), [], .ending(why)),
    ]

    static let killing: [Row] = [
        Row(.killing, "last rank ends", .rankEnded(rank: 1, .signalled(.kill)), [], .killing(why)),
        Row(.killing, "start fails", .startFailed(exitCode: 71), [], .killing(why)),
        Row(.killing, "INT", .signal(.interrupt), [], .killing(why)),
        Row(.killing, "USR1", .signal(.user1), [], .killing(why)),
        Row(.killing, "caller goes", .parentGone, [], .killing(why)),
        Row(.killing, "output closes", .outputClosed, [], .killing(why)),
        Row(.killing, "time is up", .deadline, kill, .killing(why)),
        Row(.killing, "nothing is left", .noDescendants, [.report(why), .checkLeaves], emptying),
        Row(.killing, "leaves empty", .leavesEmpty, [], .killing(why)),
        Row(.killing, "leaves busy", .leavesBusy("x"), [], .killing(why)),
    ]

    static let afterwards: [Row] = [
        Row(.emptying, "rank ends", .rankEnded(rank: 1, failed), [], emptying),
        Row(.emptying, "start fails", .startFailed(exitCode: 71), [], emptying),
        Row(.emptying, "INT", .signal(.interrupt), [], emptying),
        Row(.emptying, "USR1", .signal(.user1), [], emptying),
        Row(.emptying, "caller goes", .parentGone, [], emptying),
        Row(.emptying, "output closes", .outputClosed, [], emptying),
        Row(.emptying, "time is up", .deadline, [.checkLeaves], emptying),
        Row(.emptying, "nothing is left", .noDescendants, [], emptying),
        Row(.emptying, "leaves empty", .leavesEmpty, [.release(exitCode: why.exitCode)], .over),
        Row(.emptying, "leaves busy", .leavesBusy("x"), [], emptying),
        Row(.over, "rank ends", .rankEnded(rank: 1, failed), [], .over),
        Row(.over, "start fails", .startFailed(exitCode: 71), [], .over),
        Row(.over, "INT", .signal(.interrupt), [], .over),
        Row(.over, "USR1", .signal(.user1), [], .over),
        Row(.over, "caller goes", .parentGone, [], .over),
        Row(.over, "output closes", .outputClosed, [], .over),
        Row(.over, "time is up", .deadline, [], .over),
        Row(.over, "nothing is left", .noDescendants, [], .over),
        Row(.over, "leaves empty", .leavesEmpty, [], .over),
        Row(.over, "leaves busy", .leavesBusy("x"), [], .over),
    ]

    @Test(arguments: running + ending + killing + afterwards)
    func leadsTo(row: Row) {
        var state = Self.state(row.stage)
        #expect(state.handle(row.event, at: Self.start) == row.actions)
        #expect(state.phase == row.next)
    }

    /// A rank that ends well leaves the others alone.
    @Test func runsUntilTheLastRankEnds() {
        var state = State(ranks: 3, timeLimit: nil, grace: Self.grace, now: Self.start)
        #expect(state.handle(.rankEnded(rank: 2, .exited(code: 0)), at: Self.start) == [])
        #expect(state.handle(.rankEnded(rank: 0, .exited(code: 0)), at: Self.start) == [])
        #expect(state.phase == .running)
        #expect(state.handle(.rankEnded(rank: 1, .exited(code: 0)), at: Self.start) == Self.term)
        #expect(state.phase == .ending(.finished))
    }

    /// What comes after the first failure changes neither the reason nor the exit code.
    @Test func firstFailureCounts() {
        var state = State(ranks: 2, timeLimit: nil, grace: Self.grace, now: Self.start)
        _ = state.handle(.rankEnded(rank: 1, .exited(code: 5)), at: Self.start)
        _ = state.handle(.rankEnded(rank: 0, .exited(code: 9)), at: Self.start)
        _ = state.handle(.signal(.interrupt), at: Self.start)
        #expect(
            state.handle(.noDescendants, at: Self.start)
                == [.report(.rankFailed(rank: 1, .exited(code: 5))), .checkLeaves])
        #expect(state.handle(.leavesEmpty, at: Self.start) == [.release(exitCode: 5)])
    }

    @Test(arguments: [
        ("all well", JobEnding.finished, 0),
        ("rank's own code", .rankFailed(rank: 0, .exited(code: 7)), 7),
        ("rank killed", .rankFailed(rank: 0, .signalled(.kill)), 137),
        ("interrupted", .signalled(.interrupt), 130),
        ("terminated", .signalled(.terminate), 143),
        ("time limit", .timedOut, 124),
        ("caller gone", .parentGone, 129),
        ("output closed", .outputClosed, 141),
        ("not started", .startFailed(exitCode: 71), 71),
    ])
    func exitCode(what: String, ending: JobEnding, code: Int) {
        #expect(ending.exitCode == code, "\(what)")
    }
}
