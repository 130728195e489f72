import CNVML
import MIGModel
import SimulatedDriver

// MARK: GPU instances

private func createGPUInstance(
    _ device: OpaquePointer?, profile: UInt32, at place: CNVMLPlacement?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?, function: StaticString = #function
) -> Int32 {
    unsafe answer(device, function: function) { node in
        // Before anything is created: an instance without a handle would stay for ever.
        guard unsafe out != nil else { throw Refusal(Code.invalidArgument) }
        let serial = try node.change { state, _ in
            let gpu = unsafe try Device.gpu(device, in: state)
            let placement = place.map { Placement(start: Int($0.start), size: Int($0.size)) }
            let serial = try state.createGPUInstance(
                profile: Int(profile), at: placement, on: gpu, habit: try node.faults().placementHabit)
            let created = state.gpus[gpu].instances.first { $0.serial == serial }
            return .init(
                serial,
                events: [
                    Event(
                        "create-gi",
                        [
                            "gpu": "\(gpu)", "id": "\(created?.id ?? -1)", "profile": "\(profile)",
                            "place": created.map { "\($0.placement)" } ?? "-",
                        ])
                ])
        }
        try unsafe write(Handle.gpuInstance(serial: serial).pointer, to: out)
    }
}

@c(nvmlDeviceCreateGpuInstance)
public func nvmlDeviceCreateGpuInstance(
    _ device: OpaquePointer?, _ profile: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    unsafe createGPUInstance(device, profile: profile, at: nil, out)
}

@c(nvmlDeviceCreateGpuInstanceWithPlacement)
public func nvmlDeviceCreateGpuInstanceWithPlacement(
    _ device: OpaquePointer?, _ profile: UInt32, _ place: UnsafePointer<CNVMLPlacement>?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    // Without a place the call fails like any other one before the start.
    guard let place = unsafe place else {
        return unsafe answer(device) { _ in throw Refusal(Code.invalidArgument) }
    }
    return unsafe createGPUInstance(device, profile: profile, at: place.pointee, out)
}

@c(nvmlGpuInstanceDestroy) public func nvmlGpuInstanceDestroy(_ instance: OpaquePointer?) -> Int32 {
    unsafe answer(instance) { node in
        try node.change { state, _ in
            let (gpu, found) = unsafe try gpuInstance(instance, in: state)
            try state.destroyGPUInstance(serial: found.serial)
            return .init((), events: [Event("destroy-gi", ["gpu": "\(gpu)", "id": "\(found.id)"])])
        }
    }
}

/// Writes the handles that match; the caller's array holds as many as the profile allows.
private func writeHandles(
    _ handles: [Handle], to out: UnsafeMutablePointer<OpaquePointer?>?, _ count: UnsafeMutablePointer<UInt32>?
) throws(Refusal) {
    try unsafe write(UInt32(handles.count), to: count)
    guard !handles.isEmpty else { return }
    guard let out = unsafe out else { throw Refusal(Code.invalidArgument) }
    for (index, handle) in handles.enumerated() { unsafe out[index] = handle.pointer }
}

@c(nvmlDeviceGetGpuInstances)
public func nvmlDeviceGetGpuInstances(
    _ device: OpaquePointer?, _ profile: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?,
    _ count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe state.gpus[try Device.gpu(device, in: state)]
        guard gpu.migEnabled else { throw Refusal(Code.notSupported) }
        guard gpu.model.geometry.profile(id: .init(rawValue: Int(profile))) != nil else {
            throw Refusal(Code.invalidArgument)
        }
        let matching = gpu.instances.filter { $0.profile == Int(profile) }.sorted { $0.id < $1.id }
        try unsafe writeHandles(matching.map { .gpuInstance(serial: $0.serial) }, to: out, count)
    }
}

@c(nvmlDeviceGetGpuInstanceById)
public func nvmlDeviceGetGpuInstanceById(
    _ device: OpaquePointer?, _ id: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe state.gpus[try Device.gpu(device, in: state)]
        guard gpu.migEnabled else { throw Refusal(Code.notSupported) }
        guard let found = gpu.instances.first(where: { $0.id == Int(id) }) else { throw Refusal(Code.notFound) }
        try unsafe write(Handle.gpuInstance(serial: found.serial).pointer, to: out)
    }
}

@c(nvmlGpuInstanceGetInfo)
public func nvmlGpuInstanceGetInfo(
    _ instance: OpaquePointer?, _ out: UnsafeMutablePointer<CNVMLGPUInstanceRecord>?
) -> Int32 {
    unsafe answer(instance) { node in
        let (gpu, found) = unsafe try gpuInstance(instance, in: try node.state())
        let place = CNVMLPlacement(start: UInt32(found.placement.start), size: UInt32(found.placement.size))
        let record = unsafe CNVMLGPUInstanceRecord(
            device: Handle.gpu(gpu).pointer, id: UInt32(found.id), profileId: UInt32(found.profile), placement: place)
        try unsafe write(record, to: out)
    }
}

// MARK: Compute instances

