import MIGModel
import NodeAPI
import NodeService
import Testing

/// Why a job is where it is.
struct QueueExplanationTests {
    @Test func runningJobsTellTheirEnd() {
        var test = Harness()
        test.submit("a", leaves: 1) { $0.timeLimitSeconds = 60 }
        test.submit("b", leaves: 1)
        test.launch("a", "b")
        let known = test.queue.explanation(of: "a", now: 10, wall: 1010)
        #expect(known?.reasons.map(\.text) == ["It is expected to end in 50 s."])
        #expect(
            test.queue.explanation(of: "b", now: 10, wall: 1010)?.reasons.first?.text.contains("no time limit") == true)
        #expect(test.queue.explanation(of: "nobody", now: 10, wall: 1010) == nil)
    }

    @Test func waitingJobsTellAllReasonsAndTheirStart() {
        var test = Harness { $0.tenants = ["t": .init(quota: 4)] }
        test.submit("a", leaves: 4) {
            $0.timeLimitSeconds = 60
            $0.tenant = "t"
        }
        test.launch("a")
        test.submit("b", leaves: 4) { $0.timeLimitSeconds = 60 }
        test.submit("c", leaves: 4) { $0.tenant = "t" }
        let first = test.queue.explanation(of: "b", now: 10, wall: 1010)
        #expect(first?.ahead == 0 && first?.reasons.map(\.code) == ["not-enough-free"], "\(String(describing: first))")
        #expect(first?.expectedStartAt == 1060)
        let second = test.queue.explanation(of: "c", now: 10, wall: 1010)
        #expect(second?.ahead == 1 && second?.reasons.contains { $0.code == "quota" } == true)
        #expect(second?.reasons.contains { $0.code == "not-enough-free" } == true)
        #expect(second?.expectedStartAt == nil && second?.reasons.contains { $0.code == "start-unknown" } == true)
    }

    @Test func leavesOfOthersAreNamed() {
        var test = Harness()
        test.node.setUse(.foreign("flexmig run"), at: 0)
        test.node.setUse(.quarantined("Xid 63"), at: 1)
        test.turn([.node(test.node.snapshot)])
        test.submit("a", leaves: 7)
        let why = test.queue.explanation(of: "a", now: 0, wall: 0)
        for code in ["not-enough-free", "withheld", "quarantined", "foreign"] {
            #expect(why?.reasons.contains { $0.code == code } == true, "\(code) in \(String(describing: why))")
        }
        #expect(why?.expectedStartAt == nil)
    }

    @Test func jobsThatWaitApartSayWhy() throws {
        var test = Harness()
        test.submit("a", leaves: 7) { $0.retries = 1 }
        test.launch("a")
        test.end("a", JobResult(.failed, exitCode: 1, detail: "rank 0 ended with exit code 1"))
        let delayed = test.queue.explanation(of: "a", now: 0, wall: 100)
        #expect(delayed?.expectedStartAt == 101)
        #expect(delayed?.reasons.map(\.code) == ["failed-before", "after-failure"])

        var other = Harness()
        other.submit("first", leaves: 7)
        other.launch("first")
        other.submit("parked", leaves: 7)
        var snapshot = other.node.snapshot
        snapshot.gpus[0].instances.removeLast()
        other.turn([.node(snapshot)])
        #expect(other.queue.explanation(of: "parked", now: 0, wall: 0)?.reasons.map(\.code) == ["no-such-leaves"])
    }
}
