import Foundation
import MIGModel
import Platform
import SimulatedDriver
import Testing

/// plan, apply, verify and export, by the program and a simulated node.
@Suite struct LayoutCommandTests {
    private func file(_ node: TestNode, _ text: String, _ name: String = "layout.yaml") throws -> String {
        let path = "\(node.directory)/\(name)"
        try Files.replace(path, with: Array(text.utf8))
        return path
    }

    /// Destroys everything, as a reboot does.
    private func wipe(_ node: TestNode) throws {
        let empty = try file(node, "version: 1\ngpus: [{gpu: all, instances: []}]", "empty.yaml")
        let outcome = try node.flexmig("node", "apply", "--file", empty)
        #expect(outcome.exitCode == 0, "\(outcome)")
        #expect(try node.list().leaves.isEmpty)
    }

    // MARK: There and back

    @Test(arguments: GPUModel.all.map(\.id.rawValue))
    func exportWipeApplyVerify(model: String) throws {
        let node = try TestNode("\(model):2", layout: nil)
        // One GPU as the model's busiest layout is, one with a gap.
        let geometry = try #require(GPUModel.named(model)?.geometry)
        let layouts = geometry.maximalLayouts()
        for (index, layout) in [layouts[layouts.count / 2], Layout(layouts[0].specs.dropFirst())].enumerated() {
            let instances = layout.specs.map { $0.description(on: geometry) }.joined(separator: ", ")
            let path = try file(node, "version: 1\ngpus: [{gpu: \(index), instances: [\(instances)]}]")
            let outcome = try node.flexmig("node", "apply", "--file", path)
            #expect(outcome.exitCode == 0, "\(outcome)")
        }
        let before = try node.list().gpus.map(\.instances)
        for naming in ["uuid", "index"] {
            let saved = "\(node.directory)/saved.yaml"
            #expect(try node.flexmig("node", "export", "--by", naming, "--output", saved).exitCode == 0)
            #expect(try node.flexmig("node", "export", "--by", naming).output == (try Files.readText(saved)))
            #expect(try node.flexmig("node", "verify", "--file", saved, "--quiet").exitCode == 0)
            try wipe(node)
            let different = try node.flexmig("node", "verify", "--file", saved)
            #expect(different.exitCode == 1 && different.output.contains("create"), "\(different)")
            let applied = try node.flexmig("node", "apply", "--file", saved)
            #expect(applied.exitCode == 0, "\(applied)")
            #expect(try node.list().gpus.map(\.instances) == before)
            let same = try node.flexmig("node", "verify", "--file", saved)
            #expect(same.exitCode == 0 && same.output.contains("as wanted"), "\(same)")
        }
    }

    /// What plan shows is what apply does, and the driver's log has nothing else.
    @Test func applyDoesThePlan() throws {
        let node = try TestNode("a100-40gb:2")
        let path = try file(
            node,
            """
            version: 1
            gpus:
              - gpu: all
                layout: thin
              - gpu: 1
                instances: [3g.20gb@0:4]
                profiles: {1g.5gb: 2}
            """)
        struct Plan: Decodable {
            struct GPU: Decodable {
                struct Step: Decodable { var action, profile, placement, reason: String }
                struct Kept: Decodable { var profile, placement: String }
                var state: String
                var steps: [Step]
                var kept: [Kept]
            }
            var asWanted: Bool
            var gpus: [GPU]
        }
        let text = try node.flexmig("node", "plan", "--file", path, "--json")
        #expect(text.exitCode == 0)
        let plan = try JSONDecoder().decode(Plan.self, from: Data(text.output.utf8))
        #expect(!plan.asWanted && plan.gpus.map(\.state) == ["asWanted", "change"])
        #expect(plan.gpus[0].steps.isEmpty && plan.gpus[0].kept.count == 7)
        #expect(plan.gpus[1].steps.map(\.action) == Array(repeating: "destroy", count: 5) + ["create"])
        #expect(plan.gpus[1].steps[0].reason == "in the way of 3g.20gb at 0:4")
        #expect(plan.gpus[1].kept.map(\.placement) == ["5:1", "6:1"])
        let events = EventLog(path: "\(node.directory)/events.log")
        let before = try events.events().count
        #expect(try node.flexmig("node", "apply", "--file", path).exitCode == 0)
        let done = try events.events().dropFirst(before).map(\.event.name).filter { $0.hasSuffix("-gi") }
        #expect(done == Array(repeating: "destroy-gi", count: 5) + ["create-gi"])
        let shown = try node.flexmig("node", "plan", "--file", path)
        #expect(shown.lines.allSatisfy { $0.contains("as wanted") } && shown.lines.count == 2, "\(shown)")
    }

