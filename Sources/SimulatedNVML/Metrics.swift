import CNVML
import MIGModel
import SimulatedDriver
import Synchronization

/// What a GPU, or one GPU instance of it, did when the sample was taken.
private struct MetricSample {
    var gpu: Int
    var instance: Int?
    var processes: Int
    var time: ContinuousClock.Instant
}

/// Samples by handle; a new one is empty.
private let samples = Mutex<(next: UInt64, taken: [UInt64: MetricSample?])>((1, [:]))

private func sampleNumber(_ pointer: OpaquePointer?) throws(Refusal) -> UInt64 {
    guard case .sample(let number) = unsafe Handle(pointer), samples.withLock({ $0.taken[number] != nil }) else {
        throw Refusal(Code.invalidArgument)
    }
    return number
}

/// Metrics per instance exist from Hopper on.
private func hasMetrics(_ gpu: Int, in state: DriverState) -> Bool {
    state.gpus[gpu].model.architecture.rawValue >= GPUArchitecture.hopper.rawValue
}

@c(nvmlGpmQueryDeviceSupport)
public func nvmlGpmQueryDeviceSupport(_ device: OpaquePointer?, _ out: UnsafeMutablePointer<CNVMLGPMSupport>?) -> Int32
{
    unsafe answer(device) { node in
        let state = try node.state()
        let gpu = unsafe try Device(device, in: state).gpu
        guard let out = unsafe out else { throw Refusal(Code.invalidArgument) }
        guard unsafe out.pointee.version == 1 else { throw Refusal(Code.argumentVersionMismatch) }
        unsafe out.pointee.isSupportedDevice = hasMetrics(gpu, in: state) ? 1 : 0
    }
}

@c(nvmlGpmSampleAlloc) public func nvmlGpmSampleAlloc(_ out: UnsafeMutablePointer<OpaquePointer?>?) -> Int32 {
    answer { _ in
        guard unsafe out != nil else { throw Refusal(Code.invalidArgument) }
        let number = samples.withLock { all in
            all.taken.updateValue(nil, forKey: all.next)
            all.next += 1
            return all.next - 1
        }
        try unsafe write(Handle.sample(number).pointer, to: out)
    }
}

@c(nvmlGpmSampleFree) public func nvmlGpmSampleFree(_ sample: OpaquePointer?) -> Int32 {
    answer { _ in
        let number = unsafe try sampleNumber(sample)
        _ = samples.withLock { $0.taken.removeValue(forKey: number) }
    }
}

private func take(_ sample: OpaquePointer?, of device: OpaquePointer?, instance: Int?, on node: SimulatedNode) throws {
    let state = try node.state()
    let gpu = unsafe try Device.gpu(device, in: state)
    let number = unsafe try sampleNumber(sample)
    guard hasMetrics(gpu, in: state) else { throw Refusal(Code.notSupported) }
    if let instance, !state.gpus[gpu].instances.contains(where: { $0.id == instance }) {
        throw Refusal(Code.invalidArgument)
    }
    var processes = 0
    for (found, compute) in state.devices(on: gpu) where instance ?? found.id == found.id {
        processes += try node.processes(on: compute).count
    }
    let taken = MetricSample(gpu: gpu, instance: instance, processes: processes, time: .now)
    samples.withLock { $0.taken[number] = .some(taken) }
}

@c(nvmlGpmSampleGet)
public func nvmlGpmSampleGet(_ device: OpaquePointer?, _ sample: OpaquePointer?) -> Int32 {
    unsafe answer(device) { node in unsafe try take(sample, of: device, instance: nil, on: node) }
}

@c(nvmlGpmMigSampleGet)
public func nvmlGpmMigSampleGet(_ device: OpaquePointer?, _ instance: UInt32, _ sample: OpaquePointer?) -> Int32 {
    unsafe answer(device) { node in unsafe try take(sample, of: device, instance: Int(instance), on: node) }
}

/// Two samples of the same thing, the later one second. A simulated GPU is fully used while a process is on it, and moves
/// no data.
@c(nvmlGpmMetricsGet) public func nvmlGpmMetricsGet(_ pointer: UnsafeMutableRawPointer?) -> Int32 {
    answer { _ in
        guard let pointer = unsafe pointer else { throw Refusal(Code.invalidArgument) }
        let head = unsafe pointer.load(as: CNVMLGPMMetricsHead.self)
        guard unsafe head.version == 1 else { throw Refusal(Code.argumentVersionMismatch) }
        let numbers = unsafe (try sampleNumber(head.sample1), try sampleNumber(head.sample2))
        let (first, second) = samples.withLock { ($0.taken[numbers.0] ?? nil, $0.taken[numbers.1] ?? nil) }
        guard let first, let second, first.gpu == second.gpu, first.instance == second.instance,
            first.time < second.time, unsafe head.numMetrics <= 1024
        else { throw Refusal(Code.invalidArgument) }
        for index in 0..<Int(unsafe head.numMetrics) {
            let entry = unsafe (pointer + 24 + index * 40).assumingMemoryBound(to: CNVMLGPMMetric.self)
            let isUsed = first.processes > 0 && second.processes > 0
            switch unsafe entry.pointee.metricId {
            case 1, 2: unsafe (entry.pointee.nvmlReturn, entry.pointee.value) = (Code.success, isUsed ? 100 : 0)
            case 3, 5, 10...13, 20, 21: unsafe (entry.pointee.nvmlReturn, entry.pointee.value) = (Code.success, 0)
            default: unsafe (entry.pointee.nvmlReturn, entry.pointee.value) = (Code.notSupported, 0)
            }
        }
    }
}
