import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// `NVMLBackend.inventory` against the simulated driver, and `DeviceError` against one that answers nonsense.
///
/// Each test runs in a process of its own: a library's session and node are its process's.
struct InventoryReadingTests {
    /// Every model as the driver describes it: the same profiles, places and figures as in this project's table.
    @Test(arguments: GPUModel.all.map(\.id.rawValue))
    func aFreshGPU(model: String) async throws {
        let fixture = try NodeFixture("\(model):2")
        await #expect(processExitsWith: .success) { [path = fixture.path as String, model] in
            withInventory(of: path) { inventory in
                let node = try SimulatedNode(opening: path)
                let known = try #require(GPUModel.named(model))
                expect(inventory.gpus.map(\.index), [0, 1])
                expect(inventory.gpus.map(\.uuid.rawValue), try node.state().gpus.map(\.uuid))
                expect(inventory.gpus.map(\.busID), ["00000000:07:00.0", "00000000:08:00.0"])
                expect(inventory.gpus.map(\.numaNode), [0, 1])
                for gpu in inventory.gpus {
                    expect(gpu.name, known.name)
                    expect(gpu.model, known.id)
                    expect(gpu.memoryMiB, known.memoryMiB)
                    expect(gpu.migMode, .on)
                    expect(gpu.instances, [])
                    expect(gpu.layout, Layout([]))
                    expect(
                        [gpu.geometry.memorySlices, gpu.geometry.computeSlices],
                        [known.geometry.memorySlices, known.geometry.computeSlices])
                    expect(gpu.geometry.profiles.count, known.geometry.profiles.count)
                    for profile in gpu.geometry.profiles {
                        // What was read is the driver's word; all else is as in the table.
                        var expected = try #require(known.geometry.profile(id: profile.id))
                        expected.evidence = .driver
                        expected.placementEvidence = .driver
                        expect(profile, expected, "profile \(profile.name)")
                    }
                }
                expect(inventory.leaves, [])
                expect(inventory.driver.simulatedNode, path)
                expect(inventory.driver.version, "595.58.03")
                expect(inventory.driver.grade, "simulated driver")
            }
        }
    }

    /// The layout with all memory slices used: six thin leaves and a fat one.
    @Test func aFullLayout() async throws {
        let fixture = try NodeFixture("h100-80gb:1,a100-40gb:1")
        for start in [5, 3, 0, 1, 4, 2] { try fixture.makeLeaf(at: start) }
        try fixture.makeLeaf(at: 6, size: 2, profile: 15)
        try fixture.makeLeaf(at: 6, on: 1)
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withInventory(of: path) { inventory in
                let gpu = inventory.gpus[0]
                expect(gpu.layoutName, .full)
                expect(gpu.isWhole, true)
                expect(gpu.instances.map(\.id.rawValue), [7, 8, 9, 10, 11, 12, 6])
                expect(
                    gpu.instances.map(\.spec.placement.description), ["0:1", "1:1", "2:1", "3:1", "4:1", "5:1", "6:2"])
                expect(gpu.leaves.map(\.leafType), Array(repeating: .thin, count: 6) + [.fat])
                expect(gpu.leaves.map(\.multiprocessors), [16, 16, 16, 16, 16, 16, 26])
                expect(gpu.leaves.map(\.memoryMiB), [9984, 9984, 9984, 9984, 9984, 9984, 20096])
                expect(gpu.leaves.map(\.profile), Array(repeating: "1g.10gb", count: 6) + ["1g.20gb"])
                expect(gpu.leaves.map { [$0.uuid] }, gpu.instances.map { $0.devices.map(\.uuid) })
                expect(Set(gpu.leaves.map(\.uuid)).count, 7)
                expect(inventory.leaves.map(\.gpu), [0, 0, 0, 0, 0, 0, 0, 1])
                let state = try SimulatedNode(opening: path).state()
                for leaf in inventory.leaves {
                    let found = state.computeInstance(uuid: leaf.uuid.rawValue)
                    expect(found?.gpu, leaf.gpu)
                    expect(found?.instance.placement, leaf.placement)
                    expect(found?.instance.id, leaf.gpuInstance.rawValue)
                    expect(leaf.numaNode, leaf.gpu, "two GPUs, two NUMA nodes")
                }
                expect(inventory.gpus[1].layoutName, nil)
            }
        }
    }

    /// Instances as somebody else may have made them: without a device, with a smaller one, with several.
    @Test func instancesOfOthers() async throws {
        let fixture = try NodeFixture()
        try fixture.node.change { state, _ in
            var generator = SystemRandomNumberGenerator()
            _ = try state.createGPUInstance(profile: 19, at: Placement(start: 6, size: 1), on: 0)
            let two = try state.createGPUInstance(profile: 14, at: Placement(start: 4, size: 2), on: 0)
            _ = try state.createComputeInstance(profile: 0, in: two, using: &generator)
            let four = try state.createGPUInstance(profile: 5, at: Placement(start: 0, size: 4), on: 0)
            _ = try state.createComputeInstance(profile: 1, in: four, using: &generator)
            for _ in 0..<2 { _ = try state.createComputeInstance(profile: 0, in: four, using: &generator) }
            return .init(())
        }
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withInventory(of: path) { inventory in
                let gpu = inventory.gpus[0]
                expect(gpu.instances.map(\.id.rawValue), [1, 5, 13])
                expect(gpu.instances.map { $0.devices.map(\.computeInstance.rawValue) }, [[0, 1, 2], [0], []])
                expect(gpu.isWhole, false)
                expect(gpu.layoutName, nil)
                expect(gpu.leaves.map(\.profile), ["4g.20gb", "4g.20gb", "4g.20gb", "2g.10gb"])
                expect(gpu.leaves.map(\.multiprocessors), [28, 14, 14, 14], "SMs of the compute instance")
                expect(gpu.leaves.map(\.memoryMiB), [19968, 19968, 19968, 9856], "memory of the GPU instance, shared")
                expect(gpu.leaves.map(\.leafType.rawValue), ["4g.20gb", "4g.20gb", "4g.20gb", "2g.10gb"])
            }
        }
    }

    /// A 1g with media engines is no thin leaf, and on an A30 the 1g profile has another ID.
    @Test func leafTypes() async throws {
        let fixture = try NodeFixture("a30-24gb:1,a100-80gb:1")
        try fixture.makeLeaf(at: 0, profile: 14)
        try fixture.makeLeaf(at: 1, profile: 21)
        try fixture.makeLeaf(at: 2, size: 2, profile: 5, compute: 1)
        try fixture.makeLeaf(at: 0, size: 8, profile: 0, compute: 4, on: 1)
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withInventory(of: path) { inventory in
                expect(inventory.leaves.map(\.leafType.rawValue), ["thin", "1g.6gb+me", "2g.12gb", "7g.80gb"])
                expect(inventory.leaves.map(\.multiprocessors), [14, 14, 28, 98])
            }
        }
    }

    /// MIG mode off, on, and wanted otherwise with instances in the way.
    @Test func modes() async throws {
        let fixture = try NodeFixture("a100-40gb:3")
        try fixture.makeLeaf(at: 0, on: 1)
        let switched = try fixture.node.change { state, _ in .init([0, 1].map { state.setMIGMode(false, on: $0) }) }
        #expect(switched == [true, false])
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withInventory(of: path) { inventory in
                expect(inventory.gpus.map(\.migMode), [.off, .pendingOff, .on])
                expect(inventory.gpus.map(\.migMode.isOn), [false, true, true])
                expect(inventory.gpus.map(\.leaves.count), [0, 1, 0])
                expect(inventory.gpus.map(\.geometry.profiles.count), [7, 7, 7], "what could be made")
            }
        }
    }

    /// The processes on a leaf, also on one that came after the last inventory, and on none.
    @Test func processesOnLeaves() async throws {
        let fixture = try NodeFixture()
        let first = try fixture.makeLeaf(at: 0).uuid
        await #expect(processExitsWith: .success) { [path = fixture.path as String, first = first as String] in
            withBackend(of: path) { backend in
                let node = try SimulatedNode(opening: path)
                let leaf = MIGDeviceUUID(rawValue: first)
                expect(try backend.processes(on: leaf), [], "without an inventory before")
                let context = try SimulatedContext(on: first, of: node)
                expect(try backend.processes(on: leaf), [.current])
                context.close()
                let late = try node.change { state, _ in
                    var generator = SystemRandomNumberGenerator()
                    let serial = try state.createGPUInstance(profile: 19, at: nil, on: 0)
                    return .init(try state.createComputeInstance(profile: 0, in: serial, using: &generator).uuid)
                }
                expect(try backend.processes(on: MIGDeviceUUID(rawValue: late)), [])
                let error = #expect(throws: DeviceError.self) {
                    try backend.processes(on: MIGDeviceUUID(rawValue: "MIG-none"))
                }
                expect(error?.kind, .gone)
                expect(error?.description, "the node has no leaf MIG-none")
            }
        }
    }

    /// Who draws on a +gfx leaf is on it too, and keeps it.
    @Test func processesThatDraw() async throws {
        let fixture = try NodeFixture("rtx-pro-6000-96gb:1")
        let leaf = try fixture.makeLeaf(at: 0, profile: 47).uuid
        try fixture.node.addForeignProcess(ProcessID(rawValue: 4242), on: leaf, isGraphics: true)
        await #expect(processExitsWith: .success) { [path = fixture.path as String, leaf = leaf as String] in
            withBackend(of: path) { backend in
                let leaf = MIGDeviceUUID(rawValue: leaf)
                expect(try backend.processes(on: leaf), [ProcessID(rawValue: 4242)])
                let ledger = try Ledger(stateDirectory: path)
                let change = LayoutChange(backend: backend, ledger: ledger, patience: .zero)
                #expect(throws: LeavesInUse.self) { try change.apply(WantedNode(all: .named(.thin), source: "thin")) }
            }
        }
    }

    // MARK: What goes wrong

    @Test func missingLibraries() throws {
        let error = try #require(throws: DeviceError.self) { try NVMLBackend(library: "/no/such/libnvidia-ml.so.1") }
        #expect(error.kind == .libraryMissing)
        #expect(error.description.hasPrefix("/no/such/libnvidia-ml.so.1 can't be loaded: "))
    }

    @Test func missingNodes() async {
        await #expect(processExitsWith: .success) {
            Environment.set(SimulatedNode.environmentVariable, "/no/such/node")
            let library = try BuiltProduct.path("libflexmig-simulated-nvml.so")
            let error = #expect(throws: DeviceError.self) { try NVMLBackend(library: library) }
            expect(error?.kind, .driverNotLoaded)
            expect(
                error?.description.hasPrefix(
                    "nvmlInit_v2 on /no/such/node answered DRIVER_NOT_LOADED (NVML code 9)\nLoad"), true)
        }
    }

    /// Whatever call of an inventory answers a code that nobody knows: an error that keeps the code and names the call.
    @Test(arguments: [
        "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetMemoryInfo",
        "nvmlDeviceGetMigMode", "nvmlDeviceGetGpuInstanceProfileInfo", "nvmlDeviceGetGpuInstancePossiblePlacements_v2",
        "nvmlDeviceGetGpuInstances", "nvmlDeviceGetUUID", "nvmlDeviceGetName",
    ])
    func unknownCodes(call: String) async {
        await #expect(processExitsWith: .success) { [call] in
            Environment.set("ODD_NVML_FAILS", call)
            let backend = try NVMLBackend(library: try BuiltProduct.path("libodd-nvml.so"))
            let error = #expect(throws: DeviceError.self) { try backend.inventory() }
            expect(error?.kind, .other)
            expect(error?.message.hasPrefix(call), true, error?.message ?? "")
            expect(error?.message.hasSuffix("answered NVML code 4242, which this version does not know"), true)
        }
    }

    /// A GPU that the tables do not have, behind a driver too old to name its profiles: names by NVIDIA's rule.
    @Test func anUnknownGPU() async {
        await #expect(processExitsWith: .success) {
            let backend = try NVMLBackend(library: try BuiltProduct.path("libodd-nvml.so"))
            let inventory = try backend.inventory()
            let gpu = inventory.gpus[0]
            expect(gpu.model, nil)
            expect(gpu.numaNode, nil)
            expect(gpu.geometry.profiles.map(\.name), ["2g.10gb"])
            expect([gpu.geometry.memorySlices, gpu.geometry.computeSlices], [6, 2])
            expect(inventory.driver.grade, "real driver")
        }
    }
}

/// Runs a body on the simulated library. For exit tests: of an error that one of them throws, nothing is shown elsewhere.
private func withBackend(of node: String, _ body: (NVMLBackend) throws -> Void) {
    Environment.set(SimulatedNode.environmentVariable, node)
    do {
        try body(try NVMLBackend(library: try BuiltProduct.path("libflexmig-simulated-nvml.so")))
    } catch {
        Issue.record("\(error)")
    }
}

private func withInventory(of node: String, _ body: (NodeInventory) throws -> Void) {
    withBackend(of: node) { try body(try $0.inventory()) }
}

/// As `#expect(actual == expected)`, for exit tests: of those, the parent process shows the comment alone.
private func expect<Value: Equatable>(_ actual: Value, _ expected: Value, _ what: String = "", line: Int = #line) {
    if actual != expected { Issue.record("line \(line): \(what) is \(actual), not \(expected)") }
}
