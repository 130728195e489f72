import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Plans for whole nodes: which entry a GPU has, where unplaced profiles go, and what the reasons say.
struct NodePlanTests {
    private static let model = GPUModel.a100With40GB

    private func entry(_ gpus: GPUSelector..., name: LayoutName, line: Int) -> WantedEntry {
        WantedEntry(gpus: gpus, instances: .named(name), line: line)
    }

    // MARK: Which entry

    @Test func narrowestEntryCounts() throws {
        let gpus = (0..<3).map { GPU.planned(Self.model, index: $0) } + [GPU.planned(.a30, index: 3)]
        let wanted = WantedNode(
            entries: [
                entry(.uuid(GPUUUID(rawValue: "GPU-2")), name: .doubles, line: 3), entry(.all, name: .thin, line: 5),
                entry(.model("a100-40gb"), name: .full, line: 7),
            ], source: "f")
        #expect(
            try wanted.instances(on: gpus) == [
                0: .named(.full), 1: .named(.full), 2: .named(.doubles), 3: .named(.thin),
            ])
    }

    @Test func gpuNamedTwice() throws {
        let gpus = [GPU.planned(Self.model)]
        let wanted = WantedNode(
            entries: [
                entry(.index(0), name: .full, line: 3), entry(.uuid(GPUUUID(rawValue: "GPU-0")), name: .thin, line: 9),
            ],
            source: "f")
        let error = try #require(throws: WantedNodeError.self) { try wanted.instances(on: gpus) }
        #expect("\(error)" == "f:9: GPU 0 (GPU-0) is named twice, in lines 3 and 9")
    }

    @Test func gpuThatIsNotThere() throws {
        let wanted = WantedNode(entries: [entry(.index(7), name: .full, line: 3)], source: "f")
        let error = try #require(throws: WantedNodeError.self) { try wanted.instances(on: [.planned(Self.model)]) }
        #expect("\(error)" == "f:3: this node has no GPU 7; it has 0 (GPU-0)")
        // A model that is not here is none of this node's business.
        let model = WantedNode(entries: [entry(.model("h100-80gb"), name: .full, line: 3)], source: "f")
        #expect(try model.instances(on: [.planned(Self.model)]).isEmpty)
    }

    /// NVIDIA mig-parted's way: the last entry counts, GPUs that are not there are ignored, device IDs filter.
    @Test func lastEntryCounts() throws {
        let test = try NodeFixture("a100-40gb:2,h100-80gb:1")
        let gpus = try test.node.state().gpus.enumerated().map { index, gpu in
            GPU(
                index: index, uuid: GPUUUID(rawValue: gpu.uuid), name: gpu.model.name, model: gpu.model.id, busID: "",
                numaNode: 0, memoryMiB: 1, migMode: .on, geometry: gpu.model.geometry, instances: [], leaves: [],
                pciDeviceID: gpu.model.pciDeviceIDs[0])
        }
        func entry(_ gpus: [GPUSelector], _ ids: [UInt32]?, _ name: String) -> WantedEntry {
            WantedEntry(gpus: gpus, pciDeviceIDs: ids, instances: .profiles([WantedProfile(name: name)]), line: nil)
        }
        let wanted = WantedNode(
            entries: [
                entry([.all], nil, "a"), entry([.index(0), .index(17)], nil, "b"), entry([.all], [0x2330_10DE], "c"),
                entry([.index(1)], [0x2330_10DE, 0x20B0_10DF], "d"),
            ], precedence: .last, source: "f")
        #expect(
            try wanted.instances(on: gpus).mapValues { "\($0)" }
                == [0: "b", 1: "a", 2: "c"].mapValues { "\(WantedInstances.profiles([WantedProfile(name: $0)]))" })
    }

    // MARK: Plans on a node

    private func change(_ gpu: GPU) throws -> (LayoutChange<GeometryBackend>, Ledger) {
        let ledger = try Ledger(stateDirectory: try TemporaryDirectory().path)
        return (LayoutChange(backend: GeometryBackend(gpu, model: Self.model), ledger: ledger), ledger)
    }

    private func wanted(_ profiles: String...) -> WantedNode {
        WantedNode(all: .profiles(profiles.map { WantedProfile(name: $0) }), source: "f")
    }

    private func spec(_ profile: MIGProfile.ID, _ start: Int, _ size: Int) -> MIGSpec {
        MIGSpec(profile: profile, placement: Placement(start: start, size: size))
    }

    /// Unplaced profiles lie where they keep what is in use, although fewer instances stay that way.
    @Test func instancesInUseStay() throws {
        let there = Layout([spec(9, 0, 4), spec(19, 4, 1), spec(19, 5, 1)])
        let (change, ledger) = try change(.planned(Self.model, there))
        let busy = MIGDeviceUUID(rawValue: "MIG-9-0:4-0")
        try ledger.take(from: [busy]) { _ in
            LeaseRecord(job: .make(), user: "anna", command: "x", since: 0, leaves: [busy])
        }
        let plan = try change.plan(wanted("3g.20gb", "2g.10gb", "1g.5gb"))
        try plan.requirePossible()
        let part = try #require(plan.plans.first)
        #expect(part.kept.map(\.spec) == [spec(9, 0, 4), spec(19, 4, 1)] || part.kept.map(\.spec) == [spec(9, 0, 4)])
        #expect(plan.parts[0].uses.map(\.leaf) == [busy])
        // A layout that has no room for it is refused, and says who.
        let none = try change.plan(wanted("4g.20gb", "3g.20gb"))
        #expect(throws: LeavesInUse.self) { try none.requirePossible() }
        #expect(try change.apply(wanted("3g.20gb", "3g.20gb")).plans.first?.kept.map(\.spec) == [spec(9, 0, 4)])
    }

    @Test func reasons() throws {
        let gpu = GPU.planned(
            Self.model,
            [
                .with(spec(9, 0, 4), number: 1, devices: 2), .whole(spec(14, 4, 2), number: 5),
                .with(spec(19, 6, 1), number: 13, devices: 0),
            ])
        let wanted = Layout([spec(9, 0, 4), spec(19, 4, 1), spec(19, 6, 1)])
        let plan = try gpu.plan(wanted).get()
        #expect(
            plan.steps.map { "\($0.description(on: gpu.geometry)): \(plan.reason(for: $0))" } == [
                "destroy 3g.20gb at 0:4: cut into 2 compute instances",
                "destroy 2g.10gb at 4:2: in the way of 1g.5gb at 4:1",
                "create the compute instance of 1g.5gb at 6:1: wanted, but has no compute instance",
                "create 3g.20gb at 0:4: missing", "create 1g.5gb at 4:1: missing",
            ])
    }

    @Test func profilesThatTheGPULacks() throws {
        let (change, _) = try change(.planned(Self.model))
        let plan = try change.plan(wanted("1g.6gb"))
        let error = try #require(throws: LayoutRefusal.self) { try plan.requirePossible() }
        #expect("\(error)".hasPrefix("GPU 0: it has no profile 1g.6gb; it offers 1g.5gb, 1g.5gb+me, "))
        #expect(!plan.isDone)
    }

    /// Off is never switched to.
    @Test func migModeOffIsWanted() throws {
        let (change, _) = try change(.planned(Self.model))
        let plan = try change.plan(WantedNode(all: .migModeOff, source: "f"))
        #expect(!plan.isDone)
        let error = try #require(throws: LayoutRefusal.self) { try plan.requirePossible() }
        #expect("\(error)".hasPrefix("MIG mode of GPU 0 is on, and should be off\nflexmig never switches it. "))
        #expect("\(error)".hasSuffix("nvidia-smi -i 0 -mig 0"))
    }

    // MARK: Right before a destruction

    /// A program that starts on a leaf after the plan, with no lease: nothing of the leaf is touched.
    @Test func programThatStartsMeanwhile() throws {
        let test = try LayoutNode("a100-40gb:1")
        _ = try test.flatten("thin")
        let leaf = try test.leaves()[6]
        let client = try test.client()
        try test.node.change { _, _ in
            // The driver is kept busy, so the change stands in its first destruction.
            try client.send("flatten doubles")
            let deadline = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < deadline, try test.ledger.state(of: leaf).record == nil {}
            return .init(())
        }
        let context = try? SimulatedContext(on: leaf.rawValue, of: test.node)
        let answer = try test.answer(of: client).answer
        if context != nil {
            #expect(answer.contains("in use") || answer.contains("runs on leaf"), "\(answer)")
            #expect(try test.leaves().contains(leaf))
        } else {
            #expect(answer.hasPrefix("flattened"))
        }
        context?.close()
        #expect(try test.flatten("doubles").answer.hasPrefix("flattened "))
    }
}
