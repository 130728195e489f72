import CNVML
import MIGModel
import Platform
import SimulatedDriver
import Synchronization

/// What a program waits for: types of events by GPU, and how far it has read the driver's log.
///
/// Waiting looks at the log again every few milliseconds: the processes of a simulated node have nothing else in common
/// that could wake them.
private struct EventSet {
    var types: [Int: (mask: UInt64, since: Int)] = [:]
    var reader: NoticeReader
}

private let supportedTypes = DriverNotice.xid | DriverNotice.migConfigChange | DriverNotice.gpuUnavailable

private let eventSets = Mutex<(next: UInt64, sets: [UInt64: EventSet])>((1, [:]))

/// Works on an event set.
///
/// - Throws: INVALID_ARGUMENT for a handle of anything else, or of a set that was freed.
private func withEventSet<Value: Sendable>(
    _ number: UInt64?, _ body: (inout EventSet) throws -> Value
) throws -> Value {
    try eventSets.withLock { all in
        guard let number, var set = all.sets[number] else { throw Refusal(Code.invalidArgument) }
        defer { all.sets[number] = set }
        return try body(&set)
    }
}

/// The number of an event set's handle.
private func eventSet(_ pointer: OpaquePointer?) -> UInt64? {
    if case .eventSet(let number) = unsafe Handle(pointer) { number } else { nil }
}

@c(nvmlEventSetCreate) public func nvmlEventSetCreate(_ out: UnsafeMutablePointer<OpaquePointer?>?) -> Int32 {
    answer { node in
        guard unsafe out != nil else { throw Refusal(Code.invalidArgument) }
        let reader = try NoticeReader(node)
        let number = eventSets.withLock { all in
            all.sets[all.next] = EventSet(reader: reader)
            all.next += 1
            return all.next - 1
        }
        try unsafe write(Handle.eventSet(number).pointer, to: out)
    }
}

@c(nvmlDeviceGetSupportedEventTypes)
public func nvmlDeviceGetSupportedEventTypes(_ device: OpaquePointer?, _ types: UnsafeMutablePointer<UInt64>?) -> Int32
{
    unsafe answer(device) { node in
        _ = unsafe try Device.gpu(device, in: try node.state())
        try unsafe write(supportedTypes, to: types)
    }
}

/// Events from now on. NOT_SUPPORTED where a type is not one of those that the device has.
@c(nvmlDeviceRegisterEvents)
public func nvmlDeviceRegisterEvents(_ device: OpaquePointer?, _ types: UInt64, _ set: OpaquePointer?) -> Int32 {
    unsafe answer(device) { node in
        let gpu = unsafe try Device.gpu(device, in: try node.state())
        let since = try NoticeReader(node).position
        try withEventSet(unsafe eventSet(set)) { set in
            guard types & ~supportedTypes == 0 else { throw Refusal(Code.notSupported) }
            let old = set.types[gpu]
            set.types[gpu] = ((old?.mask ?? 0) | types, old?.since ?? since)
        }
    }
}

/// Waits for one event, at most so many milliseconds; TIMEOUT when there is none, INVALID_ARGUMENT when the set is freed.
@c(nvmlEventSetWait_v2)
public func nvmlEventSetWait_v2(
    _ set: OpaquePointer?, _ out: UnsafeMutablePointer<CNVMLEvent>?, _ milliseconds: UInt32
) -> Int32 {
    answer { node in
        let number = unsafe eventSet(set)
        guard unsafe out != nil else { throw Refusal(Code.invalidArgument) }
        let deadline = ContinuousClock.now + .milliseconds(Int(milliseconds))
        while true {
            let notice = try withEventSet(number) { set -> DriverNotice? in
                while let notice = try set.reader.next() {
                    if let wanted = set.types[notice.gpu], wanted.mask & notice.type != 0,
                        set.reader.position > wanted.since
                    {
                        return notice
                    }
                }
                return nil
            }
            if let notice {
                // Who may not change the node is told of whole GPUs only.
                let isPrivileged = Files.isWritable(node.directory)
                return try unsafe write(CNVMLEvent(notice, isPrivileged: isPrivileged), to: out)
            }
            if ContinuousClock.now >= deadline { throw Refusal(Code.timeout) }
            pause(for: .milliseconds(min(5, Int(milliseconds))))
        }
    }
}

@c(nvmlEventSetWait)
public func nvmlEventSetWait(
    _ set: OpaquePointer?, _ out: UnsafeMutablePointer<CNVMLEvent>?, _ milliseconds: UInt32
) -> Int32 {
    unsafe nvmlEventSetWait_v2(set, out, milliseconds)
}

@c(nvmlEventSetFree) public func nvmlEventSetFree(_ set: OpaquePointer?) -> Int32 {
    answer { _ in
        let number = unsafe eventSet(set)
        let isThere = eventSets.withLock { all in number.map { all.sets.removeValue(forKey: $0) != nil } ?? false }
        guard isThere else { throw Refusal(Code.invalidArgument) }
    }
}

extension CNVMLEvent {
    /// All ones stand for the whole device.
    fileprivate init(_ notice: DriverNotice, isPrivileged: Bool) {
        func id(_ number: Int?) -> UInt32 { isPrivileged ? number.map { UInt32($0) } ?? .max : .max }
        unsafe self.init(
            device: Handle.gpu(notice.gpu).pointer, eventType: notice.type, eventData: notice.data,
            gpuInstanceId: id(notice.gpuInstance), computeInstanceId: id(notice.computeInstance))
    }
}
