import Foundation
import Platform
import Testing

/// Whose leaves are, what is faulty, and who is told, through the program alone.
@Suite struct HealthTests {
    private struct Watched: Decodable {
        var event: String
        var xid: Int?
        var gpu: Int?
        var leaves: [String]
        var quarantined: String?
        var holders: [Holder]
        struct Holder: Decodable { var command: String }
    }

    private func events(_ program: RunningProgram) throws -> [Watched] {
        try program.output.split(separator: "\n").map { try JSONDecoder().decode(Watched.self, from: Data($0.utf8)) }
    }

    private struct Standing: Decodable {
        struct Leaf: Decodable {
            struct Quarantine: Decodable { var reason: String }
            var uuid: String
            var gpu: Int
            var owner: String
            var quarantine: Quarantine?
        }
        var leaves: [Leaf]
        var lostGPUs: [Int]
    }

    private func standing(_ node: TestNode) throws -> Standing {
        try JSONDecoder().decode(Standing.self, from: Data(try node.flexmig("node", "list", "--json").output.utf8))
    }

    @Test func aQuarantinedLeafIsNotHandedOutUntilRestored() throws {
        let node = try TestNode("a100-40gb:1")
        let leaf = try node.list().leaves[2].uuid
        #expect(try node.flexmig("node", "quarantine", leaf, "--reason", "wrong sums").exitCode == 0)
        let table = try node.flexmig("node", "list")
        #expect(table.output.contains("quarantined") && table.output.contains("wrong sums"), "\(table)")
        let seven = try node.flexmig("run", "--leaves", "7", "--wait", "--", "/bin/true")
        #expect(seven.exitCode == 69 && seven.errors.contains("quarantined: wrong sums"), "\(seven)")
        let six = try node.flexmig("run", "--leaves", "6", "--", "/bin/sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
        #expect(six.exitCode == 0 && !six.output.contains(leaf), "\(six)")
        let cut = try node.flexmig("node", "flatten", "--layout", "doubles")
        #expect(cut.exitCode == 75 && cut.errors.contains("wrong sums"), "\(cut)")
        #expect(try node.list().leaves.count == 7)
        #expect(try node.flexmig("node", "restore", leaf).exitCode == 0)
        #expect(try node.flexmig("node", "restore", leaf).errors.contains("was not quarantined"))
        #expect(try node.flexmig("run", "--leaves", "7", "--", "/bin/true").exitCode == 0)
        try node.expectClean()
    }

    @Test func anotherOwnersLeavesAreLeftAlone() throws {
        let node = try TestNode()
        #expect(try node.flexmig("node", "assign", "1", "--owner", "slurm").exitCode == 0)
        let eight = try node.flexmig("run", "--leaves", "8", "--", "/bin/true")
        #expect(eight.exitCode == 69 && eight.errors.contains("7 leaves: assigned to slurm"), "\(eight)")
        let cut = try node.flexmig("node", "flatten", "--layout", "full", "--gpu", "1")
        #expect(cut.exitCode == 75 && cut.errors.contains("assigned to slurm"), "\(cut)")
        #expect(try standing(node).leaves.filter { $0.owner == "slurm" }.map(\.gpu) == Array(repeating: 1, count: 7))
        // The assignment is the GPU's: it holds for leaves that are cut later.
        #expect(try node.flexmig("node", "assign", "1", "--owner", "none").exitCode == 0)
        #expect(try node.flexmig("node", "flatten", "--layout", "full", "--gpu", "1").exitCode == 0)
        #expect(try standing(node).leaves.filter { $0.gpu == 1 }.allSatisfy { $0.owner == "none" })
        #expect(try node.flexmig("node", "assign", "1", "--owner", "flexmig").exitCode == 0)
        #expect(try node.flexmig("run", "--leaves", "14", "--", "/bin/true").exitCode == 0)
    }

    @Test func aHeldLeafIsAssignedToNobodyOnly() throws {
        let node = try TestNode("a100-40gb:1")
        let job = try node.startJob(leaves: 1, "--seconds", "60")
        let leaf = try #require(try node.list().leaves.first { $0.state == "held" }).uuid
        let refused = try node.flexmig("node", "assign", leaf, "--owner", "slurm")
        #expect(
            refused.exitCode == 75 && refused.errors.contains(leaf) && refused.errors.contains("--owner none"),
            "\(refused)")
        #expect(try node.flexmig("node", "assign", leaf, "--owner", "none").exitCode == 0)
        #expect(try standing(node).leaves.first { $0.uuid == leaf }?.owner == "none")
        try job.process.send(.terminate)
        _ = try job.wait()
        #expect(try node.flexmig("node", "assign", leaf, "--owner", "slurm").exitCode == 0)
        try node.expectClean()
    }

