import CNVML
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Calls that this project does not make itself, and what is answered where nobody knows a figure.
struct MoreCallsTests {
    /// A versioned struct with its version word set.
    private static func versioned(_ word: UInt32) -> Scratch {
        let scratch = Scratch()
        scratch.set(word)
        return scratch
    }

    /// Entries of 40 bytes that ask for these metrics.
    private static func entries(_ metrics: [UInt64]) -> [UInt64] { metrics.flatMap { [$0, 0, 0, 0, 0] } }

    @Test func profilesByID() async throws {
        let fixture = try NodeFixture("rtx-pro-6000-96gb:1")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                let second = Self.versioned(0x200_0098)
                expect(client.code("nvmlDeviceGetGpuInstanceProfileInfoByIdV", gpu, 47, second.word), 0)
                expect(second.text(at: 56), "MIG 1g.24gb+gfx")
                expect(second.value(at: 4, as: UInt32.self), 47, "ID")
                let third = Self.versioned(0x300_0098)
                expect(client.code("nvmlDeviceGetGpuInstanceProfileInfoByIdV", gpu, 47, third.word), 0)
                expect(third.text(at: 48), "MIG 1g.24gb+gfx")
                expect(third.value(at: 144, as: UInt32.self), 2, "capabilities: graphics")
                for word in [0x100_0030, 0x200_0097, 0x400_0098, 0] as [UInt32] {
                    let record = Self.versioned(word)
                    let code = client.code("nvmlDeviceGetGpuInstanceProfileInfoByIdV", gpu, 47, record.word)
                    expect(code, Answer.argumentVersionMismatch, "\(word)")
                }
                expect(
                    client.code("nvmlDeviceGetGpuInstanceProfileInfoByIdV", gpu, 19, second.word),
                    Answer.invalidArgument)
            }
        }
    }

    @Test func computeProfilesWithNames() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let instance = client.create(9, at: 4, size: 4, on: client.gpu()).handle
                let name = "nvmlGpuInstanceGetComputeInstanceProfileInfoV"
                for (word, at) in [(0x200_0088, 40), (0x300_008c, 40)] as [(UInt32, Int)] {
                    for (index, expected) in ["MIG 1c.3g.20gb", "MIG 2c.3g.20gb", "MIG 3g.20gb"].enumerated() {
                        let record = Self.versioned(word)
                        expect(client.code(name, instance, UInt(index), 0, record.word), 0)
                        expect(record.text(at: at), expected)
                        expect(record.value(at: 8, as: UInt32.self), UInt32(index + 1), "slices")
                    }
                    let record = Self.versioned(word)
                    expect(client.code(name, instance, 3, 0, record.word), Answer.notSupported)
                    expect(client.code(name, instance, 9, 0, record.word), Answer.invalidArgument)
                }
                let first = Self.versioned(0x100_0024)
                expect(client.code(name, instance, 0, 0, first.word), Answer.argumentVersionMismatch)
            }
        }
    }

    @Test func memoryOfBothKinds() async throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0)
        await #expect(processExitsWith: .success) { [path = fixture.path as String, uuid = leaf.uuid as String] in
            withClient(of: path) { client in
                for (device, mebibytes) in [(client.gpu(), 40960), (client.device(uuid), 4864)] as [(UInt, UInt64)] {
                    let record = Self.versioned(0x200_0028)
                    expect(client.code("nvmlDeviceGetMemoryInfo_v2", device, record.word), 0)
                    expect(record.value(at: 8, as: UInt64.self), mebibytes << 20)
                    expect(record.value(at: 24, as: UInt64.self), mebibytes << 20, "free")
                }
                expect(client.code("nvmlDeviceGetBAR1MemoryInfo", client.device(uuid), client.scratch.word), 0)
                expect(client.scratch.value(as: UInt64.self), 8 << 30, "an eighth of 64 GiB")
            }
        }
    }

    /// Metrics per instance are Hopper's and later ones': two samples of the same instance.
    @Test func metrics() async throws {
        let fixture = try NodeFixture("h100-80gb:1,a100-40gb:1")
        let leaf = try fixture.makeLeaf(at: 0)
        let holder = try fixture.holder(of: leaf.uuid)
        #expect(try holder.nextLine() != nil)
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                for (device, isSupported) in [(gpu, 1), (client.gpu(1), 0)] as [(UInt, UInt32)] {
                    let support = Self.versioned(1)
                    expect(client.code("nvmlGpmQueryDeviceSupport", device, support.word), 0)
                    expect(support.value(at: 4, as: UInt32.self), isSupported)
                }
                let samples = (0..<2).map { _ in client.handle("nvmlGpmSampleAlloc") }
                expect(client.code("nvmlGpmSampleGet", client.gpu(1), samples[0]), Answer.notSupported)
                func metrics() -> (Int32?, Scratch) {
                    // Version, number of metrics, two samples, and entries of 40 bytes.
                    let request = Scratch()
                    let words = [1 | 3 << 32, UInt64(samples[0]), UInt64(samples[1])] + Self.entries([2, 10, 999])
                    for (index, word) in words.enumerated() { request.set(word, at: 8 * index) }
                    return (client.code("nvmlGpmMetricsGet", request.word), request)
                }
                expect(metrics().0, Answer.invalidArgument, "empty samples")
                for sample in samples {
                    expect(client.code("nvmlGpmMigSampleGet", gpu, 7, sample), 0)
                }
                let (code, request) = metrics()
                expect(code, 0)
                let answers = (0..<3).map { request.value(at: 24 + 40 * $0 + 4, as: Int32.self) }
                expect(answers, [0, 0, Answer.notSupported])
                expect(request.value(at: 32, as: Double.self), 100, "a process is on the instance")
                expect(request.value(at: 72, as: Double.self), 0)
                expect(client.code("nvmlGpmMigSampleGet", gpu, 8, samples[0]), Answer.invalidArgument, "no instance")
                expect(client.code("nvmlGpmSampleFree", samples[0]), 0)
                expect(client.code("nvmlGpmSampleFree", samples[0]), Answer.invalidArgument)
            }
        }
    }

    /// H20: nobody has published SMs or MiB of its profiles.
    @Test func whatNobodyKnowsIsNotTold() async throws {
        let fixture = try NodeFixture("h20-96gb:1")
        let leaf = try fixture.makeLeaf(at: 0)
        await #expect(processExitsWith: .success) { [path = fixture.path as String, uuid = leaf.uuid as String] in
            withClient(of: path) { client in
                let device = client.device(uuid)
                expect(client.code("nvmlDeviceGetAttributes_v2", device, client.scratch.word), Answer.notSupported)
                expect(client.code("nvmlDeviceGetMemoryInfo", device, client.scratch.word), Answer.notSupported)
                let profile = Scratch()
                expect(client.code("nvmlDeviceGetGpuInstanceProfileInfo", client.gpu(), 0, profile.word), 0)
                let record: CNVMLGPUInstanceProfile = profile.value()
                expect(record.multiprocessorCount, 0)
                expect(record.memorySizeMB, 0)
                expect(record.copyEngineCount, 1)
                expect(client.text("nvmlDeviceGetName", device), "NVIDIA H20 MIG 1g.12gb")
            }
        }
    }

    @Test func aliasesOfFunctionsAreFaultsOfTheirOwn() async throws {
        let fixture = try NodeFixture()
        try fixture.node.inject(.code(13, of: "nvmlDeviceGetComputeRunningProcesses_v3", nil))
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                client.scratch.set(0 as UInt32)
                expect(client.code("nvmlDeviceGetComputeRunningProcesses_v3", client.gpu(), client.scratch.word), 13)
                client.scratch.set(0 as UInt32)
                expect(client.code("nvmlDeviceGetComputeRunningProcesses_v2", client.gpu(), client.scratch.word), 0)
            }
        }
    }
}