    @Test func migPartedFile() throws {
        let node = try TestNode("a100-40gb:1,h100-80gb:1", layout: nil)
        let path = try file(
            node,
            """
            version: v1
            mig-configs:
              balanced:
                - devices: all
                  device-filter: [0x20B010DE]
                  mig-enabled: true
                  mig-devices: {1g.5gb: 2, 2g.10gb: 1, 3g.20gb: 1}
                - devices: all
                  device-filter: "0x233010DE"
                  mig-enabled: true
                  mig-devices: {4g.40gb: 1, 3g.40gb: 1}
              off:
                - devices: [1]
                  mig-enabled: false
            """)
        let unnamed = try node.flexmig("node", "apply", "--file", path)
        #expect(unnamed.exitCode == 65 && unnamed.errors.contains("choose one with --config"), "\(unnamed)")
        let applied = try node.flexmig("node", "apply", "--file", path, "--config", "balanced")
        #expect(applied.exitCode == 0, "\(applied)")
        let profiles = try node.list().gpus.map { $0.instances.map { $0.split(separator: "@")[0] }.sorted() }
        #expect(profiles == [["1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"], ["3g.40gb", "4g.40gb"]])
        let off = try node.flexmig("node", "plan", "--file", path, "--config", "off")
        #expect(off.exitCode == 69 && off.output.contains("nvidia-smi -i 1 -mig 0"), "\(off)")
        #expect(off.output.contains("no reset, but the mode is lost"), "\(off)")
        try SimulatedNode(opening: node.directory).change { state, _ in
            for compute in state.gpus[1].instances.flatMap(\.computeInstances) {
                try state.destroyComputeInstance(serial: compute.serial)
            }
            for instance in state.gpus[1].instances { try state.destroyGPUInstance(serial: instance.serial) }
            return .init(_ = state.setMIGMode(false, on: 1))
        }
        #expect(try node.flexmig("node", "verify", "--file", path, "--config", "off").exitCode == 0)
        // On is never switched to either, and the other GPU stays as it is.
        let refused = try node.flexmig("node", "apply", "--file", path, "--config", "balanced", "--json")
        #expect(refused.exitCode == 69 && refused.output.contains("\"exitCode\" : 69"), "\(refused)")
        #expect(refused.errors.contains("nvidia-smi -i 1 -mig 1"), "\(refused)")
    }

    // MARK: In use

    @Test func heldLeavesAreShownAndRefused() throws {
        let node = try TestNode("a100-40gb:2")
        let job = try node.startJob(leaves: 1, "--seconds", "600")
        let events = EventLog(path: "\(node.directory)/events.log")
        let before = try events.events().count
        let plan = try node.flexmig("node", "plan", "--layout", "doubles")
        #expect(plan.exitCode == 75 && plan.output.contains("would have to go, but must stay: job j"), "\(plan)")
        let applied = try node.flexmig("node", "apply", "--layout", "doubles", "--json")
        #expect(applied.exitCode == 75 && applied.output.contains("\"notDone\" : ["), "\(applied)")
        #expect(try events.events().count == before)
        // A layout in which its leaf may stay goes around it.
        let path = try file(node, "version: 1\ngpus: [{gpu: 0, profiles: {1g.5gb: 1, 3g.20gb: 1}}]")
        #expect(try node.flexmig("node", "apply", "--file", path).exitCode == 0)
        let kept = try #require(try node.list().leaves.first { $0.state == "held" })
        #expect(kept.gpu == 0)
        try job.process.send(.terminate)
        _ = try job.wait()
        #expect(try node.flexmig("node", "apply", "--layout", "doubles").exitCode == 0)
        try node.expectClean()
    }

