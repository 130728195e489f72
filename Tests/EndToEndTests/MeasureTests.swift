import Foundation
import Platform
import Spanning
import TestSupport
import Testing

@Suite struct MeasureTests {
    private func file(_ path: String) throws -> SpanningFile {
        try JSONDecoder().decode(SpanningFile.self, from: Data(try Files.read(path)))
    }

    /// A real training program on one leaf and on two, with the markers that it prints.
    @Test func aTrainingProgram() throws {
        let node = try TestNode()
        let directory = try TemporaryDirectory().path
        let output = "\(directory)/spanning.json"
        let outcome = try node.flexmig(
            "measure", "--leaves", "2,1", "--rounds", "2", "--output", output, "--", Program.digits, "--epochs", "1")
        #expect(outcome.exitCode == 0 && outcome.output.contains("written to \(output)"), "\(outcome)")
        let measured = try #require(try file(output).measurements.first)
        #expect(try file(output).problem == nil)
        #expect(
            measured.model == "digits-training" && measured.leafProfile == "1g.5gb"
                && measured.evidence == "simulated driver")
        #expect(measured.source == .marker && measured.work == .counted && measured.gpu.contains("A100"))
        // The engine itself was seen, and no NCCL.
        #expect(measured.runtime == "flexmig" && measured.route == nil)
        #expect(measured.points.map(\.leaves) == [1, 2] && measured.points[0].relativeSpeed == 1)
        for point in measured.points {
            #expect(point.runSeconds.count == 2 && point.steps > 10 && point.communicationSource == .marker)
            #expect(point.p10Seconds <= point.stepSeconds && point.communicationShare != nil)
        }
        // A second program joins the first one's file.
        let again = try node.flexmig(
            "measure", "--leaves", "1,2", "--rounds", "1", "--output", output, "--json", "--", "true")
        #expect(again.exitCode == 0, "\(again)")
        #expect(try file(output).measurements.map(\.model) == ["digits-training", "true"])
        let whole = try JSONDecoder().decode(SpanningMeasurement.self, from: Data(again.output.utf8))
        #expect(whole.source == .wall && whole.work == .fixed && whole.points[1].communicationSource == .notKnown)
        try node.expectClean()
    }

    /// A program that could use NCCL, and does not: a route was prepared for it, and that is all that is said.
    @Test func aRouteIsNoRuntime() throws {
        let node = try TestNode()
        let directory = try TemporaryDirectory().path
        let torch = try FakeTorch(in: "\(directory)/venv", nccl: "2.29.7")
        let outcome = try node.flexmig(
            "measure", "--leaves", "1,2", "--rounds", "1", "--output", "\(directory)/s.json", "--runtime",
            "nccl-socket",
            "--", torch.python, "-c", "true")
        #expect(outcome.exitCode == 0 && outcome.output.contains(", route nccl-socket"), "\(outcome)")
        let measured = try #require(try file("\(directory)/s.json").measurements.first)
        #expect(measured.runtime == nil && measured.route == "nccl-socket")
    }

    @Test func aFailingProgramWritesNothing() throws {
        let node = try TestNode()
        let directory = try TemporaryDirectory().path
        let outcome = try node.flexmig(
            "measure", "--rounds", "1", "--output", "\(directory)/s.json", "--", "sh", "-c",
            "echo the reason; test $WORLD_SIZE = 1 || exit 9")
        #expect(
            outcome.exitCode == 9 && outcome.errors.contains("on 2 leaves the program ended with exit code 9"),
            "\(outcome)")
        #expect(outcome.errors.contains("the reason"), "\(outcome)")
        #expect(!Files.exists("\(directory)/s.json"))
        try node.expectClean()
    }

    @Test func wrongMarkersAndFilesAreNamed() throws {
        let node = try TestNode()
        let directory = try TemporaryDirectory().path
        let marker = try node.flexmig(
            "measure", "--rounds", "1", "--output", "\(directory)/s.json", "--", "echo", "FLEXMIG_STEP seconds=soon")
        #expect(marker.exitCode == 69 && marker.errors.contains("seconds=soon is no number"), "\(marker)")
        try Files.replace("\(directory)/other.json", with: Array("{}".utf8))
        let file = try node.flexmig("measure", "--output", "\(directory)/other.json", "--", "true")
        #expect(file.exitCode == 69 && file.errors.contains("other.json can't be used"), "\(file)")
        let folder = try node.flexmig("measure", "--output", "\(directory)/no/s.json", "--", "true")
        #expect(folder.exitCode == 74 && folder.errors.contains("can't be written"), "\(folder)")
        for (flags, word) in [
            (["--leaves", "2,4"], "must have 1"), (["--leaves", "1,x"], "\"x\" is not a number"),
            (["--rounds", "0"], "--rounds"),
            (["--work", "counted"], "--work is"),
        ] {
            let outcome = try node.start(["measure"] + flags + ["--", "true"]).wait()
            #expect(outcome.exitCode == 64 && outcome.errors.contains(word), "\(outcome)")
        }
    }

    /// Ctrl-C ends the job that is being measured, and leaves nothing.
    @Test func interrupted() throws {
        let node = try TestNode()
        let directory = try TemporaryDirectory().path
        let measuring = try node.start(
            [
                "measure", "--output", "\(directory)/s.json", "--", Program.jobRank, "--seconds", "600",
            ])
        let isRunning = eventually(within: .seconds(20)) {
            (try? node.list().leaves.contains { $0.holder?.processes.count == 1 }) ?? false
        }
        #expect(isRunning, "\(measuring.errors)")
        try measuring.process.send(.interrupt)
        #expect(try measuring.wait().exitCode == 130)
        #expect(!Files.exists("\(directory)/s.json"))
        try node.expectClean()
    }

    /// The report that measurements rest on.
    @Test func aJobsReport() throws {
        let node = try TestNode()
        let path = try TemporaryDirectory().path("job.json")
        let outcome = try node.flexmig("run", "--leaves", "2", "--report", path, "--", "sh", "-c", "exit 3")
        #expect(outcome.exitCode == 3, "\(outcome)")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(try Files.read(path))) as? [String: Any])
        #expect(report["format"] as? String == "flexmig-job" && report["exitCode"] as? Int == 3)
        #expect(report["route"] == nil, "sh is not seen to use NCCL")
        #expect(
            (report["leaves"] as? [[String: Any]])?.compactMap { $0["profile"] as? String } == ["1g.5gb", "1g.5gb"])
        let refused = try node.flexmig("run", "--leaves", "1", "--report", "/nowhere/job.json", "--", "true")
        #expect(refused.exitCode == 74, "\(refused)")
    }
}
