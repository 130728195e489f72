import CNVML

/// Types of events, as NVML's bits.
public struct NVMLEventTypes: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// An error that the driver logs with an Xid number. nvmlEventTypeXidCriticalError.
    public static let xid = NVMLEventTypes(rawValue: 0x8)
    /// Somebody changed MIG mode or instances. nvmlEventMigConfigChange.
    public static let migConfigChange = NVMLEventTypes(rawValue: 0x100)
    /// The GPU can't be used any more. nvmlEventTypeGpuUnavailableError.
    public static let gpuUnavailable = NVMLEventTypes(rawValue: 0x4000)
}

/// Something that happened on a GPU.
public struct NVMLEvent: Hashable, Sendable {
    /// The GPU, never a MIG device.
    public let device: NVMLDevice
    /// One type.
    public let type: NVMLEventTypes
    /// Of an Xid event, its number.
    public let data: UInt64
    /// The instance that it is about; nil for the whole GPU, and for callers without privileges.
    public let gpuInstance: Int?
    public let computeInstance: Int?
}

/// Waits for events of GPUs; ends with its last reference.
///
/// Waiting blocks its thread and nobody else: the session's other calls go on meanwhile.
public final class NVMLEventSet: Sendable {
    private let session: NVMLSession
    private let address: UInt

    /// An empty set.
    ///
    /// - Throws: `NVMLFailure`; FUNCTION_NOT_FOUND or NOT_SUPPORTED where there are no events.
    public init(_ session: NVMLSession) throws(NVMLFailure) {
        var set: OpaquePointer?
        try unsafe session.call("nvmlEventSetCreate", Signature.NewHandle.self) { unsafe $0(&set) }
        address = UInt(bitPattern: set)
        self.session = session
    }

    deinit {
        _ = try? unsafe session.call("nvmlEventSetFree", Signature.Destroy.self) {
            unsafe $0(OpaquePointer(bitPattern: address))
        }
    }

    /// Adds a GPU: its events count from now on. Types that it does not have are left out.
    ///
    /// - Returns: the types that the GPU has of those.
    @discardableResult
    public func register(_ device: NVMLDevice, for types: NVMLEventTypes) throws(NVMLFailure) -> NVMLEventTypes {
        var supported: UInt64 = 0
        try unsafe session.call("nvmlDeviceGetSupportedEventTypes", Signature.ObjectLongNumber.self) {
            unsafe $0(OpaquePointer(bitPattern: device.address), &supported)
        }
        let both = types.intersection(NVMLEventTypes(rawValue: supported))
        if both.isEmpty { return both }
        try unsafe session.call("nvmlDeviceRegisterEvents", Signature.Register.self) {
            unsafe $0(
                OpaquePointer(bitPattern: device.address), both.rawValue, OpaquePointer(bitPattern: self.address))
        }
        return both
    }

    /// The next event; nil when there was none within the time.
    ///
    /// - Parameter timeout: 0 looks and does not wait; at most 49 days.
    public func wait(_ timeout: Duration) throws(NVMLFailure) -> NVMLEvent? {
        var record = unsafe CNVMLEvent()
        let (seconds, attoseconds) = timeout.components
        let milliseconds =
            seconds < 4_294_967 ? max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000) : 4_294_967_000
        do throws(NVMLFailure) {
            try unsafe session.callAside("nvmlEventSetWait_v2", Signature.Wait.self) {
                unsafe $0(OpaquePointer(bitPattern: self.address), &record, UInt32(milliseconds))
            }
        } catch {
            if error.error == .timeout { return nil }
            throw error
        }
        func id(_ number: UInt32) -> Int? { number == .max ? nil : Int(number) }
        return unsafe NVMLEvent(
            device: NVMLDevice(address: UInt(bitPattern: record.device)),
            type: NVMLEventTypes(rawValue: record.eventType), data: record.eventData,
            gpuInstance: id(record.gpuInstanceId), computeInstance: id(record.computeInstanceId))
    }
}
