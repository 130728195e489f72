import Foundation
import Platform
import Testing

@Suite struct RunTests {
    @Test func everyRankKnowsItsPlace() throws {
        let node = try TestNode()
        let names = [
            "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "FLEXMIG_LOCAL_RANK", "FLEXMIG_LOCAL_WORLD_SIZE",
            "FLEXMIG_RANK_SHARE", "MASTER_ADDR",
        ]
        let script = names.map { "echo \($0)=$\($0)" }.joined(separator: "; ")
        let outcome = try node.flexmig("run", "--leaves", "4", "--", "sh", "-c", script)
        #expect(outcome.exitCode == 0, "\(outcome)")
        for rank in 0..<4 {
            let expected = [
                "RANK=\(rank)", "WORLD_SIZE=4", "LOCAL_RANK=0", "LOCAL_WORLD_SIZE=1", "FLEXMIG_LOCAL_RANK=\(rank)",
                "FLEXMIG_LOCAL_WORLD_SIZE=4", "FLEXMIG_RANK_SHARE=0.250000", "MASTER_ADDR=127.0.0.1",
            ]
            for line in expected { #expect(outcome.lines.contains("[rank \(rank)] \(line)")) }
        }
        try node.expectClean()
    }

    @Test func leavesAreDistinctAndTheNodes() throws {
        let node = try TestNode()
        let outcome = try node.flexmig(
            "run", "--leaves", "14", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES $FLEXMIG_JOB_ID $MASTER_PORT")
        let fields = outcome.lines.map { $0.split(separator: " ").map(String.init) }
        let leaves = Set(fields.compactMap { $0.dropFirst(2).first })
        #expect(leaves == Set(try node.list().leaves.map(\.uuid)))
        // All ranks agree on the job and the port.
        #expect(Set(fields.map { $0.suffix(2) }).count == 1)
    }

    /// What every CUDA program does: use device number LOCAL_RANK of those it sees.
    @Test(arguments: [("device", true), ("node", false)])
    func localRankIsADeviceOfTheRank(style: String, fits: Bool) throws {
        let node = try TestNode()
        let script = """
            set -- $(echo $CUDA_VISIBLE_DEVICES | tr , ' ')
            [ "$LOCAL_RANK" -lt $# ] && [ "$LOCAL_RANK" -lt "$LOCAL_WORLD_SIZE" ] && exit 0
            [ "$LOCAL_RANK" = "$FLEXMIG_LOCAL_RANK" ] && [ "$LOCAL_WORLD_SIZE" = 3 ] && exit 9
            """
        let outcome = try node.flexmig("run", "--leaves", "3", "--local-rank", style, "--", "sh", "-c", script)
        #expect(outcome.exitCode == (fits ? 0 : 9), "\(outcome)")
    }

    @Test func sharesFollowTheLeaves() throws {
        // A fat leaf of an H100 has 26 SMs, a thin one 16.
        let node = try TestNode("h100-80gb:1", layout: "full")
        let outcome = try node.flexmig("run", "--leaves", "7", "--", "sh", "-c", "echo $FLEXMIG_RANK_SHARE")
        let shares = outcome.lines.compactMap { Double($0.split(separator: " ").last ?? "") }
        #expect(abs(shares.reduce(0, +) - 1) < 1e-4)
        #expect(Set(shares.map { ($0 * 122).rounded() }) == [16, 26])
    }

    @Test func outputCanGoToFiles() throws {
        let node = try TestNode()
        let directory = temporaryDirectory("logs") + "/new/deep"
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--output-dir", directory, "--", "sh", "-c", "echo out $RANK; echo err >&2")
        #expect(outcome.exitCode == 0)
        #expect(outcome.output.isEmpty)
        #expect(try Files.readText("\(directory)/rank-0.log") == "out 0\nerr\n")
        #expect(try Files.readText("\(directory)/rank-1.log") == "out 1\nerr\n")
    }

    @Test func standardErrorStaysApart() throws {
        let node = try TestNode()
        let outcome = try node.flexmig("run", "--leaves", "2", "--", "sh", "-c", "echo out; echo err >&2")
        #expect(outcome.lines.sorted() == ["[rank 0] out", "[rank 1] out"])
        #expect(outcome.errors.split(separator: "\n").sorted() == ["[rank 0] err", "[rank 1] err"])
    }

    @Test func muchOutputArrivesWhole() throws {
        let node = try TestNode()
        let outcome = try node.flexmig("run", "--leaves", "3", "--", "seq", "1", "20000")
        for rank in 0..<3 {
            let numbers = outcome.lines.filter { $0.hasPrefix("[rank \(rank)] ") }.compactMap { Int($0.dropFirst(9)) }
            #expect(numbers == Array(1...20000))
        }
    }

    @Test func theFirstFailingRankGivesTheExitCode() throws {
        let node = try TestNode()
        let outcome = try node.flexmig(
            "run", "--leaves", "4", "--grace", "1", "--", Program.jobRank, "--failing-rank", "2", "--exit-code", "7",
            "--seconds", "0.1")
        #expect(outcome.exitCode == 7, "\(outcome)")
        #expect(outcome.errors.contains("rank 2"))
        try node.expectClean()
    }

    @Test func aRankKilledBySignalIsToldAsAShellWould() throws {
        let node = try TestNode()
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--", "sh", "-c", "[ $RANK = 1 ] && kill -SEGV $$; exit 0")
        #expect(outcome.exitCode == 139, "\(outcome)")
        #expect(outcome.errors.contains("SIGSEGV"))
    }

    @Test func theTimeLimitEndsTheJob() throws {
        let node = try TestNode()
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--timeout", "0.3s", "--grace", "1", "--", Program.jobRank, "--seconds", "60")
        #expect(outcome.exitCode == 124, "\(outcome)")
        #expect(outcome.errors.contains("time limit"))
        try node.expectClean()
    }

    @Test(arguments: [(Signal.interrupt, 130), (.terminate, 143), (.hangUp, 129), (.quit, 131)])
    func endingSignalsEndTheJob(signal: Signal, exitCode: Int) throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 2, "--seconds", "60")
        try job.process.send(signal)
        #expect(try job.wait().exitCode == exitCode)
        try node.expectClean()
    }

