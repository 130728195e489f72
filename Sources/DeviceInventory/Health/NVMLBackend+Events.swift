import MIGModel
import NVML

/// The events of all GPUs of an NVML library.
private final class NVMLEventSource: DeviceEventSource {
    private let events: NVMLEventSet
    private let gpus: [NVMLDevice: Int]

    init(_ session: NVMLSession) throws(NVMLFailure) {
        events = try NVMLEventSet(session)
        var gpus: [NVMLDevice: Int] = [:]
        for index in 0..<(try session.deviceCount()) {
            do throws(NVMLFailure) {
                let device = try session.device(at: index)
                try events.register(device, for: [.xid, .migConfigChange, .gpuUnavailable])
                gpus[device] = index
            } catch {
                // A lost GPU tells nothing any more; the others do.
                if error.error != .gpuIsLost { throw error }
            }
        }
        self.gpus = gpus
    }

    func next(within time: Duration) throws(DeviceError) -> DeviceEvent? {
        let deadline = ContinuousClock.now + time
        do throws(NVMLFailure) {
            while let event = try events.wait(max(.zero, ContinuousClock.now.duration(to: deadline))) {
                guard let gpu = gpus[event.device], let kind = kind(of: event) else { continue }
                return DeviceEvent(
                    kind, gpu: gpu, gpuInstance: event.gpuInstance.map(GPUInstanceID.init(rawValue:)),
                    computeInstance: event.computeInstance.map(ComputeInstanceID.init(rawValue:)))
            }
            return nil
        } catch {
            throw DeviceError(error)
        }
    }

    private func kind(of event: NVMLEvent) -> DeviceEvent.Kind? {
        switch event.type {
        case .xid: .xid(Int(clamping: event.data))
        case .migConfigChange: .layoutChange
        case .gpuUnavailable: .unavailable
        default: nil
        }
    }
}

extension NVMLBackend {
    /// - Throws: `DeviceError` of kind `notSupported` where the library has no events.
    public func events() throws(DeviceError) -> any DeviceEventSource {
        do throws(NVMLFailure) {
            return try NVMLEventSource(session)
        } catch {
            guard error.error == .functionNotFound || error.error == .notSupported else { throw DeviceError(error) }
            throw DeviceError(kind: .notSupported, message: "this driver tells of no events (\(error))")
        }
    }
}
