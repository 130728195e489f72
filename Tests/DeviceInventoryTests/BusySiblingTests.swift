import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// A GPU instance cut into several devices, one of which the driver has in use while it shows no process: a handle that a
/// monitor keeps, say.
struct BusySiblingTests {
    /// The backend, but for processes, which it does not show.
    private struct BlindBackend: DeviceBackend {
        let backend: NVMLBackend
        var driver: DriverIdentity { backend.driver }
        func inventory() throws(DeviceError) -> NodeInventory { try backend.inventory() }
        func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice { try backend.create(spec, on: gpu) }
        func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice {
            try backend.complete(instance, on: gpu)
        }
        func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) {
            try backend.destroy(instance, on: gpu)
        }
        func putBack(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> Int {
            try backend.putBack(instance, on: gpu)
        }
        func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] { [] }
    }

    /// Whichever of the devices is in use: all of them are there afterwards, where they were, and the change can be done later.
    @Test(arguments: 0..<3)
    func idleSiblingsComeBack(busy: Int) async throws {
        let fixture = try NodeFixture("a100-40gb:1")
        try fixture.node.change { state, _ in
            var generator = SystemRandomNumberGenerator()
            let serial = try state.createGPUInstance(profile: 9, at: Placement(start: 0, size: 4), on: 0)
            for _ in 0..<3 { _ = try state.createComputeInstance(profile: 0, in: serial, using: &generator) }
            return .init(())
        }
        await #expect(processExitsWith: .success) { [path = fixture.path as String, busy = busy as Int] in
            do {
                Environment.set(SimulatedNode.environmentVariable, path)
                let backend = try NVMLBackend(library: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
                let node = try SimulatedNode(opening: path)
                let gpu = try backend.inventory().gpus[0]
                let device = gpu.instances[0].devices[busy].uuid
                let context = try SimulatedContext(on: device.rawValue, of: node)
                let plan = try gpu.plan(.thin).get()
                do throws(LayoutInterrupted) {
                    try plan.apply(with: BlindBackend(backend: backend), patience: .milliseconds(120))
                    Issue.record("an instance in use was destroyed")
                } catch {
                    if error.cause.kind != .inUse { Issue.record("\(error)") }
                    let told = error.cause.message.contains("made again")
                    if told != (busy > 0) { Issue.record("\(error)") }
                }
                let computes = try node.state().gpus[0].instances.flatMap(\.computeInstances)
                if computes.map(\.start).sorted() != [0, 1, 2] { Issue.record("\(computes)") }
                if computes.first(where: { $0.start == busy })?.uuid != device.rawValue { Issue.record("\(computes)") }
                context.close()
                let next = try backend.inventory().gpus[0].plan(.thin).get()
                try next.apply(with: backend)
                if try backend.inventory().gpus[0].layoutName != .thin { Issue.record("not thin") }
            } catch {
                Issue.record("\(error)")
            }
        }
    }
}