    @Test func aSecondInterruptDoesNotWaitForTheGrace() throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 2, options: ["--grace", "600"], "--seconds", "600", "--stubborn")
        try job.process.send(.interrupt)
        let start = ContinuousClock.now
        // Until the first has been taken in, a second one of the same kind is the same one.
        while try pollAgain(job) {}
        #expect(ContinuousClock.now - start < .seconds(30))
        try node.expectClean()

        func pollAgain(_ job: RunningProgram) throws -> Bool {
            if pollEnd(of: job.process) != nil { return false }
            try job.process.send(.interrupt)
            pause(for: .milliseconds(20))
            return ContinuousClock.now - start < .seconds(30)
        }
    }

    @Test func otherSignalsArePassedOn() throws {
        let node = try TestNode()
        let script = "trap 'echo got; exit 0' USR1; echo ready; while :; do sleep 0.05; done"
        let job = try node.start(["run", "--leaves", "2", "--", "sh", "-c", script])
        job.waitForOutput("[rank 0] ready")
        job.waitForOutput("[rank 1] ready")
        try job.process.send(.user1)
        let outcome = try job.wait()
        #expect(outcome.exitCode == 0, "\(outcome)")
        #expect(outcome.output.contains("[rank 0] got") && outcome.output.contains("[rank 1] got"))
    }

    @Test func aClosedOutputEndsTheJob() throws {
        let node = try TestNode()
        let outcome = try Program.run(
            "/bin/sh", ["-c", "'\(Program.flexmig)' run --leaves 2 --grace 1 -- yes | head -n 3"],
            environment: node.environment)
        #expect(outcome.lines.count == 3)
        try node.expectClean()
    }

    @Test(arguments: [
        ("no leaves", ["--leaves", "0"], ["true"], 64, "at least 1"),
        ("minus one", ["--leaves", "-1"], ["true"], 64, "at least 1"),
        ("a billion", ["--leaves", "1000000000"], ["true"], 69, "this node has 14"),
        ("not a number", ["--leaves", "four"], ["true"], 64, "four"),
        ("no command", ["--leaves", "1"], [], 64, "after --"),
        ("a command that is not there", ["--leaves", "1"], ["nosuchcommand"], 127, "does not exist"),
        ("a file that can't be executed", ["--leaves", "1"], ["/etc/passwd"], 126, "chmod"),
        ("fat leaves on a thin node", ["--leaves", "1", "--leaf-type", "fat"], ["true"], 69, "--leaf-type"),
        ("too much memory", ["--leaves", "1", "--leaf-memory", "9GiB"], ["true"], 69, "--leaf-memory"),
        ("an amount without unit", ["--leaves", "1", "--leaf-memory", "9"], ["true"], 64, "--leaf-memory"),
        ("torchrun behind env", ["--leaves", "2"], ["env", "A=1", "torchrun", "train.py"], 64, "flexmig exec"),
        ("a directory as command", ["--leaves", "1"], ["/tmp"], 126, "is a directory"),
        (
            "an output directory that is a file", ["--leaves", "1", "--output-dir", "/etc/passwd"], ["true"], 64,
            "not a directory"
        ),
        ("no time at all", ["--leaves", "1", "--timeout", "0"], ["true"], 64, "more than 0"),
        ("torchrun", ["--leaves", "2"], ["torchrun", "--nproc-per-node", "2", "train.py"], 64, "flexmig exec"),
        (
            "an output directory below a file", ["--leaves", "1", "--output-dir", "/etc/passwd/x"], ["true"], 77,
            "/etc/passwd"
        ),
    ])
    func badRequestsAreAnswered(
        word: String, options: [String], command: [String], exitCode: Int, message: String
    ) throws {
        let node = try TestNode()
        let outcome = try node.start(["run"] + options + (command.isEmpty ? [] : ["--"] + command)).wait()
        #expect(outcome.exitCode == exitCode, "\(word): \(outcome)")
        #expect(outcome.errors.contains(message), "\(word): \(outcome)")
        try node.expectClean()
    }

    @Test func spreadAndPackChooseGPUs() throws {
        let node = try TestNode()
        for (flag, gpus) in [("--pack", 1), ("--spread", 2)] {
            let outcome = try node.flexmig("run", "--leaves", "4", flag, "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
            let used = Set(outcome.lines.compactMap { $0.split(separator: " ").last.map(String.init) })
            let touched = Set(try node.list().leaves.filter { used.contains($0.uuid) }.map(\.gpu))
            #expect(touched.count == gpus, "\(flag): \(touched)")
        }
    }
}
