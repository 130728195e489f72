import MIGModel
import NVML
import Platform
import Synchronization

/// Taking an instance away, and what of it has to come back when the driver refuses half-way.
extension NVMLBackend {
    public func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) {
        let found = try translating { () throws(NVMLFailure) in try self.handle(of: instance, on: gpu) }
        guard let handle = found else { throw gone(instance, on: gpu) }
        let computes = try translating { () throws(NVMLFailure) in
            try devices(in: handle, of: gpu.geometry.profile(id: instance.spec.profile))
        }
        // Fewer devices than planned are what an earlier attempt left; another one is somebody else's.
        guard computes.allSatisfy({ compute in instance.devices.contains { $0.uuid == compute.uuid } }) else {
            throw DeviceError(
                kind: .changed, message: "GPU \(gpu.index) instance \(instance.id) has been made anew by somebody else",
                advice: "Nothing of it was touched; run the command again to plan anew.")
        }
        try translating { () throws(NVMLFailure) in
            for compute in computes {
                try session.destroy(compute.handle)
                takenAway.withLock { $0[compute.uuid] = compute.record }
            }
            try session.destroy(handle)
        }
        forget(instance)
    }

    public func putBack(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> Int {
        let taken = takenAway.withLock { all in instance.devices.compactMap { all[$0.uuid] } }
        forget(instance)
        if taken.isEmpty { return 0 }
        return try translating { () throws(NVMLFailure) in
            // Without a device that stays nobody is on the instance, and the next change goes on from there.
            guard let handle = try self.handle(of: instance, on: gpu),
                try !devices(in: handle, of: gpu.geometry.profile(id: instance.spec.profile)).isEmpty
            else { return 0 }
            for record in taken {
                _ = try session.createComputeInstance(profile: record.profile, at: record.place, in: handle)
            }
            return taken.count
        }
    }

    private func forget(_ instance: GPUInstance) {
        takenAway.withLock { all in for device in instance.devices { all[device.uuid] = nil } }
    }

    private func devices(
        in handle: NVMLGPUInstance, of profile: MIGProfile?
    ) throws(NVMLFailure) -> [(
        handle: NVMLComputeInstance, record: NVMLSession.ComputeInstanceRecord, uuid: MIGDeviceUUID
    )] {
        guard let profile else { return [] }
        var found: [(handle: NVMLComputeInstance, record: NVMLSession.ComputeInstanceRecord, uuid: MIGDeviceUUID)] = []
        for compute in try computeInstances(in: handle, of: profile) {
            let record = try session.record(of: compute)
            found.append((compute, record, MIGDeviceUUID(rawValue: try session.uuid(of: record.device))))
        }
        return found
    }
}
