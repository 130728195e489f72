import MIGModel
import NVML
import Platform
import Synchronization

/// The backend for everything that speaks NVML.
public final class NVMLBackend: DeviceBackend {
    public let driver: DriverIdentity
    let session: NVMLSession
    /// Handles of the MIG devices of the last inventory: looking one up by UUID walks all devices in the driver.
    private let devices = Mutex<[MIGDeviceUUID: FoundDevice]>([:])
    /// Compute instances that a destruction has taken while their GPU instance stayed, by the MIG device that they were.
    let takenAway = Mutex<[MIGDeviceUUID: NVMLSession.ComputeInstanceRecord]>([:])

    struct FoundDevice {
        let handle: NVMLDevice
        let mayDraw: Bool
    }

    /// - Parameter library: a path, or a name that the dynamic loader finds.
    public init(library: String) throws(DeviceError) {
        do {
            session = try NVMLSession(library: library)
            driver = DriverIdentity(
                library: library, version: try session.driverVersion(), simulatedNode: session.simulatedNode)
        } catch let error as NVMLLoadError {
            throw DeviceError(kind: .libraryMissing, message: "\(error)")
        } catch {
            throw DeviceError(error)
        }
    }

    public func inventory() throws(DeviceError) -> NodeInventory {
        try translating { () throws(NVMLFailure) in
            var attempts = 0
            while true {
                do throws(NVMLFailure) {
                    return try readNode()
                } catch {
                    // Somebody changes the layout meanwhile: a handle of a moment ago is stale. NVML has no
                    // consistent view of a node, so it is read again from the start.
                    attempts += 1
                    guard error.isStaleHandle, attempts < 20 else { throw error }
                    pause(for: .milliseconds(10))
                }
            }
        }
    }

    private func readNode() throws(NVMLFailure) -> NodeInventory {
        var found: [MIGDeviceUUID: FoundDevice] = [:]
        var gpus: [GPU] = []
        var lost: [Int] = []
        for index in 0..<(try session.deviceCount()) {
            do throws(NVMLFailure) {
                gpus.append(try readGPU(index, devices: &found))
            } catch {
                // One GPU that has fallen off the bus does not hide the others.
                guard error.error == .gpuIsLost else { throw error.naming("GPU \(index)") }
                lost.append(index)
            }
        }
        devices.withLock { $0 = found }
        return NodeInventory(driver: driver, gpus: gpus, lost: lost)
    }

    private func readGPU(_ index: Int, devices: inout [MIGDeviceUUID: FoundDevice]) throws(NVMLFailure) -> GPU {
        let device = try session.device(at: index)
        let pci = try session.pci(of: device)
        let model = GPUModel.matching(pciDeviceID: pci.deviceID)
        let memoryMiB = Int(try session.totalMemory(of: device) >> 20)
        let mode: MIGMode =
            switch try session.migMode(of: device) {
            case (true, true)?: .on
            case (false, false)?: .off
            case (false, true)?: .pendingOn
            case (true, false)?: .pendingOff
            case nil: .unsupported
            }
        let numaNode = session.numaNode(of: device)
        let geometry = try readGeometry(of: device, memoryMiB: memoryMiB, mode: mode, model: model)
        var instances: [GPUInstance] = []
        var leaves: [Leaf] = []
        if mode.isOn {
            for profile in geometry.profiles {
                let handles = try session.gpuInstances(
                    of: profile.id.rawValue, on: device, capacity: profile.maximumInstances)
                for handle in handles {
                    let (instance, itsLeaves) = try read(
                        handle, profile: profile, gpu: index, numaNode: numaNode, devices: &devices)
                    instances.append(instance)
                    leaves += itsLeaves
                }
            }
        }
        return GPU(
            index: index, uuid: GPUUUID(rawValue: try session.uuid(of: device)), name: try session.name(of: device),
            model: model?.id, busID: pci.busID, numaNode: numaNode, memoryMiB: memoryMiB, migMode: mode,
            geometry: geometry, instances: instances.sorted { $0.spec < $1.spec },
            leaves: leaves.sorted(by: Leaf.precedes), computeCapability: session.computeCapability(of: device),
            pciDeviceID: pci.deviceID, minorNumber: try? session.minorNumber(of: device))
    }

