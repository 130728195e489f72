import Platform
import SimulatedDriver
import Testing

@Suite struct LeaseTests {
    /// Whom to kill -9, and what the caller of `flexmig run` then sees.
    @Test(arguments: [
        ("the launcher", 137), ("the supervisor", 137), ("a rank", 137), ("launcher and supervisor", 137),
    ])
    func nothingIsLeftAfterKill(victim: String, exitCode: Int) throws {
        let node = try TestNode()
        let job = try node.startJob(
            leaves: 3, "--seconds", "600", "--children", "2", "--orphans", "--children-in-own-session", "--stubborn")
        let supervisor = try #require(node.supervisor(of: job.process))
        #expect(try node.list().leaves.count { $0.state == "held" } == 3)
        switch victim {
        case "the launcher": try job.process.send(.kill)
        case "the supervisor": try supervisor.send(.kill)
        case "a rank": try #require(node.ranks(of: supervisor).first).send(.kill)
        default:
            try job.process.send(.kill)
            try supervisor.send(.kill)
        }
        #expect(try job.wait().exitCode == exitCode)
        if victim == "launcher and supervisor" {
            // Nobody is left to clean up; the leaves are not free until the next command has done it.
            #expect(try node.list().leaves.count { $0.state == "orphaned" } == 3)
            let next = try node.flexmig("run", "--leaves", "14", "--", "true")
            #expect(next.exitCode == 0, "\(next)")
            #expect(next.errors.contains("cleaned up after job"))
        }
        try node.expectClean()
        #expect(try node.contextsOpened() == 3)
    }

    /// A job that has ended keeps its leaves until the last process is gone, whatever sort of daemon it has become.
    @Test(arguments: [
        ("plain", [String]()), ("with a session of their own", ["--children-in-own-session"]),
        ("orphaned", ["--orphans"]), ("orphaned and stubborn", ["--orphans", "--stubborn"]),
    ])
    func childrenAreEnded(word: String, options: [String]) throws {
        let node = try TestNode()
        let job = try node.start(
            ["run", "--leaves", "2", "--grace", "1", "--", Program.jobRank, "--children", "2"] + options)
        let outcome = try job.wait()
        #expect(outcome.exitCode == 0, "\(word): \(outcome)")
        // Here and now, not some time later: `flexmig run` answers when the leases are gone.
        #expect(node.processes().isEmpty, "\(word)")
        #expect(try node.list().leaves.allSatisfy { $0.state == "free" })
        try node.expectClean()
    }

    @Test func twoJobsNeverShareALeaf() throws {
        let node = try TestNode()
        let first = try node.startJob(leaves: 7, "--seconds", "1")
        let second = try node.startJob(leaves: 7, "--seconds", "1")
        let leaves = try node.list().leaves
        #expect(leaves.allSatisfy { $0.state == "held" && $0.holder?.processes.count == 1 })
        #expect(Set(leaves.compactMap { $0.holder?.job }).count == 2)
        #expect(try first.wait().exitCode == 0)
        #expect(try second.wait().exitCode == 0)
        try node.expectClean()
        #expect(try node.contextsOpened() == 14)
    }

    @Test func aShortageNamesNumbersAndHolders() throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 10, "--seconds", "600")
        let refused = try node.flexmig("run", "--leaves", "5", "--", "true")
        #expect(refused.exitCode == 75)
        #expect(refused.errors.contains("4 of 14 suitable ones are free"), "\(refused)")
        #expect(refused.errors.contains("10 leaves: job j"), "\(refused)")
        #expect(refused.errors.contains(Program.jobRank), "\(refused)")
        #expect(refused.errors.contains("--wait"), "\(refused)")
        let waiting = try node.start(["run", "--leaves", "5", "--wait", "--", "echo", "at last"])
        waiting.waitForOutput("waiting for 5 leaves")
        try job.process.send(.terminate)
        _ = try job.wait()
        let outcome = try waiting.wait()
        #expect(outcome.exitCode == 0 && outcome.lines.count == 5, "\(outcome)")
        try node.expectClean()
    }

    @Test func interruptWhileWaitingLeavesNothing() throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 14, "--seconds", "600")
        let waiting = try node.start(["run", "--leaves", "1", "--wait", "--", "true"])
        waiting.waitForOutput("waiting for 1 leaves")
        try waiting.process.send(.interrupt)
        #expect(try waiting.wait().exitCode == 130)
        try job.process.send(.terminate)
        _ = try job.wait()
        try node.expectClean()
    }

    /// The lease alone does not make a leaf free: the driver must show nobody on it.
    @Test func aLeafWithAForeignProcessIsNotHandedOut() throws {
        let node = try TestNode()
        let leaf = try #require(try node.list().leaves.first)
        let foreign = try Program.start(
            Program.jobRank, ["--seconds", "600", "--say-ready"],
            environment: [SimulatedNode.environmentVariable: node.directory, "CUDA_VISIBLE_DEVICES": leaf.uuid])
        foreign.waitForOutput("ready")
        let shown = try #require(try node.list().leaves.first)
        #expect(shown.state == "busy" && shown.holder?.processes == [foreign.process.rawValue])
        let refused = try node.flexmig("run", "--leaves", "14", "--", "true")
        #expect(refused.exitCode == 75 && refused.errors.contains("process \(foreign.process)"), "\(refused)")
        let fewer = try node.flexmig("run", "--leaves", "13", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
        #expect(fewer.exitCode == 0 && !fewer.output.contains(leaf.uuid), "\(fewer)")
        try foreign.process.send(.kill)
        _ = try foreign.wait()
        try node.expectClean()
    }

    /// The environment alone makes no process of a leaf: only a context does.
    @Test func theEnvironmentAloneDoesNotCount() throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 1, "--seconds", "600", "--without-context")
        let held = try #require(try node.list().leaves.first { $0.state == "held" })
        #expect(held.holder?.processes == [])
        try job.process.send(.terminate)
        _ = try job.wait()
        try node.expectClean()
    }
}
