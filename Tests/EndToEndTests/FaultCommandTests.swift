import Foundation
import MIGModel
import Platform
import SimulatedDriver
import Testing

/// `flexmig node fault` on a node that other runs of the program see.
@Suite struct FaultCommandTests {
    struct Row: Decodable {
        var id: Int?
        var fault: String
        var calls: String?
        var gpu: Int?
        var instance: Int?
        var remaining: Int?
        var pid: Int32?
    }

    func list(_ node: TestNode) throws -> [Row] {
        let outcome = try node.flexmig("node", "fault", "list", "--json")
        #expect(outcome.exitCode == 0, "\(outcome)")
        return try JSONDecoder().decode([Row].self, from: Data(outcome.output.utf8))
    }

    @Test func faultsComeAndGo() throws {
        let node = try TestNode()
        #expect(try list(node).isEmpty)
        #expect(try node.flexmig("node", "fault", "list").output == "no faults\n")
        let added = try node.flexmig("node", "fault", "add", "in-use", "--gpu", "0", "--instance", "7", "--calls", "3")
        #expect(added.exitCode == 0 && added.output.contains("answer code 19"), "\(added)")
        try node.flexmig("node", "fault", "add", "code", "777", "--on", "nvmlDeviceGetCount_v2")
        #expect(try list(node).count == 2, "looking at faults asks the driver nothing")
        #expect(try node.flexmig("node", "fault", "clear", "2").exitCode == 0)
        let leaf = try #require(try node.list().leaves.first?.uuid)
        try node.flexmig("node", "fault", "add", "process", "4242", "--leaf", leaf)
        let rows = try list(node)
        #expect(rows.map(\.remaining) == [3, nil] && rows.first?.instance == 7 && rows.last?.pid == 4242)
        #expect(try node.list().leaves.first?.holder?.processes == [4242])
        #expect(try node.flexmig("node", "fault", "clear", "17").exitCode == 64)
        #expect(try node.flexmig("node", "fault", "clear").output == "2 faults cleared\n")
        #expect(try list(node).isEmpty)
        #expect(try node.list().leaves.first?.state == "free")
    }

    /// Whatever is wrong with the driver, it can be taken back.
    @Test func aDriverThatDoesNotStartIsRepaired() throws {
        let node = try TestNode()
        try node.flexmig("node", "fault", "add", "code", "9", "--on", "nvmlInit_v2", "--calls", "0")
        #expect(try node.flexmig("node", "list").exitCode == 69)
        #expect(try node.flexmig("node", "fault", "clear").exitCode == 0)
        #expect(try node.list().leaves.count == 14)
    }

    @Test func hardwareHasNoFaultsOnDemand() throws {
        let outcome = try Program.start(Program.flexmig, ["node", "fault", "list"], environment: [:]).wait()
        #expect(outcome.exitCode == 64 && outcome.errors.contains("--simulate"), "\(outcome)")
    }

    @Test func unknownCodesAreTold() throws {
        let node = try TestNode()
        try node.flexmig("node", "fault", "add", "code", "777", "--on", "nvmlDeviceGetCount_v2", "--calls", "1")
        let failed = try node.flexmig("node", "list")
        #expect(failed.exitCode == 70 && failed.errors.contains("NVML code 777"), "\(failed)")
        #expect(try node.flexmig("node", "list").exitCode == 0)
    }

    /// Of several GPUs the one that is sick is named, whatever its code.
    @Test func theGPUThatAnswersSoIsNamed() throws {
        let node = try TestNode()
        try node.flexmig(
            "node", "fault", "add", "code", "999", "--on", "nvmlDeviceGetMigMode", "--gpu", "1", "--calls", "1")
        let failed = try node.flexmig("node", "list")
        #expect(
            failed.exitCode == 70 && failed.errors.contains("on GPU 1 answered UNKNOWN (NVML code 999)"), "\(failed)")
    }

    @Test func aRestartLeavesNoInstance() throws {
        let node = try TestNode("a100-40gb:1,h100-80gb:1")
        #expect(try node.flexmig("node", "fault", "restart").exitCode == 0)
        let list = try node.list()
        #expect(list.leaves.isEmpty)
        let text = try node.flexmig("node", "list").output
        #expect(text.contains("MIG on") && text.contains("MIG off"), "\(text)")
        #expect(text.contains("nvidia-smi -i 1 -mig 1") && text.contains("no reset"), "\(text)")
    }

    @Test func aDriverInUseIsNotRestarted() throws {
        let node = try TestNode()
        let job = try node.startJob(leaves: 1, "--seconds", "600")
        let refused = try node.flexmig("node", "fault", "restart")
        #expect(refused.exitCode == 75 && refused.errors.contains("in use by pid"), "\(refused)")
        try job.process.send(.terminate)
        _ = try job.wait()
    }

    @Test(arguments: [
        ["add", "nonsense"], ["add", "code"], ["add", "code", "x"], ["add", "lost"], ["add", "lost", "--gpu", "9"],
        ["add", "in-use", "--gpu", "-1"], ["add", "in-use", "--calls", "-2"], ["add", "in-use", "--on", "everything"],
        ["add", "process", "1"], ["add", "process", "1", "--leaf", "MIG-none"],
        ["add", "in-use", "--leaf", "MIG-none"],
        ["add", "placement", "b200"], ["add", "struct", "1"], ["add", "hang", "-5"], ["xid", "x"],
        ["xid", "94", "--gpu", "9"], ["xid", "94", "--compute", "0"], ["clear", "x"],
    ])
    func wrongArguments(arguments: [String]) throws {
        let node = try TestNode(layout: nil)
        let outcome = try node.start(["node", "fault"] + arguments, environment: [:]).wait()
        #expect(outcome.exitCode == 64 && !outcome.errors.isEmpty, "\(outcome)")
    }

    /// What nobody has published is shown as unknown, and null in JSON; what was concluded is marked.
    @Test func unknownFiguresAreShown() throws {
        let node = try TestNode("h20-96gb:1")
        let table = try node.flexmig("node", "list").output
        #expect(table.contains("unknown"), "\(table)")
        let show = try node.flexmig("node", "show").output
        #expect(show.contains("concluded from related GPUs, not confirmed") && show.contains("unknown"), "\(show)")
        #expect(try node.list().leaves.allSatisfy { $0.memoryMiB == nil && $0.multiprocessors == nil })
        let json = try node.flexmig("node", "show", "--json").output
        #expect(json.contains("\"multiprocessors\" : null") && json.contains("\"memoryMiB\" : null"), "\(json)")
    }

    /// Every model is flattened into thin leaves, and into what else it can have.
    @Test(arguments: GPUModel.all.map(\.id.rawValue))
    func everyModelIsFlattened(model: String) throws {
        let node = try TestNode("\(model):1", layout: nil)
        let geometry = try #require(GPUModel.named(model)).geometry
        for name in LayoutName.allCases {
            let isPossible = LayoutName.available(on: geometry).contains(name)
            let outcome = try node.flexmig("node", "flatten", "--layout", name.rawValue)
            #expect(outcome.exitCode == (isPossible ? 0 : 69), "\(name): \(outcome)")
            guard isPossible else { continue }
            let list = try node.list()
            #expect(list.gpus.first?.layout == name.rawValue)
            #expect(list.leaves.count == (try name.layout(on: geometry).get().specs.count))
        }
    }
}
