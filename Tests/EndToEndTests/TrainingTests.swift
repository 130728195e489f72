import Foundation
import Platform
import Testing

/// The example and the demo, as a user runs them.
@Suite struct TrainingTests {
    private struct Report: Decodable {
        struct Epoch: Decodable {
            var loss: Double
            var accuracy: Double
        }
        var worldSize: Int
        var leaves: [String]
        var digests: [String]
        var epochs: [Epoch]
        var seconds: Double
    }

    private func train(on node: TestNode, leaves: Int) throws -> Report {
        let directory = temporaryDirectory("report")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let outcome = try node.flexmig(
            "run", "--leaves", "\(leaves)", "--", Program.digits, "--report", "\(directory)/report.json")
        #expect(outcome.exitCode == 0, "\(outcome)")
        return try JSONDecoder().decode(Report.self, from: Data(try Files.read("\(directory)/report.json")))
    }

    @Test func anyNumberOfLeavesLearnsTheSame() throws {
        let node = try TestNode()
        let one = try train(on: node, leaves: 1)
        #expect(try #require(one.epochs.last).accuracy >= 0.95)
        for leaves in [2, 4, 7] {
            let many = try train(on: node, leaves: leaves)
            #expect(many.worldSize == leaves && Set(many.leaves).count == leaves)
            #expect(many.digests.count == leaves && Set(many.digests).count == 1, "\(many.digests)")
            #expect(many.epochs.count == one.epochs.count)
            for (single, several) in zip(one.epochs, many.epochs) { #expect(abs(single.loss - several.loss) < 1e-3) }
            #expect(try #require(many.epochs.last).accuracy >= 0.95)
        }
        try node.expectClean()
        #expect(try node.contextsOpened() == 14)
    }

    /// Leaves of different sizes get batches in proportion, and still learn the same.
    @Test func unequalLeavesLearnTheSame() throws {
        let node = try TestNode("h100-80gb:1", layout: "full")
        let one = try train(on: node, leaves: 1)
        let seven = try train(on: node, leaves: 7)
        #expect(Set(seven.digests).count == 1)
        for (single, several) in zip(one.epochs, seven.epochs) { #expect(abs(single.loss - several.loss) < 1e-3) }
    }

    @Test(arguments: [1, 2, 3]) func aKilledRankEndsTheJobAndLeavesNothing(round: Int) throws {
        let node = try TestNode()
        let job = try node.start(
            ["run", "--leaves", "4", "--grace", "1", "--", Program.digits, "--epochs", "100000"])
        job.waitForOutput("epoch \(round)/")
        let supervisor = try #require(node.supervisor(of: job.process))
        let ranks = node.ranks(of: supervisor)
        #expect(ranks.count == 4)
        try ranks[round].send(.kill)
        let outcome = try job.wait()
        #expect(outcome.exitCode == 137 || outcome.exitCode == 1, "\(outcome)")
        try node.expectClean()
    }

    /// A rank that ends before it joins does not leave the others waiting for five minutes.
    @Test func aRankThatCrashesBeforeJoiningEndsTheJob() throws {
        let node = try TestNode()
        let outcome = try node.flexmig(
            "run", "--leaves", "3", "--grace", "1", "--", "sh", "-c",
            "[ $RANK = 1 ] && kill -ABRT $$; exec '\(Program.digits)' --epochs 1000")
        #expect(outcome.exitCode == 134, "\(outcome)")
        #expect(outcome.errors.contains("rank 1"))
        try node.expectClean()
    }

    /// A container's default /dev/shm has 64 MiB; this one has nothing left.
    @Test(.enabled(if: currentUser() == 0 && Files.isExecutable("/usr/bin/unshare")))
    func aFullSharedMemoryIsAClearError() throws {
        let node = try TestNode()
        let script = """
            mount -t tmpfs -o size=16k tmpfs /dev/shm || exit 99
            '\(Program.flexmig)' run --leaves 2 --grace 1 -- '\(Program.digits)'
            code=$?
            [ -z "$(ls -A /dev/shm)" ] || exit 98
            exit $code
            """
        let outcome = try Program.run(
            "/usr/bin/unshare", ["--mount", "/bin/sh", "-c", script], environment: node.environment)
        if outcome.exitCode == 99 { return }  // this container may not mount
        #expect(outcome.exitCode != 0 && outcome.exitCode != 98, "\(outcome)")
        #expect(outcome.errors.contains("/dev/shm") && outcome.errors.contains("size"), "\(outcome)")
        try node.expectClean()
    }

    @Test(arguments: ["Training on 1 leaf", "Training on 7 leaves", "Two jobs", "second  [rank 0] epoch 5/"])
    func anInterruptedDemoLeavesNothing(when: String) throws {
        let directory = temporaryDirectory("demo")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let demo = try Program.start(
            "/bin/bash", ["\(DocumentationTests.root)/scripts/demo", "--no-build", "--epochs", "40"],
            environment: ["TMPDIR": directory, "HOME": directory], group: .ownSession)
        demo.waitForOutput(when)
        // As the terminal does for Ctrl-C: the whole group.
        sendToGroup(.interrupt, of: demo.process)
        let outcome = try demo.wait()
        #expect(outcome.exitCode == 130, "\(outcome)")
        #expect(try Files.names(in: directory).isEmpty)
        let left = ProcessTable.rows().filter { row in
            !row.isZombie && ProcessTable.environment(of: row.process)?["TMPDIR"] == directory
        }
        let commands = left.map { (try? Files.readText("/proc/\($0.process)/cmdline")) ?? "" }
        #expect(left.isEmpty, "\(left) \(commands)")
    }

    @Test func theDemoRunsToItsTable() throws {
        let directory = temporaryDirectory("demo")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let outcome = try Program.start(
            "/bin/bash", ["\(DocumentationTests.root)/scripts/demo", "--no-build"],
            environment: ["TMPDIR": directory, "HOME": directory]
        ).wait(limit: .seconds(120))
        #expect(outcome.exitCode == 0, "\(outcome)")
        let table = outcome.lines.drop { !$0.hasPrefix("JOB") }.dropFirst()
        let firstLines = table.filter { $0.contains("rank 0") }.map { $0.split(separator: " ").map(String.init) }
        #expect(
            firstLines.map { Array($0.prefix(3)) } == [
                ["one", "1", "1"], ["four", "4", "1"], ["seven", "7", "1"], ["first", "4", "1"], ["second", "4", "1"],
            ])
        #expect(table.count { $0.contains("  rank ") } == 20)
        let held = outcome.lines.filter { $0.contains(" held ") }
        #expect(held.count == 8, "both jobs held their leaves at the same time")
        #expect(try Files.names(in: directory).isEmpty)
    }
}
