import DeviceInventory
import MIGModel
import Platform
import Synchronization

extension GPU {
    /// A GPU of a model as a driver would describe it with these instances on it, each one whole MIG device.
    static func planned(
        _ model: GPUModel, _ layout: Layout = Layout([]), index: Int = 0, mode: MIGMode = .on
    ) -> GPU {
        let instances = layout.specs.map { spec in
            GPUInstance.whole(spec, number: model.geometry.gpuInstanceID(for: spec, taken: [])?.rawValue ?? -1)
        }
        return planned(model, instances, index: index, mode: mode)
    }

    static func planned(_ model: GPUModel, _ instances: [GPUInstance], index: Int = 0, mode: MIGMode = .on) -> GPU {
        let leaves = instances.flatMap { instance in
            instance.devices.map { device in
                let profile = model.geometry.profile(id: instance.spec.profile)
                let isWhole = instance.devices.count == 1
                return Leaf(
                    uuid: device.uuid, gpu: index, gpuInstance: instance.id, computeInstance: device.computeInstance,
                    profile: profile?.name ?? "?",
                    leafType: isWhole ? profile?.leafType ?? .thin : .other(profile: profile?.name ?? "?"),
                    placement: instance.spec.placement, memoryMiB: profile?.memoryMiB ?? 0,
                    multiprocessors: (profile?.multiprocessors ?? 0) / instance.devices.count, numaNode: 0)
            }
        }
        return GPU(
            index: index, uuid: GPUUUID(rawValue: "GPU-\(index)"), name: model.name, model: model.id,
            busID: "00000000:07:00.0", numaNode: 0, memoryMiB: model.memoryMiB, migMode: mode,
            geometry: model.geometry, instances: instances, leaves: leaves)
    }
}

extension GPUInstance {
    /// An instance with one MIG device over all of it. Names follow the place, so that an untouched instance keeps its.
    static func whole(_ spec: MIGSpec, number: Int) -> GPUInstance { with(spec, number: number, devices: 1) }

    static func with(_ spec: MIGSpec, number: Int, devices: Int) -> GPUInstance {
        let id = GPUInstanceID(rawValue: number)
        return GPUInstance(
            id: id, spec: spec,
            devices: (0..<devices).map { compute in
                MIGDevice(
                    gpuInstance: id, computeInstance: ComputeInstanceID(rawValue: compute),
                    uuid: MIGDeviceUUID(rawValue: "MIG-\(spec.profile)-\(spec.placement)-\(compute)"))
            })
    }
}

/// A driver of one GPU that refuses everything illegal, so that a wrong order of steps is seen.
final class GeometryBackend: DeviceBackend {
    let driver = DriverIdentity(library: "none", version: "0", simulatedNode: nil)
    let model: GPUModel
    private let state: Mutex<State>

    private struct State {
        var instances: [GPUInstance]
        var calls = 0
        /// How many calls from now on answer "in use".
        var busyFor = 0
        /// The numbers of the calls that fail, and how.
        var failures: [Int: DeviceError] = [:]
        /// What happens, once, when the leaves' processes are asked for, and before the second inventory.
        var whenAsked: (@Sendable () -> Void)?
        var inventories = 0
        var losesInstance = false
    }

    init(_ gpu: GPU, model: GPUModel) {
        self.model = model
        state = Mutex(State(instances: gpu.instances))
    }

    var gpu: GPU { .planned(model, state.withLock { $0.instances.sorted { $0.spec < $1.spec } }) }
    var calls: Int { state.withLock { $0.calls } }

    func stayBusy(for calls: Int) { state.withLock { $0.busyFor = calls } }
    func fail(call: Int, with error: DeviceError) { state.withLock { $0.failures[call] = error } }
    func whenAsked(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.whenAsked = body } }
    /// Somebody else destroys an instance before the GPU is looked at for the second time.
    func loseInstance() { state.withLock { $0.losesInstance = true } }

    func inventory() throws(DeviceError) -> NodeInventory {
        state.withLock { state in
            state.inventories += 1
            if state.inventories == 2, state.losesInstance { state.instances.removeLast() }
        }
        return NodeInventory(driver: driver, gpus: [gpu])
    }

    func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] {
        state.withLock { $0.whenAsked.take() }?()
        return []
    }

    /// Counts a call, and changes the instances if it may go on.
    private func change<Value: Sendable>(
        _ body: @Sendable (inout [GPUInstance]) throws(DeviceError) -> Value
    ) throws(DeviceError) -> Value {
        let result = state.withLock { state -> Result<Value, DeviceError> in
            state.calls += 1
            if let failure = state.failures[state.calls] { return .failure(failure) }
            if state.busyFor > 0 {
                state.busyFor -= 1
                return .failure(DeviceError(kind: .inUse, message: "still in use"))
            }
            return Result { () throws(DeviceError) in try body(&state.instances) }
        }
        return try result.get()
    }

    func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        let geometry = model.geometry
        return try change { instances throws(DeviceError) in
            let layout = Layout(instances.map(\.spec)).adding(spec)
            if let problem = geometry.problem(in: layout) { throw DeviceError(kind: .other, message: "\(problem)") }
            let taken = Set(instances.map(\.id))
            guard let id = geometry.gpuInstanceID(for: spec, taken: taken) else {
                throw DeviceError(kind: .other, message: "no number for \(spec)")
            }
            let instance = GPUInstance.whole(spec, number: id.rawValue)
            instances.append(instance)
            return instance.devices[0]
        }
    }

    func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        try change { instances throws(DeviceError) in
            guard let position = instances.firstIndex(of: instance), instance.devices.isEmpty else {
                throw DeviceError(kind: .gone, message: "\(instance.spec) can't be completed")
            }
            let whole = GPUInstance.whole(instance.spec, number: instance.id.rawValue)
            instances[position] = whole
            return whole.devices[0]
        }
    }

    func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) {
        try change { instances throws(DeviceError) in
            guard let position = instances.firstIndex(of: instance) else {
                throw DeviceError(kind: .gone, message: "\(instance.spec) is gone")
            }
            instances.remove(at: position)
        }
    }
}
