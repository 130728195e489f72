import Foundation
import MIGModel
import Platform
import SimulatedDriver
import Testing

@Suite struct NodeTests {
    @Test(arguments: [
        ("a30-24gb:1", "thin", 4, 23808), ("a100-40gb:2", "thin", 14, 2 * 34048), ("a100-40gb:1", "full", 7, 39040),
        ("a100-80gb:1", "doubles", 4, 4 * 19968), ("h100-80gb:1", "full", 7, 80000),
        ("h100-80gb-pcie:1", "thin", 7, 69888),
        ("h200-141gb:1", "full", 7, 131328), ("a30-24gb:1,h100-80gb:1", "thin", 11, 23808 + 69888),
    ])
    func flattenMakesTheLayout(spec: String, layout: String, leaves: Int, memoryMiB: Int) throws {
        let node = try TestNode(spec, layout: layout)
        let list = try node.list()
        #expect(list.leaves.count == leaves)
        #expect(list.leaves.reduce(0) { $0 + ($1.memoryMiB ?? 0) } == memoryMiB)
        #expect(list.gpus.allSatisfy { $0.layout == layout })
        #expect(list.driver.simulated && list.driver.evidence == "simulated driver")
        #expect(Set(list.leaves.map(\.uuid)).count == leaves)
        // Again: nothing to do, same leaves.
        let again = try node.flexmig("node", "flatten", "--layout", layout)
        #expect(again.exitCode == 0 && again.output.contains("nothing to do"), "\(again)")
        #expect(try node.list().leaves.map(\.uuid) == list.leaves.map(\.uuid))
    }

    @Test func listHasTableJSONAndNames() throws {
        let node = try TestNode()
        let table = try node.flexmig("node", "list")
        #expect(table.lines.contains { $0.hasPrefix("LEAF") && $0.contains("HOLDER") }, "\(table)")
        #expect(table.lines.first?.contains("simulated driver") == true)
        #expect(table.lines.first?.contains("libflexmig-simulated-nvml.so") == true)
        let names = try node.flexmig("node", "list", "--quiet")
        #expect(names.lines == (try node.list().leaves.map(\.uuid)))
        let both = try node.flexmig("node", "list", "--quiet", "--json")
        #expect(both.exitCode == 64)
    }

    @Test func showPicksOneGPUOrLeaf() throws {
        let node = try TestNode()
        let all = try node.flexmig("node", "show")
        #expect(all.output.contains("GPU 0") && all.output.contains("GPU 1") && all.output.contains("[0: 1g.5gb]"))
        #expect(all.output.contains("1g.5gb+me"))
        let one = try node.flexmig("node", "show", "1", "--quiet")
        #expect(one.lines == (try node.list().leaves.filter { $0.gpu == 1 }.map(\.uuid)))
        let leaf = try #require(try node.list().leaves.last?.uuid)
        #expect(try node.flexmig("node", "show", leaf, "--quiet").lines == [leaf])
        let none = try node.flexmig("node", "show", "7")
        #expect(none.exitCode == 64 && none.errors.contains("no GPU 7; it has 0"), "\(none)")
    }

    @Test func dryRunChangesNothing() throws {
        let node = try TestNode(layout: nil)
        let plan = try node.flexmig("node", "flatten", "--layout", "full", "--dry-run")
        #expect(plan.exitCode == 0 && plan.output.contains("create 1g.10gb at 6:2"), "\(plan)")
        #expect(try node.list().leaves.isEmpty)
    }

    @Test func onlyTheNamedGPUIsChanged() throws {
        let node = try TestNode()
        let before = try node.list()
        let outcome = try node.flexmig("node", "flatten", "--layout", "doubles", "--gpu", "1")
        #expect(outcome.exitCode == 0, "\(outcome)")
        let after = try node.list()
        #expect(after.gpus.map(\.layout) == ["thin", "doubles"])
        #expect(after.leaves.prefix(7).map(\.uuid) == before.leaves.prefix(7).map(\.uuid))
        let unknown = try node.flexmig("node", "flatten", "--layout", "thin", "--gpu", "5")
        #expect(unknown.exitCode == 64 && unknown.errors.contains("no GPU 5"))
    }