    /// Killed anywhere, the next apply finishes.
    @Test func killedWherever() throws {
        let node = try TestNode("a100-40gb:1", layout: "doubles")
        for round in 0..<12 {
            let layout = round.isMultiple(of: 2) ? "thin" : "doubles"
            let program = try node.start(["node", "apply", "--layout", layout])
            // Until something was done, or it is over.
            _ = eventually(within: .seconds(20)) { program.errors.split(separator: "\n").count > round % 6 }
            try? program.process.send(.kill)
            _ = try program.wait()
            let finished = try node.flexmig("node", "apply", "--layout", layout)
            #expect(finished.exitCode == 0, "\(finished)")
            #expect(try node.flexmig("node", "verify", "--layout", layout, "--quiet").exitCode == 0)
        }
        try node.expectClean()
    }

    /// Ctrl-C stops between two steps, tells what was done, and leaves nothing half-made.
    @Test func interrupted() throws {
        let node = try TestNode("a100-40gb:1", layout: "doubles")
        let simulated = try SimulatedNode(opening: node.directory)
        let program = try simulated.change { state, _ in
            // The driver is kept busy, so the change stands in its first step.
            let program = try node.start(["node", "apply", "--layout", "thin"])
            let ledger = "\(node.directory)/ledger"
            _ = eventually(within: .seconds(20)) {
                ((try? Files.names(in: ledger)) ?? []).contains { name in
                    name.hasSuffix(".lease") && ((try? Files.read("\(ledger)/\(name)")) ?? []).isEmpty == false
                }
            }
            // Its signals are held back from its first step on.
            #expect(eventually(within: .seconds(20)) { holdsBack(.interrupt, program.process) })
            try program.process.send(.interrupt)
            return .init(program)
        }
        let outcome = try program.wait()
        #expect(outcome.exitCode == 130, "\(outcome)")
        let state = try simulated.state()
        #expect(state.gpus[0].instances.allSatisfy { $0.computeInstances.count == 1 })
        #expect(try node.flexmig("node", "apply", "--layout", "thin").exitCode == 0)
        try node.expectClean()
    }

    // MARK: At boot

    @Test func atBoot() throws {
        let node = try TestNode("h100-80gb:1", layout: "full")
        let saved = "\(node.directory)/saved/layout.yaml"
        let environment = ["FLEXMIG_LAYOUT_FILE": saved]
        let none = try node.flexmig("node", "apply", "--at-boot", environment: environment)
        #expect(none.exitCode == 65 && none.errors.contains("node export --output \(saved)"), "\(none)")
        #expect(try node.flexmig("node", "export", "--output", saved).exitCode == 0)
        try wipe(node)
        for steps in ["7 steps done", "already, nothing to do"] {
            let outcome = try node.flexmig("node", "apply", "--at-boot", environment: environment)
            #expect(outcome.exitCode == 0 && outcome.output.contains(steps), "\(outcome)")
        }
    }

