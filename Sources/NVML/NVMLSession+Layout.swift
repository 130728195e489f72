import CNVML

/// The calls that change the layout of a GPU.
extension NVMLSession {
    /// Creates a GPU instance exactly there.
    ///
    /// - Throws: INSUFFICIENT_RESOURCES where the place is taken or illegal, NOT_SUPPORTED with MIG mode off,
    ///   NO_PERMISSION without the right to configure MIG.
    public func createGPUInstance(
        profile: Int, at place: Place, on device: NVMLDevice
    ) throws(NVMLFailure) -> NVMLGPUInstance {
        var instance: OpaquePointer?
        var placement = CNVMLPlacement(start: UInt32(place.start), size: UInt32(place.size))
        try unsafe call(
            "nvmlDeviceCreateGpuInstanceWithPlacement", Signature.CreateAt.self,
            on: "profile \(profile) at \(place.start):\(place.size)"
        ) {
            unsafe $0(OpaquePointer(bitPattern: device.address), UInt32(profile), &placement, &instance)
        }
        return NVMLGPUInstance(address: UInt(bitPattern: instance))
    }

    /// Creates a compute instance, which makes the MIG device.
    public func createComputeInstance(
        profile: Int, in instance: NVMLGPUInstance
    ) throws(NVMLFailure) -> NVMLComputeInstance {
        var created: OpaquePointer?
        try unsafe call("nvmlGpuInstanceCreateComputeInstance", Signature.Create.self, on: "profile \(profile)") {
            unsafe $0(OpaquePointer(bitPattern: instance.address), UInt32(profile), &created)
        }
        return NVMLComputeInstance(address: UInt(bitPattern: created))
    }

    /// Creates a compute instance exactly there, in compute slices of its GPU instance.
    public func createComputeInstance(
        profile: Int, at place: Place, in instance: NVMLGPUInstance
    ) throws(NVMLFailure) -> NVMLComputeInstance {
        var created: OpaquePointer?
        var placement = CNVMLPlacement(start: UInt32(place.start), size: UInt32(place.size))
        try unsafe call(
            "nvmlGpuInstanceCreateComputeInstanceWithPlacement", Signature.CreateAt.self,
            on: "profile \(profile) at \(place.start):\(place.size)"
        ) {
            unsafe $0(OpaquePointer(bitPattern: instance.address), UInt32(profile), &placement, &created)
        }
        return NVMLComputeInstance(address: UInt(bitPattern: created))
    }

    /// Destroys a compute instance. IN_USE while a process has a context there.
    public func destroy(_ instance: NVMLComputeInstance) throws(NVMLFailure) {
        try unsafe call("nvmlComputeInstanceDestroy", Signature.Destroy.self) {
            unsafe $0(OpaquePointer(bitPattern: instance.address))
        }
    }

    /// Destroys a GPU instance. IN_USE while it has compute instances.
    public func destroy(_ instance: NVMLGPUInstance) throws(NVMLFailure) {
        try unsafe call("nvmlGpuInstanceDestroy", Signature.Destroy.self) {
            unsafe $0(OpaquePointer(bitPattern: instance.address))
        }
    }
}
