import DeviceInventory
import MIGModel
import Platform
import Synchronization

/// A node whose leaves never change, with processes on them as a test says.
final class FixedBackend: DeviceBackend {
    let driver = DriverIdentity(library: "none", version: "0", simulatedNode: nil)
    let leaves: [Leaf]
    private let running = Mutex<[MIGDeviceUUID: [ProcessID]]>([:])

    /// `thin` leaves on the first GPU, `fat` ones on the second.
    init(thin: Int, fat: Int = 0) {
        func leaf(_ gpu: Int, _ number: Int, _ type: LeafType) -> Leaf {
            Leaf(
                uuid: MIGDeviceUUID(rawValue: "MIG-\(gpu)-\(number)"), gpu: gpu,
                gpuInstance: GPUInstanceID(rawValue: 7 + number), computeInstance: 0,
                profile: type == .thin ? "1g.5gb" : "1g.10gb", leafType: type,
                placement: Placement(start: number, size: 1), memoryMiB: type == .thin ? 4864 : 9856,
                multiprocessors: 14, numaNode: 0)
        }
        leaves = (0..<thin).map { leaf(0, $0, .thin) } + (0..<fat).map { leaf(1, $0, .fat) }
    }

    var uuids: [MIGDeviceUUID] { leaves.map(\.uuid) }

    func run(_ process: ProcessID?, on leaf: MIGDeviceUUID) {
        running.withLock { $0[leaf] = process.map { [$0] } }
    }

    func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] { running.withLock { $0[leaf] ?? [] } }

    func inventory() throws(DeviceError) -> NodeInventory {
        let empty = MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: [])
        let gpus = [0, 1].map { index in
            GPU(
                index: index, uuid: GPUUUID(rawValue: "GPU-\(index)"), name: "GPU", model: nil, busID: "0", numaNode: 0,
                memoryMiB: 40960, migMode: .on, geometry: empty, instances: [],
                leaves: leaves.filter { $0.gpu == index })
        }
        return NodeInventory(driver: driver, gpus: gpus)
    }

    private var refusal: DeviceError { DeviceError(kind: .notSupported, message: "nothing can be changed here") }
    func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice { throw refusal }
    func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice { throw refusal }
    func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) { throw refusal }
}
