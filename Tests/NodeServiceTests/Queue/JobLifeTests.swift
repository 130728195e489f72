import MIGModel
import NodeAPI
import NodeService
import Testing

/// Every state's answer to every event.
struct JobLifeTests {
    static let leaf = PlacedLeaf(gpu: 0, profile: "1g.5gb", profileID: 19, placement: .init(start: 0, size: 1))
    static let results: [(word: String, result: JobResult)] = [
        ("ok", JobResult(.succeeded, exitCode: 0)), ("failed", JobResult(.failed, exitCode: 3, detail: "rank 0")),
        ("late", JobResult(.timedOut, exitCode: 124)), ("faulted", JobResult(.leafFaulted, detail: "Xid 63")),
        ("lost", JobResult(.lost, detail: "the machine went down")),
    ]

    static var events: [(word: String, event: JobLife.Event)] {
        [
            ("chosen", .chosen([leaf], expectedSeconds: 5)), ("started", .started([leaf], supervisor: 9)),
            ("taken", .couldNotStart(StartFailure(.taken, detail: "flexmig run has it"))),
            ("cut", .couldNotStart(StartFailure(.cut, detail: "no"))),
            ("node", .couldNotStart(StartFailure(.node, detail: "no process"))),
            ("program", .couldNotStart(StartFailure(.program, detail: "no such program", exitCode: 127))),
            ("cancel", .cancel), ("fault", .fault("Xid 63")),
        ] + results.map { ($0.word, .ended($0.result)) }
    }

    /// The states, with `ending` once for each cause and before and after the start was told.
    static func life(_ state: String, retries: Int) -> JobLife {
        var progress = JobProgress()
        switch state {
        case "queued": break
        case "starting": progress.state = .starting
        case "running": progress.state = .running
        case "ending-cancelled", "ending-fault": progress.state = .ending
        case "early-cancelled", "early-fault": progress.state = .ending
        default: progress.state = JobState(rawValue: state) ?? .queued
        }
        if state.hasSuffix("-cancelled") { progress.endCause = .cancelled }
        if state.hasSuffix("-fault") { progress.endCause = .fault("Xid 63") }
        if state == "running" || state.hasPrefix("ending") {
            progress.supervisor = 9
            progress.attempts = 1
        }
        return JobLife(progress: progress, retries: retries)
    }

    static let table = """
        queued: chosen>starting cancel>cancelled
        starting: started>running taken>queued cut>queued node>queued+wait program>failed cancel>ending fault>ending \
        ok>succeeded failed>queued+wait late>timed-out faulted>queued lost>queued
        running: cancel>ending fault>ending ok>succeeded failed>queued+wait late>timed-out faulted>queued lost>queued
        ending-cancelled: ok>cancelled failed>cancelled late>cancelled faulted>cancelled lost>cancelled
        ending-fault: cancel>ending ok>succeeded failed>queued late>timed-out faulted>queued lost>queued
        early-cancelled: started>ending taken>cancelled cut>cancelled node>cancelled program>cancelled \
        ok>cancelled failed>cancelled late>cancelled faulted>cancelled lost>cancelled
        early-fault: started>ending taken>queued cut>queued node>queued+wait program>failed cancel>ending \
        ok>succeeded failed>queued late>timed-out faulted>queued lost>queued
        succeeded:
        failed:
        cancelled:
        timed-out:
        """

    @Test(arguments: table.split(separator: "\n").map(String.init))
    func everyStateAnswersEveryEvent(_ row: String) throws {
        let colon = try #require(row.firstIndex(of: ":"))
        let state = String(row[..<colon])
        var expected: [String: String] = [:]
        for pair in row[row.index(after: colon)...].split(separator: " ") {
            let parts = pair.split(separator: ">")
            expected[String(parts[0])] = String(parts[1])
        }
        for (word, event) in Self.events {
            var life = Self.life(state, retries: 1)
            let before = life
            let effect = life.handle(event, now: Moment(queue: 10, wall: 1010))
            guard let wanted = expected.removeValue(forKey: word) else {
                #expect(effect == .none && life == before, "\(state) and \(word): \(effect)")
                continue
            }
            let wait = effect == .backInLine(afterFailure: true) ? "+wait" : ""
            #expect(life.progress.state.rawValue + wait == wanted, "\(state) and \(word)")
            #expect(effect != .none, "\(state) and \(word)")
            switch life.progress.state {
            case .queued: #expect(effect == .backInLine(afterFailure: wait != "") && life.progress.supervisor == nil)
            case .succeeded, .failed, .cancelled, .timedOut:
                #expect(effect == (state == "queued" ? .leavesLine : .over))
                #expect(
                    life.progress.endedAt != nil && life.progress.endCause == nil && life.progress.supervisor == nil)
            case .ending: #expect(life.progress.endCause != nil)
            case .starting, .running: #expect(effect == .changed)
            }
        }
        #expect(expected.isEmpty, "events that no list has: \(expected)")
    }

    /// A job with n retries is started at most n + 1 times; a start that came to nothing is none.
    @Test(arguments: [0, 1, 3])
    func retries(_ retries: Int) {
        var life = JobLife(progress: JobProgress(), retries: retries)
        let now = Moment(queue: 0, wall: 0)
        for attempt in 1...(retries + 1) {
            for _ in 0..<3 {
                _ = life.handle(.chosen([Self.leaf], expectedSeconds: nil), now: now)
                _ = life.handle(.couldNotStart(StartFailure(.taken, detail: "x")), now: now)
            }
            #expect(life.progress.failedStarts == 3)
            _ = life.handle(.chosen([Self.leaf], expectedSeconds: nil), now: now)
            _ = life.handle(.started([Self.leaf], supervisor: 1), now: now)
            #expect(life.progress.attempts == attempt && life.progress.failedStarts == 0)
            let effect = life.handle(.ended(JobResult(.failed, exitCode: 1)), now: now)
            #expect(effect == (attempt <= retries ? .backInLine(afterFailure: true) : .over))
        }
        #expect(life.progress.state == .failed && life.progress.exitCode == 1)
    }
}
