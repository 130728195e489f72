import DeviceInventory
import MIGModel
import Platform
import Synchronization
import Testing

/// What a backend says wrongly.
struct Lie: Sendable, CustomTestStringConvertible {
    /// The rule that it breaks.
    let rule: String
    var driver: DriverIdentity?
    /// Each GPU of each reading, the reading's number counted from 0.
    var gpu: @Sendable (GPU, Int) -> GPU = { gpu, _ in gpu }
    var processes: (@Sendable (MIGDeviceUUID) throws(DeviceError) -> [ProcessID])?
    /// Instead of creating; nil creates.
    var create: (@Sendable (any DeviceBackend, MIGSpec, GPU) throws(DeviceError) -> MIGDevice)?
    var destroyTwice = false

    var testDescription: String { rule }

    static let all: [Lie] = [
        Lie(rule: "identity", driver: DriverIdentity(library: "", version: "", simulatedNode: nil)),
        Lie(rule: "repeatable", gpu: { gpu, turn in gpu.with(memoryMiB: gpu.memoryMiB + turn) }),
        Lie(rule: "gpu-numbers", gpu: { gpu, _ in gpu.with(index: gpu.index + 1) }),
        Lie(rule: "gpu-uuid", gpu: { gpu, _ in gpu.with(uuid: "nonsense") }),
        Lie(rule: "mode", gpu: { gpu, _ in gpu.with(mode: .off) }),
        Lie(rule: "profile-ids", gpu: { gpu, _ in gpu.with { $0.profiles.append($0.profiles[0]) } }),
        Lie(
            rule: "profile-places",
            gpu: { gpu, _ in gpu.with { $0.profiles[0].placements.append(Placement(start: 8, size: 1)) } }),
        Lie(rule: "profile-figures", gpu: { gpu, _ in gpu.with { $0.profiles[0].memoryMiB = 0 } }),
        Lie(rule: "layout", gpu: { gpu, _ in gpu.with { $0.profiles[0].maximumInstances = 1 } }),
        Lie(rule: "instance-ids", gpu: { gpu, _ in gpu.with(instances: gpu.instances + gpu.instances) }),
        Lie(rule: "leaves", gpu: { gpu, _ in gpu.with(leaves: Array(gpu.leaves.dropLast())) }),
        Lie(rule: "leaf-memory", gpu: { gpu, _ in gpu.with(memoryMiB: 1) }),
        Lie(rule: "leaf-uuids", gpu: { gpu, _ in gpu.with(leaves: gpu.leaves + gpu.leaves) }),
        Lie(
            rule: "processes",
            processes: { _ throws(DeviceError) in throw DeviceError(kind: .other, message: "not today") }),
        Lie(rule: "unknown-leaf", processes: { _ throws(DeviceError) in [] }),
        // Creating.
        Lie(
            rule: "every-place",
            create: { backend, spec, gpu throws(DeviceError) in
                guard spec.profile == 19, spec.placement.start == 3 else { return try backend.create(spec, on: gpu) }
                return try backend.create(MIGSpec(profile: 19, placement: Placement(start: 4, size: 1)), on: gpu)
            }),
        Lie(
            rule: "leaf-figures",
            gpu: { gpu, _ in
                gpu.with(
                    leaves: gpu.leaves.map { leaf in
                        var leaf = leaf
                        leaf.memoryMiB += 1
                        return leaf
                    })
            }),
        Lie(
            rule: "named-layouts",
            create: { backend, spec, gpu throws(DeviceError) in
                if spec.profile == 15, spec.placement.start == 6 {
                    throw DeviceError(kind: .other, message: "no fat leaf there")
                }
                return try backend.create(spec, on: gpu)
            }),
        Lie(rule: "no-overlap", create: { backend, spec, gpu throws(DeviceError) in try backend.forgive(spec, gpu) }),
        Lie(
            rule: "no-illegal-place",
            create: { backend, spec, gpu throws(DeviceError) in try backend.forgive(spec, gpu) }),
        Lie(rule: "gone", destroyTwice: true),
        Lie(rule: "capacity", create: { backend, spec, gpu throws(DeviceError) in try backend.forgive(spec, gpu) }),
    ]
}

extension DeviceBackend {
    /// Creates, and says that it has where it was refused.
    fileprivate func forgive(_ spec: MIGSpec, _ gpu: GPU) throws(DeviceError) -> MIGDevice {
        do throws(DeviceError) {
            return try create(spec, on: gpu)
        } catch {
            return MIGDevice(
                gpuInstance: GPUInstanceID(rawValue: 0), computeInstance: ComputeInstanceID(rawValue: 0),
                uuid: MIGDeviceUUID(rawValue: "MIG-lie"))
        }
    }
}

/// A backend that tells the truth but for one lie.
final class LyingBackend: DeviceBackend {
    private let truth: any DeviceBackend
    private let lie: Lie
    private let readings = Mutex(0)
    var driver: DriverIdentity { lie.driver ?? truth.driver }

    init(_ truth: any DeviceBackend, _ lie: Lie) {
        self.truth = truth
        self.lie = lie
    }

    func inventory() throws(DeviceError) -> NodeInventory {
        let turn = readings.withLock { count in
            defer { count += 1 }
            return count
        }
        let inventory = try truth.inventory()
        return NodeInventory(driver: inventory.driver, gpus: inventory.gpus.map { lie.gpu($0, turn) })
    }

    func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        if let create = lie.create { return try create(truth, spec, gpu) }
        return try truth.create(spec, on: gpu)
    }

    func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        try truth.complete(instance, on: gpu)
    }

    func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) {
        do throws(DeviceError) {
            try truth.destroy(instance, on: gpu)
        } catch {
            if !lie.destroyTwice { throw error }
        }
    }

    func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] {
        if let processes = lie.processes { return try processes(leaf) }
        return try truth.processes(on: leaf)
    }
}

extension GPU {
    fileprivate func with(
        index: Int? = nil, uuid: String? = nil, memoryMiB: Int? = nil, mode: MIGMode? = nil,
        instances: [GPUInstance]? = nil, leaves: [Leaf]? = nil, _ change: (inout MIGGeometry) -> Void = { _ in }
    ) -> GPU {
        var geometry = geometry
        change(&geometry)
        return GPU(
            index: index ?? self.index, uuid: uuid.map { GPUUUID(rawValue: $0) } ?? self.uuid, name: name, model: model,
            busID: busID, numaNode: numaNode, memoryMiB: memoryMiB ?? self.memoryMiB, migMode: mode ?? migMode,
            geometry: geometry, instances: instances ?? self.instances, leaves: leaves ?? self.leaves,
            computeCapability: computeCapability)
    }
}
