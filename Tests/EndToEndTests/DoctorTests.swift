import Foundation
import Platform
import TestSupport
import Testing

@Suite struct DoctorTests {
    private struct Report: Decodable {
        struct Finding: Decodable {
            var id: String
            var status: String
            var found: String
            var fix: String
            var grade: String
        }
        var format: String
        var version: Int
        var exitCode: Int
        var verdict: String
        var findings: [Finding]
        func callAsFunction(_ id: String) throws -> Finding {
            try #require(findings.first { $0.id == id }, "\(findings)")
        }
    }

    private func report(_ outcome: Outcome) throws -> Report {
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        #expect(report.format == "flexmig-doctor" && report.version == 1 && report.exitCode == outcome.exitCode)
        #expect(report.findings.allSatisfy { !$0.found.isEmpty && !$0.fix.isEmpty && !$0.grade.isEmpty })
        return report
    }

    /// Two real processes reduce through real shared memory.
    @Test func aSimulatedNode() throws {
        let node = try TestNode()
        let outcome = try node.flexmig("doctor", "--json")
        let report = try report(outcome)
        #expect(try report("driver").status == "ok" && report("driver").grade == "simulated driver", "\(outcome)")
        #expect(try report("leaves").found == "14 leaves: 14 free", "\(outcome)")
        #expect(try report("self-test-engine").status == "ok", "\(outcome)")
        #expect(try report("self-test-engine").grade == "real processes and memory, no GPU")
        #expect(try report("nccl").status == "note" && report("nccl").fix.contains("flexmig doctor --"))
        // The same as text.
        let text = try node.flexmig("doctor")
        #expect(text.exitCode == outcome.exitCode && text.output.hasSuffix(report.verdict + "\n"), "\(text)")
        for finding in report.findings where finding.status != "ok" && !finding.fix.contains("\n") {
            #expect(text.output.contains("fix: \(finding.fix)"), "\(finding.id)")
        }
        // What other tests' doctors have at this moment goes; what is left stays.
        var left = Set(SharedMemoryName.all(withPrefix: "flexmig-doctor-").map(\.text))
        let deadline = ContinuousClock.now + .seconds(60)
        while !left.isEmpty && ContinuousClock.now < deadline {
            left.formIntersection(SharedMemoryName.all(withPrefix: "flexmig-doctor-").map(\.text))
            yieldProcessor()
        }
        #expect(left == [])
    }

    @Test func aProgramByFakeVersions() throws {
        let node = try TestNode("h100-80gb:1")
        let directory = try TemporaryDirectory().path
        let torch = try FakeTorch(in: "\(directory)/venv", nccl: "2.31.2")
        let outcome = try node.flexmig("doctor", "--json", "--no-self-test", "--", torch.python, "train.py")
        let report = try report(outcome)
        #expect(try report("nccl").found.contains("the program loads NCCL 2.31.2"), "\(outcome)")
        #expect(try report("route-nccl").status == "ok", "\(outcome)")
        #expect(try report("choice").found.contains("runtime nccl: "), "\(outcome)")
        #expect(try report("torch").found.contains("PyTorch 2.14.0+cu130"), "\(outcome)")
    }

    @Test func problemsGiveExitCodeOne() throws {
        let node = try TestNode(layout: nil)
        let outcome = try node.flexmig("doctor", "--json", "--no-self-test")
        let bare = try report(outcome)
        #expect(try outcome.exitCode == 1 && bare("leaves").fix == "flexmig node flatten --layout thin", "\(outcome)")
        let none = try Program.run(
            Program.flexmig, ["doctor", "--json", "--no-self-test"], environment: ["FLEXMIG_NVML_LIBRARY": "libnone.so"]
        )
        let driver = try report(none)
        #expect(try none.exitCode == 1 && driver("driver").fix.contains("--simulate"), "\(none)")
    }

    /// A plugin that can be loaded and does not work.
    @Test func aPluginThatRefuses() throws {
        let node = try TestNode()
        let outcome = try node.flexmig(
            "doctor", "--json", environment: ["FLEXMIG_PLUGIN": "\(Program.directory)/libodd-nccl.so"])
        let refuses = try report(outcome)
        #expect(try refuses("self-test-plugin").status == "problem", "\(outcome)")
        #expect(try refuses("self-test-plugin").found.contains("the plugin's init answers 3"), "\(outcome)")
        let other = try node.flexmig(
            "doctor", "--json", environment: ["FLEXMIG_PLUGIN": "\(Program.directory)/libodd-nvml.so"])
        let none = try report(other)
        #expect(try none("self-test-plugin").found.contains("no ncclNetPlugin_v8"), "\(other)")
        // Messages go through it as they should, all-reduces don't.
        let half = try node.flexmig(
            "doctor", "--json",
            environment: [
                "FLEXMIG_PLUGIN": "\(Program.directory)/libodd-nccl.so",
                "ODD_NCCL_FORWARDS": "\(Program.directory)/libnccl-net-flexmig.so",
            ])
        let messages = try report(half)
        #expect(try messages("self-test-plugin").status == "problem", "\(half)")
        #expect(try messages("self-test-plugin").found.contains("has no ncclCollNetPlugin_v8"), "\(half)")
    }

    @Test func theChoiceOfTheVariable() throws {
        let node = try TestNode()
        let outcome = try node.flexmig(
            "doctor", "--json", "--no-self-test", environment: ["FLEXMIG_RUNTIME": "nccl-socket"])
        let report = try report(outcome)
        #expect(
            try report("choice").found.hasPrefix("FLEXMIG_RUNTIME=nccl-socket takes runtime nccl-socket"), "\(outcome)")
        let wrong = try node.flexmig("doctor", "--no-self-test", environment: ["FLEXMIG_RUNTIME": "fast"])
        #expect(wrong.exitCode == 64 && wrong.errors.contains("FLEXMIG_RUNTIME is \"fast\""), "\(wrong)")
    }

    /// Ctrl-C while a plugin hangs: its processes are gone, and so is where they met.
    @Test func interrupted() throws {
        let node = try TestNode()
        let directory = try TemporaryDirectory().path
        let doctor = try node.start(
            ["doctor"],
            environment: [
                "FLEXMIG_PLUGIN": "\(Program.directory)/libodd-nccl.so", "ODD_NCCL_HANGS": "1", "TMPDIR": directory,
            ])
        let hangs = eventually(within: .seconds(30)) {
            ProcessTable.rows().count {
                $0.parent == doctor.process && ProcessTable.environment(of: $0.process)?["ODD_NCCL_HANGS"] == "1"
                    && !$0.isZombie
            } == 2 && (try? Files.names(in: directory).isEmpty) == false
        }
        #expect(hangs, "\(doctor.output)")
        try doctor.process.send(.interrupt)
        #expect(try doctor.wait().exitCode == 130)
        #expect(node.processes().isEmpty)
        #expect(try Files.names(in: directory) == [])
    }

    /// The plugin of this build: two real processes send and add up through it.
    @Test func ourPluginWorks() throws {
        let node = try TestNode()
        let outcome = try node.flexmig("doctor", "--json")
        let report = try report(outcome)
        #expect(try report("plugin").found.contains("\(Program.directory)/libnccl-net-flexmig.so"), "\(outcome)")
        #expect(try report("self-test-plugin").status == "ok", "\(outcome)")
    }
}
