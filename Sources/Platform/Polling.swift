import CPlatform
import Glibc

/// What a descriptor is watched for, and what was seen.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: Int16
    public init(rawValue: Int16) { self.rawValue = rawValue }
    public static let readable = Readiness(rawValue: Int16(POLLIN))
    public static let writable = Readiness(rawValue: Int16(POLLOUT))
    /// The other end is gone; always watched for. Two bits of which one is seen: ask with `isDisjoint(with:)`, as
    /// `contains` wants both.
    public static let hungUp = Readiness(rawValue: Int16(POLLHUP) | Int16(POLLERR))
}

/// Waits until one of the descriptors is ready or the time is up.
///
/// - Parameter timeout: nil waits for ever.
/// - Returns: what was seen, in the order of `watched`; all empty when the time was up or a signal came.
public func poll(
    _ watched: [(descriptor: CInt, for: Readiness)], timeout: Duration?
) throws(SystemError) -> [Readiness] {
    var entries = watched.map { pollfd(fd: $0.descriptor, events: $0.for.rawValue, revents: 0) }
    var milliseconds: CInt = -1
    if let timeout {
        let (seconds, attoseconds) = max(timeout, .zero).components
        // Rounded up, so that a deadline is never polled for in a busy loop.
        milliseconds = CInt(clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
    let count = unsafe entries.withUnsafeMutableBufferPointer {
        unsafe Glibc.poll($0.baseAddress, nfds_t($0.count), milliseconds)
    }
    if count < 0 {
        if errno == EINTR { return watched.map { _ in [] } }
        throw SystemError(call: "poll", code: errno)
    }
    return entries.map { Readiness(rawValue: $0.revents) }
}
