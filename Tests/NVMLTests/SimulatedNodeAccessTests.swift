import CNVML
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// How the library finds its node and its GPUs, and what it answers when something is wrong with them.
struct SimulatedNodeAccessTests {
    @Test func gpusAreFoundByIndexUUIDAndBusID() async throws {
        let fixture = try NodeFixture("a100-40gb:1,h100-80gb:2")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                expect(client.number("nvmlDeviceGetCount_v2"), 3)
                let second = client.gpu(1)
                expect(client.text("nvmlDeviceGetName", second), "NVIDIA H100 80GB HBM3")
                expect(client.number("nvmlDeviceGetIndex", second), 1)
                expect(client.number("nvmlDeviceGetMinorNumber", second), 1)
                expect(client.number("nvmlDeviceGetArchitecture", second), 9)
                expect(client.number("nvmlDeviceGetNumaNodeId", client.gpu(2)), 1)
                expect(client.code("nvmlDeviceGetHandleByIndex_v2", 3, client.scratch.word), Answer.invalidArgument)
                expect(client.device(client.text("nvmlDeviceGetUUID", second)), second)
                let pci = Scratch()
                expect(client.code("nvmlDeviceGetPciInfo_v3", second, pci.word), Answer.success)
                expect(pci.text(), "0000:08:00.0", "the legacy form")
                expect(pci.text(at: 36), "00000000:08:00.0")
                expect(pci.value(at: 28, as: UInt32.self), 0x2330_10de)
                for (busID, found) in [
                    ("00000000:08:00.0", second), ("0000:08:00.0", second), ("0:8:0.0", second), ("08:00.0", second),
                    ("0000:08:00", second), ("8:0", second), ("00000000:0A:00.0", 0), ("0:8:1.0", 0), ("1:8:0.0", 0),
                    ("", 0), (":00.0", 0), ("0", 0), (".0", 0), ("8", 0), ("0:8:0.0.0", 0), ("0:0:8:0.0", 0),
                    ("x:y.z", 0),
                ] {
                    let handle = client.handle("nvmlDeviceGetHandleByPciBusId_v2", Scratch(busID).word)
                    expect(handle, found, "bus id \"\(busID)\"")
                }
                let none = Scratch("00000000:FF:00.0")
                expect(client.code("nvmlDeviceGetHandleByPciBusId_v2", none.word, client.scratch.word), Answer.notFound)
                let wrong = Scratch("not a bus id")
                expect(
                    client.code("nvmlDeviceGetHandleByPciBusId_v2", wrong.word, client.scratch.word),
                    Answer.invalidArgument)
            }
        }
    }

    /// A text and its zero must fit, to the byte; nothing is written behind the buffer.
    @Test func shortBuffersAreRefused() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                let buffer = Scratch(String(repeating: "x", count: 200))
                for length in 0...21 as ClosedRange<UInt> {
                    expect(
                        client.code("nvmlDeviceGetName", gpu, buffer.word, length), Answer.insufficientSize,
                        "length \(length)")
                }
                expect(buffer.text().count, 200, "untouched")
                expect(client.code("nvmlDeviceGetName", gpu, buffer.word, 22), Answer.success)
                expect(buffer.text(), "NVIDIA A100-SXM4-40GB")
                expect(buffer.text(at: 22).count, 178, "what lies behind")
                for (call, text) in [
                    ("nvmlSystemGetDriverVersion", "595.58.03"), ("nvmlSystemGetNVMLVersion", "13.595.58.03"),
                ] {
                    expect(client.code(call, buffer.word, UInt(text.count)), Answer.insufficientSize, call)
                    expect(client.code(call, buffer.word, UInt(text.count + 1)), Answer.success, call)
                    expect(buffer.text(), text)
                }
                expect(client.code("flexmigSimulatedNode", buffer.word, 5), Answer.insufficientSize)
                expect(client.code("flexmigSimulatedNode", 0, 4096), Answer.invalidArgument)
                expect(client.number("nvmlSystemGetCudaDriverVersion_v2"), 13030)
            }
        }
    }

    @Test func modeWaitsForInstances() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                let pending = Scratch()
                func mode() -> [UInt32] {
                    expect(client.code("nvmlDeviceGetMigMode", gpu, client.scratch.word, pending.word), Answer.success)
                    return [client.scratch.number, pending.number]
                }
                func set(_ mode: UInt) -> [Int32?] {
                    let code = client.code("nvmlDeviceSetMigMode", gpu, mode, client.scratch.word)
                    return [code, client.scratch.value()]
                }
                expect(mode(), [1, 1])
                let leaf = client.leaf(at: 0, on: gpu)
                expect(set(0), [Answer.success, Answer.inUse], "the activation says what happened")
                expect(mode(), [1, 0])
                _ = client.code("nvmlComputeInstanceDestroy", leaf.compute)
                _ = client.code("nvmlGpuInstanceDestroy", leaf.instance)
                expect(set(0), [Answer.success, Answer.success])
                expect(mode(), [0, 0])
                expect(client.create(19, at: 0, size: 1, on: gpu).code, Answer.notSupported)
                expect(client.number("nvmlDeviceGetMaxMigDeviceCount", gpu), 0)
                for (call, number) in [
                    ("nvmlDeviceGetGpuInstances", 19), ("nvmlDeviceGetGpuInstanceById", 7),
                    ("nvmlDeviceGetGpuInstanceRemainingCapacity", 19),
                ] as [(String, UInt)] {
                    expect(client.code(call, gpu, number, client.scratch.word, pending.word), Answer.notSupported, call)
                }
                expect(
                    client.code("nvmlDeviceGetGpuInstanceProfileInfo", gpu, 0, Scratch().word), Answer.success,
                    "static all the same")
                expect(set(2).first, Answer.invalidArgument)
                expect(set(1), [Answer.success, Answer.success])
                expect(client.create(19, at: 0, size: 1, on: gpu).code, Answer.success)
                expect(client.code("nvmlDeviceGetUtilizationRates", gpu, client.scratch.word), Answer.notSupported)
            }
        }
    }

    enum Wrong: String, CaseIterable {
        case unset, missing, empty, foreign, otherVersion, halfWritten
    }

    /// Without a usable node there is no driver.
    @Test(arguments: Wrong.allCases)
    func noNodeIsNoDriver(wrong: Wrong) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("node")
        if wrong != .missing { try Files.makeDirectory(path) }
        switch wrong {
        case .foreign: try Files.replace("\(path)/letter.txt", with: [1])
        case .otherVersion: try Files.replace("\(path)/driver.state", with: Array("flexmig-simulated-node 9\n".utf8))
        case .halfWritten: try Files.replace("\(path)/driver.state", with: Array("flexmig-simulated-node 1\nsp".utf8))
        case .unset, .missing, .empty: break
        }
        let node = wrong == .unset ? "" : path
        await #expect(processExitsWith: .success) { [node = node as String] in
            withClient(of: node, initialized: false) { client in
                for start in ["nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags"] {
                    expect(client.code(start, 0), Answer.driverNotLoaded, start)
                }
                expect(client.number("nvmlDeviceGetCount_v2"), nil)
                expect(client.code("nvmlShutdown"), Answer.uninitialized)
            }
        }
    }

    /// The node goes away under an open session: an error, and all is well when it comes back.
    @Test func aNodeThatVanishesIsAnError() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                let state = try Files.read("\(path)/driver.state")
                try Files.replace("\(path)/driver.state", with: Array(state.dropLast(5)))
                expect(client.code("nvmlDeviceGetCount_v2", client.scratch.word), Answer.unknown)
                expect(client.create(19, at: 0, size: 1, on: gpu).code, Answer.unknown)
                try Files.remove("\(path)/driver.state")
                expect(client.code("nvmlDeviceGetCount_v2", client.scratch.word), Answer.unknown)
                try Files.replace("\(path)/driver.state", with: state)
                expect(client.number("nvmlDeviceGetCount_v2"), 1)
            }
        }
    }

    /// Who may only look gets NO_PERMISSION for changes, as a user without the right to configure MIG.
    @Test func changingNeedsPermission() async throws {
        let fixture = try NodeFixture()
        try fixture.makeLeaf(at: 0)
        try setWritable(false, fixture.path)
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            giveUpRoot()
            withClient(of: path) { client in
                let handles = LivingHandles(client)
                expect(client.create(19, at: 3, size: 1, on: handles.gpu).code, Answer.noPermission)
                for (call, handle) in [
                    ("nvmlComputeInstanceDestroy", handles.compute),
                    ("nvmlGpuInstanceCreateComputeInstance", handles.instance),
                ] { expect(client.code(call, handle, 0, client.scratch.word), Answer.noPermission, call) }
                expect(client.code("nvmlDeviceSetMigMode", handles.gpu, 0, client.scratch.word), Answer.noPermission)
                expect(client.text("nvmlDeviceGetName", handles.device), "NVIDIA A100-SXM4-40GB MIG 1g.5gb")
                client.scratch.set(9 as UInt32)
                expect(
                    client.code(
                        "nvmlDeviceGetComputeRunningProcesses_v3", handles.gpu, client.scratch.word, Scratch().word),
                    Answer.success)
            }
        }
        try setWritable(true, fixture.path)
    }
}
