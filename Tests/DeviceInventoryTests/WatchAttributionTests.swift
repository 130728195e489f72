import DeviceInventory
import MIGModel
import Platform
import Synchronization
import TestSupport
import Testing

/// Whose fault it is when a layout has changed and the driver has not told so.
struct WatchAttributionTests {
    /// A contained error of instance 7, once.
    private final class OneError: DeviceEventSource {
        private let events = Mutex([
            DeviceEvent(
                .xid(94), gpu: 0, gpuInstance: GPUInstanceID(rawValue: 7),
                computeInstance: ComputeInstanceID(rawValue: 0))
        ])
        func next(within time: Duration) throws(DeviceError) -> DeviceEvent? { events.withLock { $0.popLast() } }
    }

    /// One leaf, made anew with the old numbers after it was first read.
    private final class RecutBackend: DeviceBackend {
        let driver = DriverIdentity(library: "none", version: "0", simulatedNode: nil)
        private let readings = Mutex(0)

        func inventory() throws(DeviceError) -> NodeInventory {
            let reading = readings.withLock { count in
                count += 1
                return count
            }
            let id = GPUInstanceID(rawValue: 7)
            let device = MIGDevice(
                gpuInstance: id, computeInstance: ComputeInstanceID(rawValue: 0),
                uuid: MIGDeviceUUID(rawValue: reading == 1 ? "MIG-before" : "MIG-now"))
            let spec = MIGSpec(profile: 19, placement: Placement(start: 0, size: 1))
            let instance = GPUInstance(id: id, spec: spec, devices: [device])
            return NodeInventory(driver: driver, gpus: [.planned(.a100With40GB, [instance])])
        }
        func events() throws(DeviceError) -> any DeviceEventSource { OneError() }
        func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] { [] }
        func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice { throw never }
        func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice { throw never }
        func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) { throw never }
        private var never: DeviceError { DeviceError(kind: .other, message: "a watch changes nothing") }
    }

    @Test func theLeafThatIsThereNowIsQuarantined() throws {
        let directory = try TemporaryDirectory()
        let ledger = try Ledger(stateDirectory: directory.path)
        var watch = try NodeWatch(backend: RecutBackend(), ledger: ledger, interval: .seconds(1000))
        var leaves: [MIGDeviceUUID] = []
        for _ in 0..<4 {
            guard let notice = try watch.next(within: .zero)?.notice else { break }
            if notice.kind == .xid(94) { leaves = notice.leaves }
        }
        #expect(leaves == [MIGDeviceUUID(rawValue: "MIG-now")])
        #expect(try ledger.standings().leaves.keys.sorted() == ["MIG-now"])
    }
}
