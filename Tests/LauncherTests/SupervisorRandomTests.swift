import Launcher
import Platform
import TestSupport
import Testing

/// Whatever happens in whatever order, a job's end keeps its promises.
struct SupervisorRandomTests {
    private static let ranks = 3
    private static let grace = Duration.seconds(10)

    private func randomEvent(using random: inout SplitMix) -> SupervisorState.Event {
        let ends: [ProcessEnd] = [.exited(code: 0), .exited(code: 0), .exited(code: 4), .signalled(.kill)]
        let signals: [Signal] = [.interrupt, .terminate, .hangUp, .quit, .user1, .user2, .continue]
        return switch Int.random(in: 0..<12, using: &random) {
        case 0...2:
            .rankEnded(rank: .random(in: 0..<Self.ranks, using: &random), ends[.random(in: 0..<4, using: &random)])
        case 3: .startFailed(exitCode: 71)
        case 4, 5: .signal(signals[.random(in: 0..<signals.count, using: &random)])
        case 6: .parentGone
        case 7: .outputClosed
        case 8: .deadline
        case 9: .noDescendants
        case 10: .leavesEmpty
        default: .leavesBusy("somebody is there")
        }
    }

    /// The order in which phases come.
    private func number(_ phase: SupervisorState.Phase) -> Int {
        switch phase {
        case .running: 0
        case .ending: 1
        case .killing: 2
        case .emptying: 3
        case .over: 4
        }
    }

    /// Events as they come, also such as can't come then, until the job is over; what was seen on the way.
    @Test func keepsItsPromises() {
        var random = SplitMix(seed: 20_511)
        let seed = random.seed
        for round in 0..<3000 {
            let comment = Comment(rawValue: "seed \(seed), round \(round)")
            var now = ContinuousClock.now
            var state = SupervisorState(
                ranks: Self.ranks, timeLimit: Bool.random(using: &random) ? .seconds(30) : nil, grace: Self.grace,
                now: now)
            var endsBy: ContinuousClock.Instant?
            var reported: JobEnding?
            var released = 0
            var hasNoDescendants = false
            // Then what must come in the end comes, in this order.
            let last: [SupervisorState.Event] = [.parentGone, .noDescendants, .leavesEmpty, .leavesEmpty]
            let events = (0..<Int.random(in: 0..<30, using: &random)).map { _ in randomEvent(using: &random) } + last
            for event in events {
                now += .milliseconds(Int.random(in: 0...4000, using: &random))
                let before = state.phase
                let actions = state.handle(event, at: now)
                #expect(number(state.phase) >= number(before), comment)
                if event == .noDescendants, number(before) > 0 { hasNoDescendants = true }

                if case .ending = state.phase {
                    endsBy = endsBy ?? now + Self.grace
                    // KILL is due no later than the grace after the end began, however often something happens.
                    #expect(state.deadline.map { deadline in endsBy.map { deadline <= $0 } ?? false } ?? false, comment)
                }
                if case .ending = before, event == .deadline {
                    #expect(actions == [.signalDescendants(.kill)], comment)
                }
                if case .killing = state.phase { #expect(state.deadline != nil, comment) }
                for action in actions {
                    switch action {
                    case .report(let ending):
                        #expect(reported == nil, comment)
                        #expect(hasNoDescendants, comment)
                        reported = ending
                    case .release(let code):
                        released += 1
                        #expect(event == .leavesEmpty && hasNoDescendants, comment)
                        #expect(code == reported?.exitCode, comment)
                        #expect(state.phase == .over, comment)
                    case .signalDescendants, .forward:
                        #expect(reported == nil, comment)
                    case .checkLeaves, .say: break
                    }
                }
                if case .over = before { #expect(actions.isEmpty && state.deadline == nil, comment) }
            }
            #expect(state.phase == .over, comment)
            #expect(released == 1, comment)
        }
    }

    /// A job whose ranks ignore everything, under a supervisor that only keeps its deadlines: it is killed in time.
    @Test(arguments: [
        ("rank failed", SupervisorState.Event.rankEnded(rank: 0, .exited(code: 1))), ("caller gone", .parentGone),
        ("interrupted", .signal(.interrupt)), ("start failed", .startFailed(exitCode: 71)),
    ])
    func isKilledInTime(what: String, first: SupervisorState.Event) throws {
        let start = ContinuousClock.now
        var state = SupervisorState(ranks: 2, timeLimit: nil, grace: Self.grace, now: start)
        _ = state.handle(first, at: start)
        let deadline = try #require(state.deadline)
        #expect(deadline == start + Self.grace)
        #expect(state.handle(.deadline, at: deadline) == [.signalDescendants(.kill)], "\(what)")
    }
}