    /// The profiles as the driver gives them; the model's table only where the driver gives none (MIG mode off).
    private func readGeometry(
        of device: NVMLDevice, memoryMiB: Int, mode: MIGMode, model: GPUModel?
    ) throws(NVMLFailure) -> MIGGeometry {
        if mode == .unsupported { return MIGGeometry(memorySlices: 0, computeSlices: 0, profiles: []) }
        var profiles: [MIGProfile] = []
        for answer in try session.profiles(of: device) {
            let places = try session.places(of: answer.id, on: device)
            guard let size = places.first?.size else { continue }
            let known = model?.geometry.profile(id: .init(rawValue: answer.id))
            let name =
                answer.name
                ?? MIGProfile.conventionalName(
                    computeSlices: answer.computeSlices, memoryMiB: answer.memoryMiB, gpuMemoryMiB: memoryMiB,
                    attributes: MIGProfile.attributes(index: answer.index) ?? "")
                ?? known?.name ?? "profile-\(answer.id)"
            profiles.append(
                MIGProfile(
                    name: name, id: .init(rawValue: answer.id), index: answer.index,
                    computeSlices: answer.computeSlices, memorySlices: size,
                    memoryMiB: answer.memoryMiB > 0 ? answer.memoryMiB : nil,
                    multiprocessors: answer.multiprocessors > 0 ? answer.multiprocessors : nil,
                    engines: Engines(
                        copy: answer.copyEngines, decoder: answer.decoders, encoder: answer.encoders,
                        jpeg: answer.jpegEngines, ofa: answer.opticalFlowEngines),
                    placements: places.map { Placement(start: $0.start, size: $0.size) },
                    maximumInstances: answer.maximumInstances,
                    computeInstanceProfile: MIGProfile.computeInstanceProfile(computeSlices: answer.computeSlices) ?? 0,
                    evidence: .driver, placementEvidence: .driver))
        }
        if profiles.isEmpty { return model?.geometry ?? MIGGeometry(memorySlices: 0, computeSlices: 0, profiles: []) }
        return MIGGeometry(
            memorySlices: profiles.flatMap(\.placements).map(\.end).max() ?? 0,
            computeSlices: profiles.map(\.computeSlices).max() ?? 0, profiles: profiles)
    }

    private func read(
        _ handle: NVMLGPUInstance, profile: MIGProfile, gpu: Int, numaNode: Int?,
        devices: inout [MIGDeviceUUID: FoundDevice]
    ) throws(NVMLFailure) -> (GPUInstance, [Leaf]) {
        let record = try session.record(of: handle)
        let placement = Placement(start: record.place.start, size: record.place.size)
        var migDevices: [MIGDevice] = []
        var leaves: [Leaf] = []
        for compute in try computeInstances(in: handle, of: profile) {
            let computeRecord = try session.record(of: compute)
            let device = MIGDevice(
                gpuInstance: GPUInstanceID(rawValue: record.id),
                computeInstance: ComputeInstanceID(rawValue: computeRecord.id),
                uuid: MIGDeviceUUID(rawValue: try session.uuid(of: computeRecord.device)))
            devices[device.uuid] = FoundDevice(handle: computeRecord.device, mayDraw: profile.name.contains("+gfx"))
            migDevices.append(device)
            // A compute instance over the whole GPU instance is as big as the profile says.
            let isWhole = computeRecord.profile == profile.computeInstanceProfile
            let size: (Int, Int) =
                if isWhole, let multiprocessors = profile.multiprocessors, let memory = profile.memoryMiB {
                    (multiprocessors, memory)
                } else {
                    try attributes(of: computeRecord.device)
                        ?? (isWhole ? (profile.multiprocessors ?? 0, profile.memoryMiB ?? 0) : (0, 0))
                }
            leaves.append(
                Leaf(
                    uuid: device.uuid, gpu: gpu, gpuInstance: device.gpuInstance,
                    computeInstance: device.computeInstance, profile: profile.name,
                    leafType: isWhole ? profile.leafType : .other(profile: profile.name), placement: placement,
                    memoryMiB: size.1, multiprocessors: size.0, numaNode: numaNode))
        }
        let instance = GPUInstance(
            id: GPUInstanceID(rawValue: record.id), spec: MIGSpec(profile: profile.id, placement: placement),
            devices: migDevices.sorted { $0.computeInstance.rawValue < $1.computeInstance.rawValue })
        return (instance, leaves)
    }

    /// The size of a MIG device; nil where the driver does not say.
    private func attributes(of device: NVMLDevice) throws(NVMLFailure) -> (Int, Int)? {
        do throws(NVMLFailure) {
            return try session.attributes(of: device)
        } catch {
            if error.error == .notSupported || error.error == .functionNotFound { return nil }
            throw error
        }
    }

    /// The compute instances of a GPU instance: usually the one that spans it, else those of every profile.
    func computeInstances(
        in handle: NVMLGPUInstance, of profile: MIGProfile
    ) throws(NVMLFailure) -> [NVMLComputeInstance] {
        let whole = try session.computeInstances(of: profile.computeInstanceProfile, in: handle, capacity: 1)
        if !whole.isEmpty { return whole }
        var found: [NVMLComputeInstance] = []
        for index in 0..<9 where index != profile.computeInstanceProfile {
            guard let compute = try session.computeProfile(at: index, in: handle) else { continue }
            found += try session.computeInstances(of: compute.id, in: handle, capacity: compute.maximumInstances)
        }
        return found
    }

    // MARK: Changing the layout

