import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import Synchronization

/// The real backend, but for one change that it refuses.
final class FailingBackend: DeviceBackend {
    private let backend: NVMLBackend
    private let failsAt: Int?
    private let destroysHalf: Bool
    private let node: String
    private let changes = Mutex(0)

    var driver: DriverIdentity { backend.driver }

    /// - Parameter failsAt: which change fails, counted from 1; nil lets all of them through.
    /// - Parameter destroysHalf: a destruction that fails has taken the compute instances away already, as a driver's
    ///   may.
    init(backend: NVMLBackend, failsAt: Int?, destroysHalf: Bool, node: String) {
        self.backend = backend
        self.failsAt = failsAt
        self.destroysHalf = destroysHalf
        self.node = node
    }

    func inventory() throws(DeviceError) -> NodeInventory { try backend.inventory() }

    func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] { try backend.processes(on: leaf) }

    func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        try count()
        return try backend.create(spec, on: gpu)
    }

    func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        try count()
        return try backend.complete(instance, on: gpu)
    }

    func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) {
        do throws(DeviceError) {
            try count()
        } catch {
            if destroysHalf { try destroyDevices(of: instance) }
            throw error
        }
        try backend.destroy(instance, on: gpu)
    }

    func putBack(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> Int {
        try backend.putBack(instance, on: gpu)
    }

    private func count() throws(DeviceError) {
        let number = changes.withLock { count in
            count += 1
            return count
        }
        if number == failsAt { throw DeviceError(kind: .other, message: "the driver fails at change \(number)") }
    }

    private func destroyDevices(of instance: GPUInstance) throws(DeviceError) {
        do {
            try SimulatedNode(opening: node).change { state, _ in
                for device in instance.devices {
                    if let found = state.computeInstance(uuid: device.uuid.rawValue) {
                        try state.destroyComputeInstance(serial: found.compute.serial)
                    }
                }
                return .init(())
            }
        } catch {
            throw DeviceError(kind: .other, message: "\(error)")
        }
    }
}
