import DeviceInventory
import MIGModel
import Platform
import Synchronization

/// The real backend, in a process that may die with -9 before, within or after a change.
final class MortalBackend: DeviceBackend {
    private let backend: NVMLBackend
    private let foreign: @Sendable (GPU, GPUInstance) -> Void
    private let creates: @Sendable (GPU, MIGSpec) -> Void
    private let diesAt: Int?
    private let how: Int
    private let changes = Mutex(0)

    var driver: DriverIdentity { backend.driver }

    /// - Parameter diesAt: in which change the process dies, counted from 1; nil lets it live.
    /// - Parameter how: 0 before the change, 1 half-way, 2 after it.
    init(backend: NVMLBackend, foreign: ForeignClient, diesAt: Int?, how: Int) {
        self.backend = backend
        self.diesAt = diesAt
        self.how = how
        // Half of a change is one of the driver calls that it is made of.
        nonisolated(unsafe) let client = foreign
        self.foreign = { unsafe _ = client.destroy(gpu: $0.index, id: $1.id.rawValue, onlyDevices: true) }
        creates = {
            unsafe _ = client.create(gpu: $0.index, profile: $1.profile.rawValue, at: $1.placement, compute: [])
        }
    }

    private func change<Value>(
        half: () -> Void, _ body: () throws(DeviceError) -> Value
    ) throws(DeviceError) -> Value {
        let number = changes.withLock { count in
            count += 1
            return count
        }
        guard number == diesAt else { return try body() }
        if how == 1 { half() }
        if how == 2 { _ = try body() }
        try? ProcessID.current.send(.kill)
        while true { pause(for: .seconds(1)) }
    }

    func inventory() throws(DeviceError) -> NodeInventory { try backend.inventory() }
    func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] { try backend.processes(on: leaf) }

    func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        try change(half: { creates(gpu, spec) }) { () throws(DeviceError) in try backend.create(spec, on: gpu) }
    }

    func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        try change(half: {}) { () throws(DeviceError) in try backend.complete(instance, on: gpu) }
    }

    func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) {
        try change(half: { foreign(gpu, instance) }) { () throws(DeviceError) in
            try backend.destroy(instance, on: gpu)
        }
    }

    func putBack(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> Int {
        try backend.putBack(instance, on: gpu)
    }
}
