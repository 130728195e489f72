import MIGModel

/// Something that a driver tells of a GPU while it happens.
public struct DeviceEvent: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// An error that the driver logs with this Xid number.
        case xid(Int)
        /// Somebody changed MIG mode or instances.
        case layoutChange
        /// The GPU can't be used any more.
        case unavailable
    }

    public let kind: Kind
    /// The GPU's index.
    public let gpu: Int
    /// The instance that it is about; nil for the whole GPU, and where this user may not know.
    public let gpuInstance: GPUInstanceID?
    public let computeInstance: ComputeInstanceID?

    public init(
        _ kind: Kind, gpu: Int, gpuInstance: GPUInstanceID? = nil, computeInstance: ComputeInstanceID? = nil
    ) {
        self.kind = kind
        self.gpu = gpu
        self.gpuInstance = gpuInstance
        self.computeInstance = computeInstance
    }
}

/// A driver's events from the moment it was made.
public protocol DeviceEventSource: Sendable {
    /// The next event; nil when there was none within the time. Blocks its thread meanwhile, and no other call.
    func next(within time: Duration) throws(DeviceError) -> DeviceEvent?
}

extension DeviceBackend {
    /// A backend without events of its own: who watches it sees what changes in the inventory.
    public func events() throws(DeviceError) -> any DeviceEventSource {
        throw DeviceError(kind: .notSupported, message: "this driver tells of no events")
    }
}
