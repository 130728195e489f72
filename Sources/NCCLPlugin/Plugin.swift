import CNCCLPlugin
import Collectives
import NCCLTransport
import Platform
import Synchronization

/// The process's only instance. It stays when NCCL unloads the library, whose code stays as well, and serves again
/// when it is loaded another time.
enum Plugin {
    private static let transport = Mutex<NetTransport?>(nil)

    private static let notices = Notices { level, text in
        unsafe text.withCString {
            unsafe cnccl_log(Int32(level == .warning ? cnccl_warning : cnccl_information), $0)
        }
    }

    /// Starts it, unless it was started.
    static func start() throws(NetFailure) {
        let result = transport.withLock { transport -> Result<Void, NetFailure> in
            if transport != nil { return .success(()) }
            return Result { () throws(NetFailure) -> Void in
                let settings: TransportSettings
                do throws(CollectiveError) {
                    settings = try TransportSettings(environment: Environment.all())
                } catch {
                    throw NetFailure(error)
                }
                transport = NetTransport(settings, notices)
                notices.tell(.greeting, "host shared memory, segments named \(settings.namePrefix)*")
            }
        }
        return try result.get()
    }

    static func started() throws(NetFailure) -> NetTransport {
        guard let transport = transport.withLock({ $0 }) else {
            throw .argument("the plugin was not initialized")
        }
        return transport
    }

    static func warn(_ text: String) { notices.tell(.warning, text) }
}

extension NetFailure {
    /// NCCL's result.
    var result: Int32 {
        switch self {
        case .peer: Int32(cnccl_remote_error)
        case .mismatch: Int32(cnccl_invalid_usage)
        case .argument: Int32(cnccl_invalid_argument)
        case .system: Int32(cnccl_system_error)
        }
    }
}

/// Runs the body of a function that NCCL calls seldom, and tells the log why it failed.
func answer(_ body: () throws(NetFailure) -> Void) -> Int32 {
    do throws(NetFailure) {
        try body()
        return 0
    } catch {
        Plugin.warn(error.description)
        return error.result
    }
}

/// Runs the body of a function that NCCL calls all the time; what fails has been told by the connection.
@inline(__always)
func answerQuietly(_ body: () throws(NetFailure) -> Void) -> Int32 {
    do throws(NetFailure) {
        try body()
        return 0
    } catch {
        return error.result
    }
}

/// A pointer that NCCL must give.
@inline(__always)
func required<Value>(
    _ pointer: UnsafeMutablePointer<Value>?, _ name: StaticString
) throws(NetFailure) -> UnsafeMutablePointer<Value> {
    guard let pointer = unsafe pointer else { throw .argument("\(name) is NULL") }
    return unsafe pointer
}

/// Hands a new object to NCCL, which gives it back to `take`.
@unsafe
func give(_ object: AnyObject) -> UnsafeMutableRawPointer {
    unsafe Unmanaged.passRetained(object).toOpaque()
}

/// The object that NCCL gives back for good.
@unsafe
func take<Object: AnyObject>(_ type: Object.Type, _ pointer: UnsafeMutableRawPointer?) throws(NetFailure) -> Object {
    guard let pointer = unsafe pointer else { throw .argument("NULL was given for a connection or listener") }
    return unsafe Unmanaged<Object>.fromOpaque(pointer).takeRetainedValue()
}

/// Lends an object of NCCL's to a body. NCCL promises that it has not given it back.
@inline(__always) @unsafe
func with<Object: AnyObject>(
    _ type: Object.Type, _ pointer: UnsafeMutableRawPointer?, _ body: (Object) throws(NetFailure) -> Void
) throws(NetFailure) {
    guard let pointer = unsafe pointer else { throw .argument("NULL was given for a connection or listener") }
    let result = unsafe Unmanaged<Object>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
        object in Result { () throws(NetFailure) -> Void in try body(object) }
    }
    return try result.get()
}

/// The 128 bytes behind a pointer to a handle; nil when they were not made by this plugin.
@unsafe
func handle(at pointer: UnsafeRawPointer) -> PeerHandle? {
    PeerHandle(decoding: unsafe [UInt8](UnsafeRawBufferPointer(start: pointer, count: PeerHandle.bytes)))
}

@unsafe
func write(_ handle: PeerHandle, to pointer: UnsafeMutableRawPointer) {
    unsafe UnsafeMutableRawBufferPointer(start: pointer, count: PeerHandle.bytes).copyBytes(from: handle.encoded)
}

/// What NCCL's `test` answers of a request: whether it is done, and then its bytes.
@unsafe
func answerTest<Request: ~Copyable>(
    _ request: UnsafeMutableRawPointer?, _ done: UnsafeMutablePointer<Int32>?, _ bytes: UnsafeMutablePointer<Int32>?,
    by test: (UnsafeMutablePointer<Request>) throws(NetFailure) -> Int?
) -> Int32 {
    answerQuietly { () throws(NetFailure) in
        let done = unsafe try required(done, "the place for the answer")
        unsafe done.pointee = 0
        guard let request = unsafe request?.assumingMemoryBound(to: Request.self) else {
            throw .argument("the request is NULL")
        }
        guard let count = try unsafe test(request) else { return }
        unsafe bytes?.pointee = Int32(clamping: count)
        unsafe done.pointee = 1
    }
}
