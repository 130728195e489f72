import CNVML
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// NVML's documented behaviour, through the C interface. Each test runs in a process of its own, because a library's
/// session and node are its process's.
struct SimulatedSemanticsTests {
    /// NOT_SUPPORTED skips a profile, INVALID_ARGUMENT ends the enumeration, and the index is not the profile's ID.
    @Test(arguments: GPUModel.all.map(\.id.rawValue))
    func profilesAreEnumerated(model: String) async throws {
        let fixture = try NodeFixture("\(model):1")
        await #expect(processExitsWith: .success) { [path = fixture.path as String, model] in
            withClient(of: path) { client in
                let geometry = GPUModel.named(model)?.geometry
                let gpu = client.gpu()
                var seen: [Int: Int] = [:]
                for index in 0..<0x12 as Range<UInt> {
                    let code = client.code("nvmlDeviceGetGpuInstanceProfileInfo", gpu, index, client.scratch.word)
                    let known = geometry?.profiles.first { $0.index == Int(index) }
                    expect(code, known == nil ? Answer.notSupported : Answer.success, "index \(index)")
                    guard let known, code == 0 else { continue }
                    let record: CNVMLGPUInstanceProfile = client.scratch.value()
                    seen[Int(index)] = Int(record.id)
                    expect(Int(record.id), known.id.rawValue, "id")
                    expect(Int(record.sliceCount), known.computeSlices, "slices")
                    expect(Int(record.instanceCount), known.maximumInstances, "count")
                    expect(Int(record.multiprocessorCount), known.multiprocessors ?? 0, "SMs")
                    expect(Int(record.memorySizeMB), known.memoryMiB ?? 0, "MiB")
                    expect(Int(record.decoderCount), known.engines.decoder, "decoders")
                    expect(record.isP2pSupported, 0, "P2P")
                    let places = Scratch()
                    let id = UInt(record.id)
                    expect(
                        client.number("nvmlDeviceGetGpuInstancePossiblePlacements_v2", gpu, id, 0),
                        UInt32(known.placements.count))
                    _ = client.code(
                        "nvmlDeviceGetGpuInstancePossiblePlacements_v2", gpu, id, places.word, client.scratch.word)
                    for (position, placement) in known.placements.enumerated() {
                        let place: CNVMLPlacement = places.value(at: 8 * position)
                        expect(
                            [Int(place.start), Int(place.size)], [placement.start, placement.size], "place \(position)")
                    }
                }
                expect(seen.count, geometry?.profiles.count)
                expect(seen[0], geometry?.memorySlices == 8 ? 19 : 14, "the 1g profile's ID")
                for index in [0x12, 0x13, 255, 0xffff_ffff] as [UInt] {
                    let code = client.code("nvmlDeviceGetGpuInstanceProfileInfo", gpu, index, client.scratch.word)
                    expect(code, Answer.invalidArgument, "index \(index)")
                }
            }
        }
    }

    /// The version word in the caller's struct says which layout it has.
    @Test func profileVersions() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let call = "nvmlDeviceGetGpuInstanceProfileInfoV"
                let gpu = client.gpu()
                let record = Scratch()
                record.set(0x200_0098 as UInt32)
                expect(client.code(call, gpu, 9, record.word), Answer.success)
                expect(record.value(as: CNVMLGPUInstanceProfileV2.self).memorySizeMB, 9856)
                expect(record.text(at: 56), "MIG 1g.10gb")
                record.set(0x300_0098 as UInt32)
                expect(client.code(call, gpu, 9, record.word), Answer.success)
                expect(record.value(as: CNVMLGPUInstanceProfileV3.self).multiprocessorCount, 14)
                expect(record.text(at: 48), "MIG 1g.10gb")
                for version in [0, 1, 0x100_0030, 0x400_0098, 0x200_0097] as [UInt32] {
                    record.set(version)
                    expect(client.code(call, gpu, 9, record.word), Answer.argumentVersionMismatch, "version \(version)")
                }
            }
        }
    }

    @Test func overlapAndIDs() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                let three = client.create(9, at: 0, size: 4, on: gpu)
                expect(three.code, Answer.success)
                expect(client.number("nvmlDeviceGetGpuInstanceRemainingCapacity", gpu, 19), 3)
                for (word, profile, start, size, code) in [
                    ("on it", 19, 3, 1, Answer.insufficientResources),
                    ("across it", 0, 0, 8, Answer.insufficientResources),
                    ("illegal", 14, 5, 2, Answer.insufficientResources), ("beside it", 15, 6, 2, Answer.success),
                    ("no such profile", 1, 4, 2, Answer.invalidArgument), ("beside both", 19, 5, 1, Answer.success),
                ] { expect(client.create(profile, at: start, size: size, on: gpu).code, code, word) }
                for (id, profile, start) in [(1, 9, 0), (6, 15, 6), (12, 19, 5)] as [(UInt, UInt32, UInt32)] {
                    let instance = client.handle("nvmlDeviceGetGpuInstanceById", gpu, id)
                    expect(
                        client.code("nvmlGpuInstanceGetInfo", instance, client.scratch.word), Answer.success, "\(id)")
                    expect(
                        [client.scratch.value(at: 8), client.scratch.value(at: 12), client.scratch.value(at: 16)],
                        [UInt32(id), profile, start])
                    expect(client.scratch.value(at: 0, as: UInt.self), gpu, "its device")
                }
                expect(client.code("nvmlDeviceGetGpuInstanceById", gpu, 2, client.scratch.word), Answer.notFound)
                let out = Scratch()
                expect(
                    client.code("nvmlDeviceCreateGpuInstance", gpu, 19, out.word), Answer.success, "the driver's choice"
                )
                expect(client.code("nvmlGpuInstanceGetInfo", out.pointer, client.scratch.word), Answer.success)
                expect(client.scratch.value(at: 16, as: UInt32.self), 4, "the last place that is left")
            }
        }
    }

    /// CI before GI; handles of what is gone are INVALID_ARGUMENT, also when the same place is filled again.
    @Test func inUseAndStale() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                let old = client.leaf(at: 2, on: gpu)
                let uuid = client.text("nvmlDeviceGetUUID", old.device)
                expect(client.code("nvmlGpuInstanceDestroy", old.instance), Answer.inUse)
                expect(client.code("nvmlComputeInstanceDestroy", old.compute), Answer.success)
                expect(client.code("nvmlGpuInstanceDestroy", old.instance), Answer.success)
                let new = client.leaf(at: 2, on: gpu)
                expect(client.text("nvmlDeviceGetName", new.device), "NVIDIA A100-SXM4-40GB MIG 1g.5gb")
                for (call, handle) in [
                    ("nvmlComputeInstanceDestroy", old.compute), ("nvmlGpuInstanceDestroy", old.instance),
                    ("nvmlDeviceGetUUID", old.device), ("nvmlGpuInstanceGetInfo", old.instance),
                    ("nvmlComputeInstanceGetInfo_v2", old.compute), ("nvmlDeviceGetAttributes_v2", old.device),
                    ("nvmlDeviceGetComputeRunningProcesses_v3", old.device),
                ] { expect(client.code(call, handle, client.scratch.word, 96), Answer.invalidArgument, call) }
                expect(client.text("nvmlDeviceGetUUID", new.device) == uuid, false, "the same UUID")
                expect(
                    client.code("nvmlDeviceGetHandleByUUID", Scratch(uuid).word, client.scratch.word), Answer.notFound)
            }
        }
    }

    /// MIG devices by index: the whole range, holes answer NOT_FOUND, and an index is used again.
    @Test func indicesHaveHoles() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                func taken() -> [UInt] {
                    (0..<7).filter { client.number("nvmlDeviceGetMigDeviceHandleByIndex", gpu, $0) != nil }
                }
                expect(client.number("nvmlDeviceGetMaxMigDeviceCount", gpu), 7)
                let leaves = [0, 2, 5].map { client.leaf(at: $0, on: gpu) }
                expect(taken(), [0, 2, 5])
                expect(client.code("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 1, client.scratch.word), Answer.notFound)
                expect(
                    client.code("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 7, client.scratch.word),
                    Answer.invalidArgument)
                expect(client.handle("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 5), leaves[2].device)
                _ = client.code("nvmlComputeInstanceDestroy", leaves[1].compute)
                expect(taken(), [0, 5], "a GPU instance without a compute instance is no device")
                _ = client.code("nvmlGpuInstanceDestroy", leaves[1].instance)
                _ = client.leaf(at: 2, size: 2, profile: 14, compute: 1, on: gpu)
                expect(taken(), [0, 2, 5])
                let device = client.handle("nvmlDeviceGetMigDeviceHandleByIndex", gpu, 2)
                expect(client.text("nvmlDeviceGetName", device), "NVIDIA A100-SXM4-40GB MIG 2g.10gb")
                expect(client.number("nvmlDeviceIsMigDeviceHandle", device), 1)
                expect(client.number("nvmlDeviceIsMigDeviceHandle", gpu), 0)
                expect(client.number("nvmlDeviceGetGpuInstanceId", device), 4)
                expect(client.number("nvmlDeviceGetComputeInstanceId", device), 0)
                expect(client.handle("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", device), gpu)
                expect(client.handle("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", gpu), 0)
                expect(
                    client.code("nvmlDeviceGetMigMode", device, client.scratch.word, client.scratch.word),
                    Answer.invalidArgument)
            }
        }
    }

    /// The attributes of a MIG device are of its compute instance, the engines of its GPU instance.
    @Test func attributesAndParts() async throws {
        let fixture = try NodeFixture("h100-80gb:1")
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path) { client in
                let gpu = client.gpu()
                let instance = client.create(9, at: 4, size: 4, on: gpu).handle
                expect(client.number("nvmlGpuInstanceGetComputeInstanceRemainingCapacity", instance, 0), 3)
                let one = client.handle("nvmlGpuInstanceCreateComputeInstance", instance, 0)
                let two = client.handle("nvmlGpuInstanceCreateComputeInstance", instance, 1)
                expect(
                    client.code("nvmlGpuInstanceCreateComputeInstance", instance, 0, client.scratch.word),
                    Answer.insufficientResources)
                expect(
                    client.code("nvmlGpuInstanceCreateComputeInstance", instance, 3, client.scratch.word),
                    Answer.invalidArgument)
                for (compute, id, profile, multiprocessors, slices) in [(one, 0, 0, 20, 1), (two, 1, 1, 40, 2)]
                    as [(UInt, UInt32, UInt32, UInt32, UInt32)]
                {
                    expect(client.code("nvmlComputeInstanceGetInfo_v2", compute, client.scratch.word), Answer.success)
                    expect([client.scratch.value(at: 16), client.scratch.value(at: 20)], [id, profile])
                    expect(client.scratch.value(at: 8, as: UInt.self), instance)
                    let device = client.scratch.pointer
                    expect(client.code("nvmlDeviceGetAttributes_v2", device, client.scratch.word), Answer.success)
                    let attributes: CNVMLAttributes = client.scratch.value()
                    expect(attributes.multiprocessorCount, multiprocessors, "SMs")
                    expect(attributes.computeInstanceSliceCount, slices)
                    expect(attributes.gpuInstanceSliceCount, 3)
                    expect(attributes.memorySizeMB, 40448)
                    expect(attributes.sharedDecoderCount, 3)
                    expect(client.code("nvmlDeviceGetMemoryInfo", device, client.scratch.word), Answer.success)
                    expect(client.scratch.value(as: CNVMLMemory.self).total, 40448 << 20)
                }
                expect(client.code("nvmlDeviceGetAttributes_v2", gpu, client.scratch.word), Answer.invalidArgument)
                let list = Scratch()
                expect(
                    client.code("nvmlGpuInstanceGetComputeInstances", instance, 1, list.word, client.scratch.word),
                    Answer.success)
                expect(client.scratch.number, 1)
                expect(list.pointer, two)
                expect(
                    client.code("nvmlGpuInstanceGetComputeInstances", instance, 5, list.word, client.scratch.word),
                    Answer.invalidArgument)
                let record: (UInt, UInt) -> Int32? = { index, engine in
                    client.code(
                        "nvmlGpuInstanceGetComputeInstanceProfileInfo", instance, index, engine, client.scratch.word)
                }
                expect((0..<10).map { record($0, 0) }, [0, 0, 0, 3, 3, 3, 3, 3, 3, 2])
                expect(record(0, 1), Answer.invalidArgument, "another engine profile")
            }
        }
    }
}
