import Platform

/// Something that NVML tells those who have registered for it.
public struct DriverNotice: Hashable, Sendable {
    /// NVML's event types, as bits.
    public static let xid: UInt64 = 0x8
    public static let migConfigChange: UInt64 = 0x100
    public static let gpuUnavailable: UInt64 = 0x4000

    /// One of the types above.
    public let type: UInt64
    public let gpu: Int
    /// Of an Xid, its number; else 0.
    public let data: UInt64
    /// The instance that it is about; nil for the whole GPU.
    public let gpuInstance: Int?
    public let computeInstance: Int?

    /// The notice that a line of the driver's log stands for; nil for most.
    init?(_ event: Event) {
        guard let gpu = event.fields["gpu"].flatMap({ Int($0) }) else { return nil }
        self.gpu = gpu
        let gi = event.fields["gi"].flatMap { Int($0) }
        let id = event.fields["id"].flatMap { Int($0) }
        switch event.name {
        case "xid":
            type = Self.xid
            (data, gpuInstance) = (event.fields["xid"].flatMap { UInt64($0) } ?? 0, gi)
            computeInstance = event.fields["ci"].flatMap { Int($0) }
        case "create-gi", "destroy-gi":
            (type, data, gpuInstance, computeInstance) = (Self.migConfigChange, 0, id, nil)
        case "create-ci", "destroy-ci":
            (type, data, gpuInstance, computeInstance) = (Self.migConfigChange, 0, gi, id)
        case "mig-mode":
            (type, data, gpuInstance, computeInstance) = (Self.migConfigChange, 0, nil, nil)
        case "gpu-lost":
            (type, data, gpuInstance, computeInstance) = (Self.gpuUnavailable, 0, nil, nil)
        default: return nil
        }
    }
}

/// Reads the driver's log from where it was when the reader was made.
public struct NoticeReader: Sendable {
    private let path: String
    /// The byte of the log that is read next.
    public private(set) var position: Int

    public init(_ node: SimulatedNode) throws(SystemError) {
        path = node.log.path
        position = try EventLog(path: path).size()
    }

    /// The next notice of the log and the byte after it; nil when there is none yet. Reads what is new, up to 64 KiB a time.
    public mutating func next() throws(SystemError) -> DriverNotice? {
        while true {
            let bytes: [UInt8]
            do throws(SystemError) {
                bytes = try Descriptor.open(path, .readOnly).read(at: position, count: 65536)
            } catch {
                if error.isNotFound { return nil }
                throw error
            }
            var start = bytes.startIndex
            while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
                position += end + 1 - start
                let line = String(decoding: bytes[start..<end], as: UTF8.self)
                if let notice = EventLog.event(line).flatMap({ DriverNotice($0.event) }) { return notice }
                start = end + 1
            }
            // A line that is not ended is not all there yet; a longer one than the buffer is nothing of ours.
            if start == bytes.startIndex { return nil }
        }
    }
}