@c(nvmlGpuInstanceGetComputeInstanceRemainingCapacity)
public func nvmlGpuInstanceGetComputeInstanceRemainingCapacity(
    _ instance: OpaquePointer?, _ profile: UInt32, _ count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(instance) { node in
        let state = try node.state()
        let (_, found) = unsafe try gpuInstance(instance, in: state)
        let capacity = try state.remainingComputeCapacity(of: Int(profile), in: found.serial)
        try unsafe write(UInt32(capacity), to: count)
    }
}

@c(nvmlGpuInstanceCreateComputeInstance)
public func nvmlGpuInstanceCreateComputeInstance(
    _ instance: OpaquePointer?, _ profile: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    unsafe createComputeInstance(instance, profile: profile, at: nil, out)
}

@c(nvmlGpuInstanceCreateComputeInstanceWithPlacement)
public func nvmlGpuInstanceCreateComputeInstanceWithPlacement(
    _ instance: OpaquePointer?, _ profile: UInt32, _ place: UnsafePointer<CNVMLPlacement>?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    guard let place = unsafe place else {
        return unsafe answer(instance) { _ in throw Refusal(Code.invalidArgument) }
    }
    return unsafe createComputeInstance(instance, profile: profile, at: place.pointee, out)
}

private func createComputeInstance(
    _ instance: OpaquePointer?, profile: UInt32, at place: CNVMLPlacement?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?, function: StaticString = #function
) -> Int32 {
    unsafe answer(instance, function: function) { node in
        guard unsafe out != nil else { throw Refusal(Code.invalidArgument) }
        let created = try node.change { state, _ in
            let (gpu, found) = unsafe try gpuInstance(instance, in: state)
            var generator = SystemRandomNumberGenerator()
            let placement = place.map { Placement(start: Int($0.start), size: Int($0.size)) }
            let created = try state.createComputeInstance(
                profile: Int(profile), at: placement, in: found.serial, using: &generator)
            return .init(
                created,
                events: [
                    Event(
                        "create-ci",
                        ["gpu": "\(gpu)", "gi": "\(found.id)", "id": "\(created.id)", "leaf": created.uuid])
                ])
        }
        try unsafe write(Handle.computeInstance(serial: created.serial).pointer, to: out)
    }
}

/// IN_USE while a process has a context on the MIG device.
@c(nvmlComputeInstanceDestroy) public func nvmlComputeInstanceDestroy(_ instance: OpaquePointer?) -> Int32 {
    unsafe answer(instance) { node in
        try node.change { state, contexts in
            let (gpu, found, compute) = unsafe try computeInstance(instance, in: state)
            guard try contexts.running(on: compute.serial).isEmpty else { throw Refusal(Code.inUse) }
            try state.destroyComputeInstance(serial: compute.serial)
            return .init(
                (),
                events: [
                    Event(
                        "destroy-ci",
                        ["gpu": "\(gpu)", "gi": "\(found.id)", "id": "\(compute.id)", "leaf": compute.uuid])
                ])
        }
    }
}

@c(nvmlGpuInstanceGetComputeInstances)
public func nvmlGpuInstanceGetComputeInstances(
    _ instance: OpaquePointer?, _ profile: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?,
    _ count: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(instance) { node in
        let (_, found) = unsafe try gpuInstance(instance, in: try node.state())
        guard ComputeProfile.slices(Int(profile)) != nil else { throw Refusal(Code.invalidArgument) }
        let matching = found.computeInstances.filter { $0.profile == Int(profile) }.sorted { $0.id < $1.id }
        try unsafe writeHandles(matching.map { .computeInstance(serial: $0.serial) }, to: out, count)
    }
}

@c(nvmlGpuInstanceGetComputeInstanceById)
public func nvmlGpuInstanceGetComputeInstanceById(
    _ instance: OpaquePointer?, _ id: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    unsafe answer(instance) { node in
        let (_, found) = unsafe try gpuInstance(instance, in: try node.state())
        guard let compute = found.computeInstances.first(where: { $0.id == Int(id) }) else {
            throw Refusal(Code.notFound)
        }
        try unsafe write(Handle.computeInstance(serial: compute.serial).pointer, to: out)
    }
}

@c(nvmlComputeInstanceGetInfo_v2)
public func nvmlComputeInstanceGetInfo_v2(
    _ instance: OpaquePointer?, _ out: UnsafeMutablePointer<CNVMLComputeInstanceRecord>?
) -> Int32 {
    unsafe answer(instance) { node in
        let (_, found, compute) = unsafe try computeInstance(instance, in: try node.state())
        let record = unsafe CNVMLComputeInstanceRecord(
            device: Handle.migDevice(serial: compute.serial).pointer,
            gpuInstance: Handle.gpuInstance(serial: found.serial).pointer,
            id: UInt32(compute.id), profileId: UInt32(compute.profile),
            placement: CNVMLPlacement(start: UInt32(compute.start), size: UInt32(compute.slices)))
        try unsafe write(record, to: out)
    }
}

@c(nvmlComputeInstanceGetInfo)
public func nvmlComputeInstanceGetInfo(
    _ instance: OpaquePointer?, _ out: UnsafeMutablePointer<CNVMLComputeInstanceRecord>?
) -> Int32 {
    unsafe nvmlComputeInstanceGetInfo_v2(instance, out)
}