    /// A GPU that died meanwhile, or is not even shown any more, costs the others nothing but the waiting.
    @Test func atBootWithoutAGPU() throws {
        let node = try TestNode("a100-40gb:2", layout: "thin")
        let exported = try node.flexmig("node", "export").output
        let saved = try file(node, exported)
        try wipe(node)
        try node.flexmig("node", "fault", "add", "lost", "--gpu", "1")
        let lost = try node.flexmig("node", "apply", "--at-boot", "--file", saved, "--driver-wait", "600")
        #expect(lost.exitCode == 69 && lost.errors.contains("GPU 1 has fallen off the bus"), "\(lost)")
        #expect(try node.list().leaves.map(\.gpu) == Array(repeating: 0, count: 7))
        try node.flexmig("node", "fault", "clear")
        try wipe(node)
        let second = try node.list().gpus[1].uuid
        let gone = try file(node, exported.replacing(second, with: "GPU-00000000-0000-5000-8000-000000000000"))
        #expect(try node.flexmig("node", "apply", "--file", gone).exitCode == 65, "by hand it is a mistake")
        #expect(try node.list().leaves.isEmpty)
        let missing = try node.flexmig("node", "apply", "--at-boot", "--file", gone, "--driver-wait", "0")
        #expect(
            missing.exitCode == 69 && missing.errors.contains("is named, and this node does not show it"), "\(missing)")
        #expect(try node.list().leaves.map(\.gpu) == Array(repeating: 0, count: 7))
    }

    /// What can't be read is told, and not lost in silence; nor is a file that can't be written.
    @Test func exportSaysWhatIsMissing() throws {
        let node = try TestNode("a30-24gb:2", layout: "thin")
        let unwritable = try node.flexmig("node", "export", "--output", "/proc/nope/layout.yaml")
        #expect(
            unwritable.exitCode == 74 && unwritable.errors.contains("--output /proc/nope/layout.yaml"), "\(unwritable)")
        try node.flexmig("node", "fault", "add", "lost", "--gpu", "1")
        let outcome = try node.flexmig("node", "export")
        #expect(outcome.exitCode == 0 && outcome.errors.contains("GPU 1 is left out: it has fallen off"), "\(outcome)")
        #expect(outcome.output.contains("# GPU 1 is left out"), "also in the file")
    }

    /// The driver comes while it waits.
    @Test func atBootBeforeTheDriver() throws {
        let node = try TestNode("a30-24gb:1", layout: nil)
        let state = "\(node.directory)/driver.state"
        let path = try file(node, "version: 1\ngpus: [{gpu: 0, layout: thin}]")
        try Files.rename(state, to: "\(state).away")
        let impatient = try node.flexmig("node", "apply", "--at-boot", "--file", path, "--driver-wait", "0")
        #expect(impatient.exitCode == 69, "\(impatient)")
        let program = try node.start(["node", "apply", "--at-boot", "--file", path, "--driver-wait", "60"])
        program.waitForOutput("waiting for the driver")
        try Files.rename("\(state).away", to: state)
        let outcome = try program.wait()
        #expect(outcome.exitCode == 0, "\(outcome)")
        #expect(try node.list().leaves.count == 4)
    }

    @Test(.enabled(if: Files.isExecutable("/usr/bin/systemd-analyze")))
    func unitFile() throws {
        let unit = try Files.readText("\(DocumentationTests.root)/packaging/systemd/flexmig-layout.service")
        #expect(unit.contains("ExecStart=/usr/bin/flexmig node apply --at-boot"))
        let directory = temporaryDirectory("unit")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // The program need not be installed here.
        let path = "\(directory)/flexmig-layout.service"
        try Files.replace(path, with: Array(unit.replacing("/usr/bin/flexmig", with: Program.flexmig).utf8))
        let outcome = try Program.run("/usr/bin/systemd-analyze", ["verify", path])
        #expect(outcome.exitCode == 0 && !outcome.errors.contains("flexmig-layout"), "\(outcome)")
    }

    /// Whether a process keeps a signal waiting.
    private func holdsBack(_ signal: Signal, _ process: ProcessID) -> Bool {
        let status = (try? Files.readText("/proc/\(process)/status")) ?? ""
        let mask = status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }?.split(separator: "\t").last
        return mask.flatMap { UInt64($0, radix: 16) }.map { $0 >> UInt64(signal.rawValue - 1) & 1 == 1 } ?? false
    }

    // MARK: Mistakes

    @Test(arguments: [
        (["plan"], "Say what is wanted"), (["plan", "--layout", "thin", "--file", "x"], "exclude each other"),
        (["verify", "--layout", "fat"], "Unknown layout 'fat'"), (["apply", "--config", "x"], "within a --file"),
        (["verify", "--layout", "thin", "--gpu", "9"], "no GPU 9"),
        (["export", "--gpu", "9"], "no GPU 9"),
    ])
    func mistakes(words: [String], message: String) throws {
        let node = try TestNode("a30-24gb:1", layout: nil)
        let outcome = try node.start(["node"] + words).wait()
        #expect(outcome.exitCode == 64 && outcome.errors.contains(message), "\(outcome)")
    }

    @Test func mistakesInAFileHaveAPlace() throws {
        let node = try TestNode("a30-24gb:1", layout: nil)
        let nothing = try node.flexmig("node", "apply", "--file", "/nonexistent.yaml")
        #expect(
            nothing.exitCode == 65 && nothing.errors.contains("/nonexistent.yaml: it can't be read: No such file"),
            "\(nothing)")
        let path = try file(node, "version: 1\ngpus:\n  - gpu: 0\n    layuot: thin\n")
        let outcome = try node.flexmig("node", "apply", "--file", path)
        #expect(outcome.exitCode == 65 && outcome.errors.contains("\(path):4:5: unknown key \"layuot\""), "\(outcome)")
        let missing = try file(node, "version: 1\ngpus: [{gpu: 3, layout: thin}]\n")
        let other = try node.flexmig("node", "verify", "--file", missing)
        #expect(other.exitCode == 65 && other.errors.contains("\(missing):2: this node has no GPU 3"), "\(other)")
    }
}
