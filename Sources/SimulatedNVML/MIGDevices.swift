import CNVML
import MIGModel
import Platform
import SimulatedDriver

// MARK: MIG mode

@c(nvmlDeviceGetMigMode)
public func nvmlDeviceGetMigMode(
    _ device: OpaquePointer?, _ current: UnsafeMutablePointer<UInt32>?, _ pending: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe state.gpus[try Device.gpu(device, in: state)]
        try unsafe write(gpu.migEnabled ? 1 : 0, to: current)
        try unsafe write(gpu.migPending ? 1 : 0, to: pending)
    }
}

/// Succeeds with an activation status of IN_USE while instances are in the way, as the driver does.
@c(nvmlDeviceSetMigMode)
public func nvmlDeviceSetMigMode(
    _ device: OpaquePointer?, _ mode: UInt32, _ activation: UnsafeMutablePointer<Int32>?
) -> Int32 {
    unsafe answer(device) { node in
        guard mode <= 1, unsafe activation != nil else { throw Refusal(Code.invalidArgument) }
        let isNow = try node.change { state, _ in
            let gpu = unsafe try Device.gpu(device, in: state)
            let isNow = state.setMIGMode(mode == 1, on: gpu)
            return .init(
                isNow, events: [Event("mig-mode", ["gpu": "\(gpu)", "mode": "\(mode)", "active": "\(isNow)"])])
        }
        try unsafe write(isNow ? Code.success : Code.inUse, to: activation)
    }
}

// MARK: MIG devices

@c(nvmlDeviceIsMigDeviceHandle)
public func nvmlDeviceIsMigDeviceHandle(_ device: OpaquePointer?, _ isMIG: UnsafeMutablePointer<UInt32>?) -> Int32 {
    unsafe answer(device) { node in
        if case .mig = unsafe try Device(device, in: try node.state()) {
            try unsafe write(1, to: isMIG)
        } else {
            try unsafe write(0, to: isMIG)
        }
    }
}

/// A MIG device's index is the first compute slice that it has on the GPU: unique, used again, with holes.
private func index(_ instance: SimulatedGPUInstance, _ compute: SimulatedComputeInstance) -> Int {
    instance.placement.start + compute.start
}

@c(nvmlDeviceGetMaxMigDeviceCount)
public func nvmlDeviceGetMaxMigDeviceCount(_ device: OpaquePointer?, _ count: UnsafeMutablePointer<UInt32>?) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe state.gpus[try Device.gpu(device, in: state)]
        try unsafe write(gpu.migEnabled ? UInt32(gpu.model.geometry.computeSlices) : 0, to: count)
    }
}

@c(nvmlDeviceGetMigDeviceHandleByIndex)
public func nvmlDeviceGetMigDeviceHandleByIndex(
    _ device: OpaquePointer?, _ wanted: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe try Device.gpu(device, in: state)
        guard state.gpus[gpu].migEnabled, Int(wanted) < state.gpus[gpu].model.geometry.computeSlices else {
            throw Refusal(Code.invalidArgument)
        }
        guard let found = state.devices(on: gpu).first(where: { index($0.instance, $0.compute) == Int(wanted) }) else {
            throw Refusal(Code.notFound)
        }
        try unsafe write(Handle.migDevice(serial: found.compute.serial).pointer, to: out)
    }
}

/// A MIG device's handle, looked up.
private func migDevice(
    _ device: OpaquePointer?, in state: DriverState
) throws(Refusal) -> (gpu: Int, instance: SimulatedGPUInstance, compute: SimulatedComputeInstance) {
    guard case .mig(let gpu, let instance, let compute) = unsafe try Device(device, in: state) else {
        throw Refusal(Code.invalidArgument)
    }
    return (gpu, instance, compute)
}

@c(nvmlDeviceGetDeviceHandleFromMigDeviceHandle)
public func nvmlDeviceGetDeviceHandleFromMigDeviceHandle(
    _ device: OpaquePointer?, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
    unsafe answer(device) {
        try unsafe write(Handle.gpu(try migDevice(device, in: try $0.state()).gpu).pointer, to: out)
    }
}

@c(nvmlDeviceGetGpuInstanceId)
public func nvmlDeviceGetGpuInstanceId(_ device: OpaquePointer?, _ id: UnsafeMutablePointer<UInt32>?) -> Int32 {
    unsafe answer(device) { try unsafe write(UInt32(try migDevice(device, in: try $0.state()).instance.id), to: id) }
}

@c(nvmlDeviceGetComputeInstanceId)
public func nvmlDeviceGetComputeInstanceId(_ device: OpaquePointer?, _ id: UnsafeMutablePointer<UInt32>?) -> Int32 {
    unsafe answer(device) { try unsafe write(UInt32(try migDevice(device, in: try $0.state()).compute.id), to: id) }
}

