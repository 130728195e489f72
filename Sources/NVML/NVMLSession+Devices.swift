import CNVML
import MIGModel
import Platform

/// Compute instances, the MIG devices that they appear as, and who is on those.
extension NVMLSession {
    /// What a compute instance profile of a GPU instance is; nil where this instance has no such profile.
    public func computeProfile(
        at index: Int, in instance: NVMLGPUInstance
    ) throws(NVMLFailure) -> (id: Int, computeSlices: Int, maximumInstances: Int)? {
        var record = CNVMLComputeInstanceProfile()
        do throws(NVMLFailure) {
            try unsafe call("nvmlGpuInstanceGetComputeInstanceProfileInfo", Signature.ComputeProfile.self) {
                unsafe $0(OpaquePointer(bitPattern: instance.address), UInt32(index), 0, &record)
            }
        } catch {
            if error.error == .notSupported || error.error == .invalidArgument { return nil }
            throw error
        }
        return (Int(record.id), Int(record.sliceCount), Int(record.instanceCount))
    }

    /// What a compute instance is.
    public struct ComputeInstanceRecord: Hashable, Sendable {
        public let id: Int
        public let profile: Int
        /// Its compute slices within the GPU instance.
        public let place: Place
        /// The MIG device that the instance appears as.
        public let device: NVMLDevice
    }

    public func record(of instance: NVMLComputeInstance) throws(NVMLFailure) -> ComputeInstanceRecord {
        var record = unsafe CNVMLComputeInstanceRecord()
        try unsafe call("nvmlComputeInstanceGetInfo_v2", Signature.ComputeInstance.self) {
            unsafe $0(OpaquePointer(bitPattern: instance.address), &record)
        }
        return unsafe ComputeInstanceRecord(
            id: Int(record.id), profile: Int(record.profileId), place: Place(record.placement),
            device: NVMLDevice(address: UInt(bitPattern: record.device)))
    }

    /// Size of a MIG device: its SMs and its memory in MiB.
    public func attributes(of device: NVMLDevice) throws(NVMLFailure) -> (multiprocessors: Int, memoryMiB: Int) {
        var record = CNVMLAttributes()
        try unsafe call("nvmlDeviceGetAttributes_v2", Signature.Attributes.self) {
            unsafe $0(OpaquePointer(bitPattern: device.address), &record)
        }
        return (Int(record.multiprocessorCount), Int(clamping: record.memorySizeMB))
    }

    /// The processes that have a context on a device, by the driver's PID namespace.
    public func computeProcesses(on device: NVMLDevice) throws(NVMLFailure) -> [ProcessID] {
        do throws(NVMLFailure) {
            return try processes(on: device, by: "nvmlDeviceGetComputeRunningProcesses_v3")
        } catch {
            guard error.error == .functionNotFound else { throw error }
        }
        // A driver before R510 has the second version only, with the same struct.
        return try processes(on: device, by: "nvmlDeviceGetComputeRunningProcesses_v2")
    }

    /// The processes that draw on a device; none where the driver doesn't tell.
    public func graphicsProcesses(on device: NVMLDevice) throws(NVMLFailure) -> [ProcessID] {
        for name in ["nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2"] {
            do throws(NVMLFailure) {
                return try processes(on: device, by: name)
            } catch {
                if error.error == .notSupported { return [] }
                guard error.error == .functionNotFound else { throw error }
            }
        }
        return []
    }

    private func processes(on device: NVMLDevice, by name: String) throws(NVMLFailure) -> [ProcessID] {
        var capacity = 64
        while true {
            var processes = [CNVMLProcess](repeating: CNVMLProcess(), count: capacity)
            var count = UInt32(capacity)
            do throws(NVMLFailure) {
                try unsafe call(name, Signature.Processes.self) {
                    unsafe $0(OpaquePointer(bitPattern: device.address), &count, &processes)
                }
                let found = try checked(count, atMost: capacity, name)
                return processes.prefix(found).map { ProcessID(rawValue: CInt(bitPattern: $0.pid)) }
            } catch {
                guard error.error == .insufficientSize, capacity < 1 << 16 else { throw error }
                capacity = min(max(capacity * 2, Int(count) + 16), 1 << 16)
            }
        }
    }
}
