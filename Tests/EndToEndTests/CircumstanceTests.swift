import Foundation
import Platform
import Testing

/// Jobs under circumstances that their users did not choose: closed descriptors, ignored signals, stopped processes,
/// full disks, readers that do not read.
@Suite struct CircumstanceTests {
    private func shell(_ script: String, on node: TestNode) throws -> RunningProgram {
        try Program.start(
            "/bin/bash", ["-c", script], environment: node.environment.merging(["F": Program.flexmig]) { $1 })
    }

    /// What is printed must never land in a lease file that got number 1 or 2.
    @Test(arguments: ["1>&-", "2>&-", "0<&- 1>&- 2>&-"])
    func closedDescriptorsHarmNobody(closing: String) throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 7, "--seconds", "600")
        let before = try leaseTexts(of: node)
        #expect(before.count == 7)
        #expect(try shell("\"$F\" node list \(closing)", on: node).wait().exitCode == 0)
        #expect(try shell("\"$F\" run --leaves 2 \(closing) -- echo hello", on: node).wait().exitCode == 0)
        #expect(try leaseTexts(of: node).filter { before.keys.contains($0.key) } == before)
        try job.process.send(.terminate)
        _ = try job.wait()
        try node.expectClean()
    }

    private func leaseTexts(of node: TestNode) throws -> [String: String] {
        var texts: [String: String] = [:]
        for name in try Files.names(in: "\(node.directory)/ledger") where name.hasSuffix(".lease") {
            let text = try Files.readText("\(node.directory)/ledger/\(name)")
            if !text.isEmpty { texts[name] = text }
        }
        return texts
    }

    @Test func anIgnoredChildSignalDoesNotHang() throws {
        let node = try TestNode()
        let script = """
            import os, signal, sys
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            os.execv(sys.argv[1], ["flexmig", "run", "--leaves", "1", "--", "sh", "-c", "exit 5"])
            """
        let python = try ChildProcess.locate("python3", path: Environment.value("PATH"))
        let outcome = try Program.run(python, ["-c", script, Program.flexmig], environment: node.environment)
        #expect(outcome.exitCode == 5, "\(outcome)")
        try node.expectClean()
    }

    @Test func aSignalThatTheParentIgnoresStaysIgnored() throws {
        let node = try TestNode()
        let job = try shell("trap '' HUP; exec \"$F\" run --leaves 1 -- sh -c 'echo ready; sleep 0.5'", on: node)
        job.waitForOutput("ready")
        try job.process.send(.hangUp)
        #expect(try job.wait().exitCode == 0)
    }

    /// Bytes that are no text reach the program as they are.
    @Test func bytesPassThrough() throws {
        let node = try TestNode()
        let script = """
            export ODD=$'\\xff\\xfe' MARK=$'\\xcc\\xb8x' PRIVATE=$'\\xf4\\x8f\\xbe\\x80'
            "$F" run --leaves 1 -- sh -c 'printf "%s|%s|%s|%s" "$0" "$ODD" "$MARK" "$PRIVATE" | od -An -tx1' $'a\\xffb'
            """
        let outcome = try shell(script, on: node).wait()
        let bytes = outcome.output.replacing("[rank 0]", with: "").split { $0 == " " || $0 == "\n" }.joined(
            separator: " ")
        #expect(bytes == "61 ff 62 7c ff fe 7c cc b8 78 7c f4 8f be 80", "\(outcome)")
    }

    /// A reader that does not read keeps the output waiting, not the leaves.
    @Test func leasesDoNotWaitForTheReader() throws {
        let node = try TestNode()
        let job = try shell(
            "\"$F\" run --leaves 7 -- sh -c 'seq 1 400000; exit 3' | { read first; sleep 600 & echo $! >\"$FLEXMIG_NODE_DIRECTORY/sleeper\"; wait; }",
            on: node)
        // The job can't end before its pipes are read, so it is ended; then nobody holds a leaf any more.
        #expect(eventually(within: .seconds(20)) { (try? node.list().leaves.count { $0.state == "held" }) == 7 })
        let launcher = try #require(
            ProcessTable.rows().first { row in
                row.parent == job.process
                    && (try? Files.readText("/proc/\(row.process)/cmdline"))?.contains("run") == true
            })
        try launcher.send(.terminate)
        #expect(
            eventually(within: .seconds(20)) { (try? node.list().leaves.allSatisfy { $0.state == "free" }) == true })
        let sleeper = try Files.readText("\(node.directory)/sleeper").filter(\.isNumber)
        try ProcessID(rawValue: try #require(CInt(sleeper))).send(.kill)
        _ = try job.wait()
    }

    /// The verdict goes the same way as the output, and does not hold the leaves either.
    @Test func leasesDoNotWaitForTheReaderOfErrors() throws {
        let node = try TestNode()
        let job = try shell(
            "{ \"$F\" run --leaves 7 --grace 1 --timeout 0.5s -- yes 2>&1; echo $? >&2; } | { read first; echo ready >&2; exec sleep 600; }",
            on: node)
        job.waitForOutput("ready")
        #expect(
            eventually(within: .seconds(20)) { (try? node.list().leaves.allSatisfy { $0.state == "free" }) == true })
        #expect(pollEnd(of: job.process) == nil)
        sendToGroup(.kill, of: job.process)
        _ = try job.wait()
        try node.expectClean()
    }

    @Test func aFullDiskIsTold() throws {
        let node = try TestNode()
        let job = try shell("\"$F\" run --leaves 2 --grace 1 -- sh -c 'echo hi; sleep 600' >/dev/full", on: node).wait()
        #expect(job.exitCode == 74 && job.errors.contains("No space left"), "\(job)")
        for _ in 0..<8 {
            let short = try shell("\"$F\" run --leaves 1 -- echo hi >/dev/full", on: node).wait()
            #expect(short.exitCode == 74 && short.errors.contains("No space left"), "\(short)")
        }
        let list = try shell("\"$F\" node list >/dev/full", on: node).wait()
        #expect(list.exitCode == 74 && list.errors.contains("No space left"), "\(list)")
        try node.expectClean()
    }

    @Test func aStoppedSupervisorCanStillBeEnded() throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 2, "--seconds", "600")
        try #require(node.supervisor(of: job.process)).send(.stop)
        let ended = eventually(within: .seconds(30)) {
            // Again and again, as somebody at a terminal would.
            try? job.process.send(.terminate)
            pause(for: .milliseconds(50))
            return ProcessTable.row(of: job.process)?.isZombie ?? true
        }
        #expect(ended)
        _ = try job.wait()
        try node.expectClean()
    }

    @Test func ctrlZStopsTheRanksToo() throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 2, "--seconds", "2")
        let supervisor = try #require(node.supervisor(of: job.process))
        let all = node.ranks(of: supervisor) + [job.process]
        try job.process.send(.terminalStop)
        #expect(eventually(within: .seconds(10)) { all.allSatisfy { ProcessTable.row(of: $0)?.state == "T" } })
        try job.process.send(.continue)
        #expect(try job.wait().exitCode == 0)
        try node.expectClean()
    }

    @Test func aSupervisorKilledAtOnceIsNoMystery() throws {
        let node = try TestNode()
        for _ in 0..<10 {
            let job = try node.start(["run", "--leaves", "2", "--", "sleep", "0.2"])
            _ = eventually(within: .seconds(5)) {
                guard let supervisor = node.supervisor(of: job.process) else { return pollIsOver(job) }
                try? supervisor.send(.kill)
                return true
            }
            let outcome = try job.wait()
            #expect([0, 137].contains(outcome.exitCode) && !outcome.errors.contains("Broken pipe"), "\(outcome)")
        }
        try node.expectClean()

        func pollIsOver(_ job: RunningProgram) -> Bool { ProcessTable.row(of: job.process)?.isZombie ?? true }
    }

    @Test func aRankThatCannotBeStartedIsToldAtOnce() throws {
        let node = try TestNode()
        let directory = temporaryDirectory("logs")
        try Files.makeDirectories("\(directory)/rank-1.log")
        let start = ContinuousClock.now
        let outcome = try node.flexmig("run", "--leaves", "2", "--output-dir", directory, "--grace", "60", "--", "true")
        #expect(outcome.exitCode == 71 && outcome.errors.contains("rank 1 could not be started"), "\(outcome)")
        // Not the grace: rank 0 ends by itself.
        #expect(ContinuousClock.now - start < .seconds(40))
        try node.expectClean()
    }

    /// Somebody else's left-over processes can't be seen by everybody, so not everybody may clean up.
    @Test(.enabled(if: currentUser() == 0 && Files.isExecutable("/usr/bin/setpriv")))
    func anotherUserDoesNotCleanUp() throws {
        let node = try TestNode()
        let job = try node.startJob(
            leaves: 3, "--seconds", "600", "--children", "1", "--orphans", "--children-in-own-session")
        let supervisor = try #require(node.supervisor(of: job.process))
        try job.process.send(.kill)
        try supervisor.send(.kill)
        _ = try job.wait()
        _ = try Program.run("/bin/chmod", ["-R", "a+rwX", node.directory])
        let outcome = try Program.run(
            "/usr/bin/setpriv",
            [
                "--reuid", "65534", "--regid", "65534", "--clear-groups", Program.flexmig, "run", "--leaves", "4", "--",
                "true",
            ],
            environment: node.environment.merging(["HOME": "/tmp"]) { $1 })
        if outcome.errors.contains("failed to execute") { return }  // the build lies where only root can look
        #expect(!outcome.errors.contains("cleaned up"), "\(outcome)")
        #expect(try node.list().leaves.count { $0.state == "orphaned" } == 3)
        #expect(try node.flexmig("run", "--leaves", "14", "--", "true").errors.contains("cleaned up after job"))
        try node.expectClean()
    }

    @Test func aCommandCannotWriteOnOthersTerminals() throws {
        let node = try TestNode()
        let job = try node.start([
            "run", "--leaves", "14", "--", "sh", "-c", "echo ready; sleep 600 # \u{1b}[31m\u{7}\nred",
        ])
        job.waitForOutput("ready")
        let refused = try node.flexmig("run", "--leaves", "1", "--", "true")
        #expect(refused.exitCode == 75)
        #expect(!refused.errors.contains("\u{1b}") && !refused.errors.contains("\u{7}"), "\(refused)")
        try job.process.send(.terminate)
        _ = try job.wait()
    }
}
