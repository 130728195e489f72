import CPlatform
import Glibc
import Synchronization

/// Starts a thread that nobody joins.
///
/// - Throws: `SystemError` when the machine allows no more.
public func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    try checkNumber("pthread_attr_init") { unsafe pthread_attr_init(&attributes) }
    defer { unsafe pthread_attr_destroy(&attributes) }
    try checkNumber("pthread_attr_setdetachstate") {
        unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    }
    // The thread takes the reference over; without a thread it is released here.
    let start = unsafe Unmanaged.passRetained(Start(body))
    var thread = pthread_t()
    do throws(SystemError) {
        try checkNumber("pthread_create") {
            unsafe pthread_create(
                &thread, &attributes,
                { argument in
                    if let argument = unsafe argument {
                        unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                    }
                    return nil
                }, start.toOpaque())
        }
    } catch {
        unsafe start.release()
        throw error
    }
}

/// A number that names the calling thread for as long as it lives.
public func currentThread() -> UInt64 { UInt64(pthread_self()) }

/// A doorbell between threads of this process.
public final class ProcessDoorbell: Sendable {
    private let bell = unsafe Doorbell.allocated()

    public init() {}

    // Whoever sleeps or rings has a reference.
    deinit { unsafe bell.deallocate() }

    public var count: UInt32 { bell.count }
    public func sleep(since count: UInt32, atMost timeout: Duration) { bell.sleep(since: count, atMost: timeout) }
    public func ring() { bell.ring() }
}
