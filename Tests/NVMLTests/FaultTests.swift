import CNVML
import Glibc
import NVML
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Faults and events as a program sees them that speaks NVML.
struct FaultTests {
    @Test func codesReachTheCaller() async throws {
        let fixture = try NodeFixture("a100-40gb:2")
        try fixture.node.inject(.code(777, of: "nvmlDeviceGetCount_v2", 2))
        try fixture.node.inject(.insufficientResources())
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let scratch = Scratch()
                expect(client.code("nvmlDeviceGetCount_v2", scratch.word), 777)
                expect(client.code("nvmlDeviceGetCount", scratch.word), 777, "the old name is the same function")
                expect(client.code("nvmlDeviceGetCount_v2", scratch.word), 0)
                let gpu = client.gpu()
                expect(client.create(19, at: 0, size: 1, on: gpu).code, Answer.insufficientResources)
                let leaf = client.leaf(at: 0, on: gpu)
                let node = try SimulatedNode(opening: path)
                try node.inject(.inUse(2, gpu: 0, instance: 7))
                expect(client.code("nvmlGpuInstanceDestroy", leaf.instance), Answer.inUse)
                expect(client.code("nvmlComputeInstanceDestroy", leaf.compute), Answer.inUse)
                expect(client.code("nvmlComputeInstanceDestroy", leaf.compute), 0)
                expect(client.code("nvmlGpuInstanceDestroy", leaf.instance), 0)
            }
        }
    }

    @Test func theStartCanFail() async throws {
        let fixture = try NodeFixture()
        try fixture.node.inject(.code(9, of: "nvmlInit_v2"))
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path, initialized: false) { client in
                expect(client.code("nvmlInit_v2"), 9)
                expect(client.code("nvmlDeviceGetCount_v2", Scratch().word), Answer.uninitialized)
                expect(client.code("nvmlInit_v2"), 0)
            }
        }
    }

    @Test func aLostGPUAnswersNothing() async throws {
        let fixture = try NodeFixture("a100-40gb:2")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu(1)
                let uuid = client.text("nvmlDeviceGetUUID", gpu)
                let leaf = client.leaf(at: 0, on: gpu)
                let node = try SimulatedNode(opening: path)
                try node.inject(Fault(.lost, gpu: 1))
                let scratch = Scratch()
                expect(client.number("nvmlDeviceGetCount_v2"), 2, "it is still counted")
                expect(client.code("nvmlDeviceGetName", gpu, scratch.word, 96), 15)
                expect(client.code("nvmlDeviceGetUUID", leaf.device, scratch.word, 96), 15, "its MIG devices too")
                expect(client.code("nvmlGpuInstanceDestroy", leaf.instance), 15)
                expect(client.code("nvmlDeviceGetHandleByIndex_v2", 1, scratch.word), 15)
                expect(client.code("nvmlDeviceGetHandleByUUID", Scratch(uuid).word, scratch.word), 15)
                expect(
                    client.code("nvmlDeviceGetHandleByPciBusId_v2", Scratch("00000000:08:00.0").word, scratch.word), 15)
                expect(client.text("nvmlDeviceGetName", client.gpu(0)), "NVIDIA A100-SXM4-40GB")
                try node.clearFaults()
                expect(client.text("nvmlDeviceGetUUID", gpu), uuid)
            }
        }
    }

    @Test func anOldDriverLacksFunctions() async throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0)
        try fixture.node.addForeignProcess(ProcessID(rawValue: 4242), on: leaf.uuid)
        try fixture.node.inject(Fault(.oldDriver("470.57.02")))
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withSession(of: path) { session in
                expect(try session.driverVersion(), "470.57.02")
                let gpu = try session.device(at: 0)
                let profiles = try session.profiles(of: gpu)
                expect(profiles.count, 7)
                expect(profiles.allSatisfy { $0.name == nil }, true, "the first version of the struct has no name")
                expect(try session.computeProcesses(on: gpu).map(\.rawValue), [4242], "by the older function")
            }
        }
    }

    @Test(arguments: [2, 3])
    func structVersionsAreRefused(version: Int) async throws {
        let fixture = try NodeFixture()
        try fixture.node.inject(Fault(.structVersion(version)))
        await #expect(processExitsWith: .success) { [path = fixture.path as String, version] in
            withClient(of: path) { client in
                for asked in [2, 3] {
                    let record = Scratch()
                    record.set(UInt32(asked << 24 | 0x98))
                    let code = client.code("nvmlDeviceGetGpuInstanceProfileInfoV", client.gpu(), 0, record.word)
                    expect(code, asked == version ? Answer.argumentVersionMismatch : 0, "version \(asked)")
                }
            }
        }
    }

    @Test func callsAreCounted() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                func calls(_ name: String? = nil) -> UInt64 {
                    let out = Scratch()
                    expect(client.code("flexmigSimulatedCalls", name.map { Scratch($0).word } ?? 0, out.word), 0)
                    return out.value()
                }
                let before = calls()
                _ = client.number("nvmlDeviceGetCount_v2")
                _ = client.number("nvmlDeviceGetCount")
                _ = client.gpu()
                expect(calls("nvmlDeviceGetCount_v2"), 2)
                expect(calls("nvmlDeviceGetName"), 0)
                expect(calls() - before, 3)
                expect(client.code("flexmigSimulatedCalls", 0, 0), Answer.invalidArgument)
            }
        }
    }

    // MARK: Events

    @Test func eventsReachWhoRegistered() async throws {
        let fixture = try NodeFixture("a100-40gb:2")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withSession(of: path) { session in
                let node = try SimulatedNode(opening: path)
                let gpu = try session.device(at: 0)
                try node.post(xid: 13, gpu: 0)
                let set = try NVMLEventSet(session)
                expect(try set.register(gpu, for: [.xid, .migConfigChange, .gpuUnavailable]).rawValue, 0x4108)
                expect(try set.wait(.zero), nil, "what was before does not count")
                try node.post(xid: 94, gpu: 1, instance: 7)
                try node.post(xid: 94, gpu: 0, instance: 7, compute: 0)
                let xid = try set.wait(.seconds(20))
                expect(xid?.type, .xid)
                expect(xid?.data, 94)
                expect(xid?.device, gpu)
                expect(xid?.gpuInstance, 7)
                expect(xid?.computeInstance, 0)
                // Layout changes.
                let made = try session.createGPUInstance(profile: 19, at: .init(start: 2, size: 1), on: gpu)
                let change = try set.wait(.seconds(20))
                expect(change?.type, .migConfigChange)
                expect(change?.gpuInstance, 9)
                try session.destroy(made)
                expect(try set.wait(.seconds(20))?.type, .migConfigChange)
                try node.inject(Fault(.lost, gpu: 0))
                let lost = try set.wait(.seconds(20))
                expect(lost?.type, .gpuUnavailable)
                expect(lost?.gpuInstance, nil)
                expect(try set.wait(.milliseconds(5)), nil)
            }
        }
    }

    /// A thread waits without an end in sight; the session works on, and another process's event ends the wait.
    @Test func waitingHoldsNobodyUp() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            await withSession(of: path) { session in
                let set = try NVMLEventSet(session)
                try set.register(try session.device(at: 0), for: .xid)
                let waiting = Task.detached { try set.wait(.seconds(120)) }
                for _ in 0..<50 { expect(try session.deviceCount(), 1) }
                try SimulatedNode(opening: path).post(xid: 79, gpu: 0)
                let event = try await waiting.value
                expect(event?.data, 79)
                expect(event?.gpuInstance, nil)
            }
        }
    }

    @Test func wrongUseOfEvents() async throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0)
        await #expect(processExitsWith: .success) { [path = fixture.path as String, uuid = leaf.uuid as String] in
            withClient(of: path) { client in
                let set = client.handle("nvmlEventSetCreate")
                expect(client.code("nvmlDeviceRegisterEvents", client.gpu(), 1 << 40, set), Answer.notSupported)
                expect(client.code("nvmlDeviceRegisterEvents", client.gpu(), 8, client.gpu()), Answer.invalidArgument)
                expect(client.code("nvmlDeviceRegisterEvents", client.device(uuid), 8, set), Answer.invalidArgument)
                expect(client.code("nvmlEventSetWait_v2", set, Scratch().word, 1), 10, "TIMEOUT")
                expect(client.code("nvmlEventSetFree", set), 0)
                expect(client.code("nvmlEventSetFree", set), Answer.invalidArgument)
                expect(client.code("nvmlEventSetWait_v2", set, Scratch().word, 1), Answer.invalidArgument)
            }
        }
    }
}