    /// Whoever comes first: no job runs on a leaf while the ledger says that Slurm may hand it out.
    @Test func assignmentsAndJobsExcludeEachOther() throws {
        let node = try TestNode("a100-40gb:1")
        let rank = "sleep 0.2; grep -q slurm '\(node.directory)/ledger/standings.json' && exit 9; exit 0"
        for _ in 0..<8 {
            let job = try node.start(["run", "--leaves", "7", "--", "/bin/sh", "-c", rank])
            let assign = try node.start(["node", "assign", "0", "--owner", "slurm"])
            let assigned = try assign.wait()
            let ran = try job.wait()
            #expect([0, 69].contains(ran.exitCode), "\(ran)")
            #expect([0, 75].contains(assigned.exitCode), "\(assigned)")
            #expect(try node.flexmig("node", "assign", "0", "--owner", "flexmig").exitCode == 0)
        }
        try node.expectClean()
    }

    @Test func namesAndOwnersThatAreNotThereAreRefused() throws {
        let node = try TestNode("a100-40gb:1")
        #expect(try node.flexmig("node", "assign", "7", "--owner", "slurm").exitCode == 64)
        #expect(try node.flexmig("node", "assign", "0", "--owner", "anna").exitCode == 64)
        #expect(try node.flexmig("node", "quarantine", "MIG-none", "--reason", "x").errors.contains("no leaf MIG-none"))
        #expect(try node.flexmig("node", "quarantine", "0", "--reason", " ").exitCode == 64)
        #expect(try node.flexmig("node", "quarantine", "0").exitCode == 64)
        #expect(try standing(node).leaves.allSatisfy { $0.owner == "flexmig" && $0.quarantine == nil })
    }

