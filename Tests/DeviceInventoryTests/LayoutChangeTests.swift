import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Flattening over the simulated library, in processes of its own.
struct LayoutChangeTests {
    @Test(arguments: [
        ("thin", "a100-40gb:2", LayoutName.thin, 14), ("full", "h100-80gb:1", .full, 7),
        ("doubles", "h200-141gb:1", .doubles, 4), ("thin on A30", "a30-24gb:1", .thin, 4),
    ])
    func flattensAFreshNode(what: String, spec: String, name: LayoutName, steps: Int) throws {
        let test = try LayoutNode(spec)
        let (progress, answer) = try test.flatten(name.rawValue)
        #expect(answer == "flattened \(steps) 0", "\(what)")
        #expect(progress.count == steps)
        #expect(progress.first?.hasPrefix("GPU 0: create 1g.") == true)
        for gpu in try test.node.state().gpus.indices { #expect(try test.has(name, on: gpu)) }
        #expect(try test.isReleased())
    }

    @Test func secondTimeDoesNothing() throws {
        let test = try LayoutNode("a100-40gb:2")
        _ = try test.flatten("full")
        let before = try test.node.state()
        let (progress, answer) = try test.flatten("full")
        #expect(answer == "flattened 0 14")
        #expect(progress.isEmpty)
        #expect(try test.node.state() == before)
    }

    @Test func onlyTheGPUsThatAreNamed() throws {
        let test = try LayoutNode("a100-40gb:2")
        #expect(try test.flatten("doubles gpu=1").answer == "flattened 4 0")
        #expect(try test.leaves(on: 0).isEmpty)
        #expect(try test.has(.doubles, on: 1))
    }

    @Test func dryRunChangesNothing() throws {
        let test = try LayoutNode("a100-40gb:1")
        _ = try test.flatten("thin")
        let before = try test.node.state()
        let (progress, answer) = try test.flatten("doubles dry-run")
        #expect(answer == "flattened 11 0")
        #expect(progress.isEmpty)
        #expect(try test.node.state() == before)
        #expect(try test.isReleased())
    }

    /// A half-made instance gets its device; one that was cut up again goes.
    @Test func oddInstances() throws {
        let test = try LayoutNode("a100-40gb:1")
        let kept = try test.node.change { state, _ in
            var random = SplitMix(seed: 1)
            let bare = try state.createGPUInstance(profile: 19, at: Placement(start: 0, size: 1), on: 0)
            let large = try state.createGPUInstance(profile: 9, at: Placement(start: 4, size: 4), on: 0)
            _ = try state.createComputeInstance(profile: 0, in: large, using: &random)
            _ = try state.createComputeInstance(profile: 1, in: large, using: &random)
            return .init(bare)
        }
        let (progress, answer) = try test.flatten("thin")
        #expect(answer == "flattened 8 0")
        #expect(
            progress.prefix(2) == [
                "GPU 0: destroy 3g.20gb at 4:4", "GPU 0: create the compute instance of 1g.5gb at 0:1",
            ])
        #expect(try test.has(.thin))
        #expect(try test.node.state().gpus[0].instances.contains { $0.serial == kept })
    }

    // MARK: Leaves in use

    /// Nothing is changed on any GPU when one leaf of one of them is leased, and its holder is named.
    @Test func leasedLeafThatWouldGo() throws {
        let test = try LayoutNode("a100-40gb:2")
        _ = try test.flatten("thin")
        let leaf = try test.leaves(on: 1)[3]
        let holder = try test.client()
        #expect(try holder.ask("take jbusy \(leaf)") == "taken")
        let before = try test.node.state()
        for words in ["doubles", "doubles dry-run"] {
            let (progress, answer) = try test.flatten(words)
            #expect(progress.isEmpty)
            let start = "error LeavesInUse nothing was changed: leaves that would have to go are in use or not ours"
            #expect(answer.hasPrefix("\(start) /   GPU 1 \(leaf): job jbusy of anna, for "))
            #expect(answer.hasSuffix(" s: ./train / Wait for them, or name other GPUs with --gpu."))
            #expect(try test.node.state() == before)
        }
        #expect(try test.leaves(on: 0).allSatisfy { try test.ledger.state(of: $0) == .free })
        // The other GPU can be changed meanwhile.
        #expect(try test.flatten("doubles gpu=0").answer == "flattened 11 0")
        #expect(try holder.ask("state \(leaf)") == "held jbusy")
    }

    @Test func leaseLeftBehind() throws {
        let test = try LayoutNode("a100-40gb:1")
        _ = try test.flatten("thin")
        let holder = try test.client()
        #expect(try holder.ask("take jdead \(try test.leaves()[0])") == "taken")
        try holder.kill()
        let before = try test.node.state()
        #expect(try test.flatten("doubles").answer.contains(": left behind by job jdead of anna"))
        #expect(try test.node.state() == before)
    }

    /// A program that somebody started on a leaf by hand counts as much as a job.
    @Test func processWithoutLease() throws {
        let test = try LayoutNode("a100-40gb:1")
        _ = try test.flatten("thin")
        let leaf = try test.leaves()[6]
        let context = try SimulatedContext(on: leaf.rawValue, of: test.node)
        let before = try test.node.state()
        #expect(
            try test.flatten("full").answer.contains(" \(leaf): process \(ProcessID.current), which has no lease / "))
        #expect(try test.node.state() == before)
        #expect(try test.isReleased())
        context.close()
        #expect(try test.flatten("full").answer == "flattened 2 6")
    }

    /// Leaves that stay are not touched, whoever is on them.
    @Test func heldLeavesThatStay() throws {
        let test = try LayoutNode("a100-40gb:1")
        _ = try test.flatten("thin")
        let leaves = try test.leaves()
        let holder = try test.client()
        #expect(try holder.ask("take jbusy \(leaves[0]) \(leaves[5])") == "taken")
        let context = try SimulatedContext(on: leaves[1].rawValue, of: test.node)
        #expect(try test.flatten("thin").answer == "flattened 0 7")
        // From thin to full only the last leaf changes.
        #expect(try test.flatten("full").answer == "flattened 2 6")
        #expect(try test.leaves().prefix(6) == leaves.prefix(6))
        #expect(try test.leaves().count == 7)
        #expect(try holder.ask("state \(leaves[5])") == "held jbusy")
        context.close()
    }

    /// While leaves go they are leased, so that no job can start on them.
    @Test func leavesThatGoAreHeldMeanwhile() throws {
        let test = try LayoutNode("a100-40gb:1")
        _ = try test.flatten("thin")
        let leaves = try test.leaves()
        let client = try test.client()
        // The driver is kept busy, so the change stands before its first step.
        let command: String? = try test.node.change { _, _ in
            try client.send("flatten doubles")
            let deadline = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < deadline {
                if let record = try test.ledger.state(of: leaves[6]).record { return .init(record.command) }
            }
            return .init(nil)
        }
        #expect(command == "flexmig node flatten --layout doubles")
        #expect(try test.answer(of: client).answer == "flattened 11 0")
        #expect(try leaves.allSatisfy { try test.ledger.state(of: $0) == .free })
    }
}