@c(nvmlDeviceGetAttributes_v2)
public func nvmlDeviceGetAttributes_v2(
    _ device: OpaquePointer?, _ out: UnsafeMutablePointer<CNVMLAttributes>?
) -> Int32 {
    unsafe answer(device) { node in
        let state = try node.state()
        let (gpu, instance, compute) = unsafe try migDevice(device, in: state)
        guard let profile = state.gpus[gpu].model.geometry.profile(id: .init(rawValue: instance.profile)) else {
            throw Refusal(Code.unknown)
        }
        // What nobody has published this driver can't tell.
        guard let multiprocessors = profile.multiprocessors, let memoryMiB = profile.memoryMiB else {
            throw Refusal(Code.notSupported)
        }
        var record = CNVMLAttributes()
        record.multiprocessorCount = UInt32(multiprocessors * compute.slices / profile.computeSlices)
        record.sharedCopyEngineCount = UInt32(profile.engines.copy)
        record.sharedDecoderCount = UInt32(profile.engines.decoder)
        record.sharedEncoderCount = UInt32(profile.engines.encoder)
        record.sharedJpegCount = UInt32(profile.engines.jpeg)
        record.sharedOfaCount = UInt32(profile.engines.ofa)
        record.gpuInstanceSliceCount = UInt32(profile.computeSlices)
        record.computeInstanceSliceCount = UInt32(compute.slices)
        record.memorySizeMB = UInt64(memoryMiB)
        try unsafe write(record, to: out)
    }
}

@c(nvmlDeviceGetAttributes)
public func nvmlDeviceGetAttributes(
    _ device: OpaquePointer?, _ out: UnsafeMutablePointer<CNVMLAttributes>?
) -> Int32 {
    unsafe nvmlDeviceGetAttributes_v2(device, out)
}

// MARK: Processes

private let notAvailable = UInt64.max

@c(nvmlDeviceGetComputeRunningProcesses_v3)
public func nvmlDeviceGetComputeRunningProcesses_v3(
    _ device: OpaquePointer?, _ count: UnsafeMutablePointer<UInt32>?, _ out: UnsafeMutablePointer<CNVMLProcess>?
) -> Int32 {
    unsafe processes(device, graphics: false, count, out)
}

/// All processes with a context on the device: the GPU shows those of all its MIG devices.
private func processes(
    _ device: OpaquePointer?, graphics: Bool, _ count: UnsafeMutablePointer<UInt32>?,
    _ out: UnsafeMutablePointer<CNVMLProcess>?,
    function: StaticString = #function
) -> Int32 {
    unsafe answer(device, function: function) { node in
        let state = try node.state()
        let found = unsafe try Device(device, in: state)
        let devices =
            switch found {
            case .gpu(let gpu): state.devices(on: gpu)
            case .mig(_, let instance, let compute): [(instance, compute)]
            }
        var processes: [CNVMLProcess] = []
        for (instance, compute) in devices {
            for entry in try node.processes(on: compute) where entry.isGraphics == graphics {
                processes.append(
                    CNVMLProcess(
                        pid: UInt32(bitPattern: entry.process.rawValue), usedGpuMemory: notAvailable,
                        gpuInstanceId: UInt32(instance.id), computeInstanceId: UInt32(compute.id)))
            }
        }
        guard let count = unsafe count else { throw Refusal(Code.invalidArgument) }
        let capacity = unsafe Int(count.pointee)
        unsafe count.pointee = UInt32(processes.count)
        if processes.isEmpty { return }
        guard processes.count <= capacity, let out = unsafe out else { throw Refusal(Code.insufficientSize) }
        for (index, process) in processes.enumerated() { unsafe out[index] = process }
    }
}

@c(nvmlDeviceGetComputeRunningProcesses_v2)
public func nvmlDeviceGetComputeRunningProcesses_v2(
    _ device: OpaquePointer?, _ count: UnsafeMutablePointer<UInt32>?, _ out: UnsafeMutablePointer<CNVMLProcess>?
) -> Int32 {
    unsafe processes(device, graphics: false, count, out)
}

/// Nobody uses MPS on a simulated node.
@c(nvmlDeviceGetMPSComputeRunningProcesses_v3)
public func nvmlDeviceGetMPSComputeRunningProcesses_v3(
    _ device: OpaquePointer?, _ count: UnsafeMutablePointer<UInt32>?, _ out: UnsafeMutablePointer<CNVMLProcess>?
) -> Int32 {
    unsafe answer(device) { node in
        _ = unsafe try Device(device, in: try node.state())
        try unsafe write(0, to: count)
    }
}

/// Only processes that somebody shows draw here.
@c(nvmlDeviceGetGraphicsRunningProcesses_v3)
public func nvmlDeviceGetGraphicsRunningProcesses_v3(
    _ device: OpaquePointer?, _ count: UnsafeMutablePointer<UInt32>?, _ out: UnsafeMutablePointer<CNVMLProcess>?
) -> Int32 {
    unsafe processes(device, graphics: true, count, out)
}