    /// The driver posts an error of one instance; the watch quarantines its leaf alone, and the job on it is told.
    @Test func aContainedFaultQuarantinesItsLeafAndTellsItsJob() throws {
        let node = try TestNode("a100-40gb:1")
        let job = try node.startJob(
            leaves: 2, options: ["--grace", "1", "--quarantine-signal", "TERM"], "--seconds", "60")
        let watch = try node.start(["node", "watch", "--quarantine", "--json"])
        watch.waitForOutput("watching 1 GPUs")
        let held = try node.list().leaves.filter { $0.state == "held" }
        // Thin leaves of a whole GPU have the instances 7 to 13 by place.
        let victim = try #require(held.last)
        let instance = 7 + (Int(victim.placement.prefix { $0 != ":" }) ?? 0)
        let posted = try node.flexmig(
            "node", "fault", "xid", "94", "--gpu", "0", "--instance", "\(instance)", "--compute", "0")
        #expect(posted.exitCode == 0, "\(posted)")
        watch.waitForOutput("\"xid\":94")
        let seen = try #require(try events(watch).first)
        #expect(seen.leaves == [victim.uuid] && seen.quarantined == "leaves" && seen.holders.count == 1)
        // The rank got the signal, which ends it and so the job.
        let ended = try job.wait()
        #expect(
            ended.exitCode == 143 && ended.errors.contains("leaf \(victim.uuid) of rank 1 was quarantined"), "\(ended)")
        #expect(try standing(node).leaves.filter { $0.quarantine != nil }.map(\.uuid) == [victim.uuid])
        try watch.process.send(.interrupt)
        #expect(try watch.wait().exitCode == 0)
    }

    @Test func anUncontainedFaultQuarantinesTheGPU() throws {
        let node = try TestNode()
        let watch = try node.start(["node", "watch", "--quarantine", "--json"])
        watch.waitForOutput("watching 2 GPUs")
        #expect(try node.flexmig("node", "fault", "xid", "13", "--gpu", "0").exitCode == 0)
        #expect(try node.flexmig("node", "fault", "xid", "95", "--gpu", "1").exitCode == 0)
        watch.waitForOutput("\"xid\":95")
        #expect(try standing(node).leaves.filter { $0.quarantine != nil }.map(\.gpu) == Array(repeating: 1, count: 7))
        #expect(try events(watch).map(\.xid) == [13, 95])
        // Restored, and again: it is quarantined again.
        #expect(try node.flexmig("node", "restore", "1").exitCode == 0)
        #expect(try standing(node).leaves.allSatisfy { $0.quarantine == nil })
        try watch.process.send(.terminate)
        #expect(try watch.wait().exitCode == 0)
    }

    @Test func aGPUThatIsLostIsToldAndTheOthersStay() throws {
        let node = try TestNode()
        let watch = try node.start(["node", "watch", "--quarantine", "--json", "--interval", "0.2"])
        watch.waitForOutput("watching 2 GPUs")
        #expect(try node.flexmig("node", "fault", "add", "lost", "--gpu", "1").exitCode == 0)
        watch.waitForOutput("\"event\":\"disappeared\"")
        let now = try standing(node)
        #expect(now.lostGPUs == [1] && now.leaves.count == 7)
        #expect(try node.flexmig("run", "--leaves", "7", "--", "/bin/true").exitCode == 0)
        #expect(try node.flexmig("node", "fault", "clear").exitCode == 0)
        watch.waitForOutput("\"event\":\"appeared\"")
        #expect(try standing(node).leaves.filter { $0.quarantine != nil }.count == 7)
        try watch.process.send(.interrupt)
        #expect(try watch.wait().exitCode == 0)
    }

    /// A node with a GPU that nobody can see is not as wanted; the other GPUs get what is wanted all the same.
    @Test func aGPUThatIsLostIsNotAsWanted() throws {
        let node = try TestNode()
        #expect(try node.flexmig("node", "verify", "--layout", "thin").exitCode == 0)
        #expect(try node.flexmig("node", "fault", "add", "lost", "--gpu", "1").exitCode == 0)
        let verified = try node.flexmig("node", "verify", "--layout", "thin")
        #expect(verified.exitCode == 1)
        #expect(verified.output.contains("GPU 1  has fallen off the bus; it needs a reset or a reboot"))
        #expect(try node.flexmig("node", "verify", "--layout", "thin", "--gpu", "0").exitCode == 0)
        #expect(try node.flexmig("node", "plan", "--layout", "full").exitCode == 69)
        let applied = try node.flexmig("node", "apply", "--layout", "full")
        #expect(applied.exitCode == 69)
        #expect(applied.errors.contains("GPU 1 has fallen off the bus"))
        #expect(try node.flexmig("node", "verify", "--layout", "full", "--gpu", "0").exitCode == 0)
    }

    @Test func layoutsThatSomebodyChangesAreTold() throws {
        let node = try TestNode("a100-40gb:1")
        let watch = try node.start(["node", "watch", "--once", "--json", "--timeout", "60"])
        watch.waitForOutput("watching 1 GPUs with 7 leaves")
        #expect(try node.flexmig("node", "flatten", "--layout", "doubles").exitCode == 0)
        let ended = try watch.wait()
        #expect(ended.exitCode == 0 && ended.output.contains("\"event\":\"layout\""), "\(ended)")
        let nothing = try node.flexmig("node", "watch", "--once", "--timeout", "0.3")
        #expect(nothing.exitCode == 75 && nothing.output.isEmpty, "\(nothing)")
    }

    @Test func withoutQuarantineAllIsOnlyTold() throws {
        let node = try TestNode("a100-40gb:1")
        let watch = try node.start(["node", "watch", "--once"])
        watch.waitForOutput("watching 1 GPUs")
        #expect(try node.flexmig("node", "fault", "xid", "79", "--gpu", "0").exitCode == 0)
        let ended = try watch.wait()
        #expect(ended.output.contains("fallen off the bus; should be quarantined: the GPU"), "\(ended)")
        #expect(try standing(node).leaves.allSatisfy { $0.quarantine == nil })
    }
}