    @Test func heldLeavesStopAFlatten() throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 2, "--seconds", "600")
        let before = try node.list()
        let refused = try node.flexmig("node", "flatten", "--layout", "doubles")
        #expect(refused.exitCode == 75, "\(refused)")
        #expect(refused.errors.contains("nothing was changed") && refused.errors.contains("job j"), "\(refused)")
        let after = try node.list()
        #expect(after.leaves.map(\.uuid) == before.leaves.map(\.uuid))
        #expect(after.gpus.map(\.instances) == before.gpus.map(\.instances))
        // The other GPU has no job on it.
        #expect(try node.flexmig("node", "flatten", "--layout", "doubles", "--gpu", "1").exitCode == 0)
        try job.process.send(.terminate)
        _ = try job.wait()
        #expect(try node.flexmig("node", "flatten", "--layout", "doubles").exitCode == 0)
        try node.expectClean()
    }

    @Test func twoFlattensAtOnceGiveOneOfTheTwoLayouts() throws {
        let node = try TestNode(layout: nil)
        for _ in 0..<5 {
            let first = try node.start(["node", "flatten", "--layout", "thin"])
            let second = try node.start(["node", "flatten", "--layout", "doubles"])
            for outcome in [try first.wait(), try second.wait()] {
                #expect(outcome.exitCode == 0, "\(outcome)")
            }
            let layouts = Set(try node.list().gpus.map(\.layout))
            #expect(layouts == ["thin"] || layouts == ["doubles"], "\(layouts)")
        }
    }

    @Test func jobsAndFlattensAtOnceDoNotMeet() throws {
        let node = try TestNode()
        for round in 0..<6 {
            let job = try node.start([
                "run", "--leaves", "2", "--grace", "1", "--", Program.jobRank, "--seconds", "0.05",
            ])
            let change = try node.start(["node", "flatten", "--layout", round.isMultiple(of: 2) ? "doubles" : "thin"])
            let (ran, changed) = (try job.wait(), try change.wait())
            // Either may be refused because of the other, but neither may break.
            #expect([0, 69, 75].contains(ran.exitCode), "\(ran)")
            #expect([0, 75].contains(changed.exitCode), "\(changed)")
        }
        try node.expectClean()
    }

    @Test(arguments: ["flag", "environment", "configuration file"])
    func theNodeCanBeNamedInThreeWays(way: String) throws {
        let directory = temporaryDirectory("config")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let node = "\(directory)/node"
        let outcome: Outcome
        switch way {
        case "flag":
            outcome = try Program.run(
                Program.flexmig, ["node", "list", "--simulate", "a30-24gb", "--node-directory", node])
        case "environment":
            outcome = try Program.run(
                Program.flexmig, ["node", "list"],
                environment: ["FLEXMIG_SIMULATE": "a30-24gb:1", "FLEXMIG_NODE_DIRECTORY": node])
        default:
            try Files.replace(
                "\(directory)/config.yaml", with: Array("simulate: a30-24gb:1\nnode-directory: \(node)\n".utf8))
            outcome = try Program.run(
                Program.flexmig, ["node", "list"], environment: ["FLEXMIG_CONFIG": "\(directory)/config.yaml"])
        }
        #expect(outcome.exitCode == 0 && outcome.output.contains("A30"), "\(outcome)")
    }

    @Test func withoutADriverTheSimulatedWayIsShown() throws {
        let outcome = try Program.run(
            Program.flexmig, ["node", "list"], environment: ["FLEXMIG_NVML_LIBRARY": "libnosuch-nvml.so.1"])
        #expect(outcome.exitCode == 69)
        #expect(outcome.errors.contains("--simulate a100-40gb:2"), "\(outcome)")
        #expect(outcome.errors.contains("FLEXMIG_SIMULATE"), "\(outcome)")
        #expect(outcome.errors.contains("config.yaml"), "\(outcome)")
    }

    @Test(arguments: [
        ("missing", "there is no simulated node"), ("not ours", "not made by flexmig"),
        ("of another version", "another version"), ("half written", "half written"),
        ("without its state", "not made by flexmig"),
    ])
    func badDirectoriesAreExplained(word: String, message: String) throws {
        let directory = temporaryDirectory("bad")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let state = "\(directory)/driver.state"
        let node = try SimulatedNode.create(try .init(parsing: "a30-24gb:1"), in: "\(directory)/good")
        let good = try Files.read("\(node.directory)/driver.state")
        var named = directory
        switch word {
        case "missing": named = "\(directory)/nothing/here"
        case "not ours": try Files.replace(state, with: Array("hello\n".utf8))
        case "of another version":
            let text = String(decoding: good, as: UTF8.self).replacing(
                "flexmig-simulated-node 1", with: "flexmig-simulated-node 99")
            try Files.replace(state, with: Array(text.utf8))
        case "half written": try Files.replace(state, with: Array(good.prefix(good.count / 2)))
        default: break
        }
        let outcome = try Program.run(Program.flexmig, ["node", "list", "--node-directory", named])
        #expect(outcome.exitCode == 69, "\(word): \(outcome)")
        #expect(outcome.errors.contains(message) && outcome.errors.contains(named), "\(word): \(outcome)")
        let other = try Program.run(
            Program.flexmig, ["run", "--leaves", "1", "--node-directory", named, "--", "true"])
        #expect(other.exitCode == 69, "\(word): \(other)")
    }

    @Test func anotherSpecThanTheNodesIsRefused() throws {
        let node = try TestNode()
        let outcome = try node.flexmig("node", "list", "--simulate", "h100-80gb:1")
        #expect(outcome.exitCode == 69 && outcome.errors.contains("is a100-40gb:2, not h100-80gb:1"), "\(outcome)")
        let unknown = try node.flexmig("node", "list", "--simulate", "b17:1")
        #expect(unknown.exitCode == 64 && unknown.errors.contains("known models: a30-24gb"), "\(unknown)")
    }

    /// root may write everywhere, so the test becomes somebody else where it can.
    @Test(.enabled(if: Files.isExecutable("/usr/bin/setpriv")))
    func aNodeThatIsNotWritableCanBeReadOnly() throws {
        let node = try TestNode()
        let asNobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", Program.flexmig]
        guard currentUser() == 0 else { return }
        for directory in ["/tmp", node.directory] { #expect(Files.exists(directory)) }
        let readable = try Program.run("/usr/bin/setpriv", asNobody + ["node", "list"], environment: node.environment)
        // The build may lie where only root can look; then nothing can be shown.
        if readable.exitCode == 127 || readable.errors.contains("failed to execute") { return }
        #expect(readable.exitCode == 0, "\(readable)")
        let refused = try Program.run(
            "/usr/bin/setpriv", asNobody + ["run", "--leaves", "1", "--", "true"], environment: node.environment)
        #expect(refused.exitCode == 77 && refused.errors.contains("Permission denied"), "\(refused)")
        let flatten = try Program.run(
            "/usr/bin/setpriv", asNobody + ["node", "flatten", "--layout", "doubles"], environment: node.environment)
        #expect(flatten.exitCode == 77, "\(flatten)")
        #expect(try node.list().gpus.allSatisfy { $0.layout == "thin" })
    }
}