    public func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        try translating { () throws(NVMLFailure) in
            let device = try device(of: gpu)
            let handle = try session.createGPUInstance(
                profile: spec.profile.rawValue,
                at: NVMLSession.Place(start: spec.placement.start, size: spec.placement.size), on: device)
            do throws(NVMLFailure) {
                return try createCompute(in: handle, spec: spec, on: gpu)
            } catch {
                // The half-made instance must not stay; the first error is the one to tell.
                try? session.destroy(handle)
                throw error
            }
        }
    }

    public func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice {
        let found = try translating { () throws(NVMLFailure) in try self.handle(of: instance, on: gpu) }
        guard let handle = found else { throw gone(instance, on: gpu) }
        return try translating { () throws(NVMLFailure) in
            try createCompute(in: handle, spec: instance.spec, on: gpu)
        }
    }

    private func createCompute(
        in handle: NVMLGPUInstance, spec: MIGSpec, on gpu: GPU
    ) throws(NVMLFailure) -> MIGDevice {
        let profile = gpu.geometry.profile(id: spec.profile)?.computeInstanceProfile ?? 0
        let compute = try session.createComputeInstance(profile: profile, in: handle)
        let record = try session.record(of: compute)
        return MIGDevice(
            gpuInstance: GPUInstanceID(rawValue: try session.record(of: handle).id),
            computeInstance: ComputeInstanceID(rawValue: record.id),
            uuid: MIGDeviceUUID(rawValue: try session.uuid(of: record.device)))
    }

    func handle(of instance: GPUInstance, on gpu: GPU) throws(NVMLFailure) -> NVMLGPUInstance? {
        let device = try device(of: gpu)
        let capacity = gpu.geometry.profile(id: instance.spec.profile)?.maximumInstances ?? 8
        for handle in try session.gpuInstances(of: instance.spec.profile.rawValue, on: device, capacity: capacity)
        where try session.record(of: handle).id == instance.id.rawValue { return handle }
        return nil
    }

    /// The GPU's handle: the index may be another GPU's by now, when one has fallen off the bus.
    private func device(of gpu: GPU) throws(NVMLFailure) -> NVMLDevice {
        let device = try session.device(at: gpu.index)
        guard try session.uuid(of: device) == gpu.uuid.rawValue else {
            throw NVMLFailure(
                call: "nvmlDeviceGetHandleByIndex_v2", error: .notFound, subject: "GPU \(gpu.index) (\(gpu.uuid))")
        }
        return device
    }

    func gone(_ instance: GPUInstance, on gpu: GPU) -> DeviceError {
        DeviceError(
            kind: .changed,
            message: "GPU \(gpu.index) has no instance \(instance.id) any more: somebody else destroyed it",
            advice: "Run the command again to plan anew.")
    }

    public func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] {
        if devices.withLock({ $0[leaf] }) == nil { _ = try inventory() }
        do throws(NVMLFailure) {
            if let device = devices.withLock({ $0[leaf] }) {
                let computing = try session.computeProcesses(on: device.handle)
                // Graphics is in +gfx instances only, and who draws is in a list of his own.
                let drawing = device.mayDraw ? try session.graphicsProcesses(on: device.handle) : []
                return computing + drawing.filter { !computing.contains($0) }
            }
        } catch {
            // A stale handle: the leaf was destroyed since the last inventory.
            guard error.isStaleHandle else { throw DeviceError(error) }
            devices.withLock { $0[leaf] = nil }
        }
        throw DeviceError(kind: .gone, message: "the node has no leaf \(leaf)")
    }

    func translating<Value>(_ body: () throws(NVMLFailure) -> Value) throws(DeviceError) -> Value {
        do throws(NVMLFailure) { return try body() } catch { throw DeviceError(error) }
    }
}

extension NVMLFailure {
    /// Whether the call was about something that has just been destroyed.
    fileprivate var isStaleHandle: Bool { error == .invalidArgument || error == .notFound }
}

extension DeviceError {
    /// What a failed NVML call means for a person.
    init(_ error: any Error) {
        guard let failure = error as? NVMLFailure else {
            self.init(kind: .other, message: "\(error)")
            return
        }
        switch failure.error {
        case .noPermission:
            self.init(
                kind: .noPermission, message: "\(failure)",
                advice: "Run the command as root, or as a user who may read "
                    + "/proc/driver/nvidia/capabilities/mig/config.")
        case .inUse: self.init(kind: .inUse, message: "\(failure)", advice: "A process still uses the instance.")
        case .driverNotLoaded:
            self.init(
                kind: .driverNotLoaded, message: "\(failure)",
                advice: "Load the NVIDIA driver (modprobe nvidia), or use a simulated node (--simulate a100-40gb:2).")
        case .gpuIsLost: self.init(kind: .gone, message: "\(failure)", advice: "The GPU needs a reset.")
        case .notFound: self.init(kind: .gone, message: "\(failure)")
        case .insufficientResources:
            self.init(
                kind: .changed, message: "\(failure)",
                advice: "Something lies there that was not there when the change was planned; run the command again to "
                    + "plan anew.")
        case .notSupported: self.init(kind: .notSupported, message: "\(failure)")
        default: self.init(kind: .other, message: "\(failure)")
        }
    }
}
