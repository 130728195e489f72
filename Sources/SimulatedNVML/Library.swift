import CNVML
import MIGModel
import Platform
import SimulatedDriver
import Synchronization

/// The library's state in this process: the node, while somebody has it initialised.
private let session = Mutex<(node: SimulatedNode, users: Int)?>(nil)

/// NVML's return codes, as far as this library answers them.
enum Code {
    static let success: Int32 = 0
    static let uninitialized: Int32 = 1
    static let invalidArgument: Int32 = 2
    static let notSupported: Int32 = 3
    static let noPermission: Int32 = 4
    static let notFound: Int32 = 6
    static let insufficientSize: Int32 = 7
    static let driverNotLoaded: Int32 = 9
    static let timeout: Int32 = 10
    static let gpuIsLost: Int32 = 15
    static let inUse: Int32 = 19
    static let insufficientResources: Int32 = 23
    static let argumentVersionMismatch: Int32 = 25
    static let unknown: Int32 = 999
}

/// A return code on its way out of a call.
struct Refusal: Error {
    let code: Int32
    init(_ code: Int32) { self.code = code }
}

/// Runs a call on the initialised node and turns what it throws into NVML's return code.
///
/// - Parameter handle: what the call is about, for the faults that are about one GPU or instance.
func answer(
    _ handle: OpaquePointer? = nil, function: StaticString = #function, _ body: (SimulatedNode) throws -> Void
) -> Int32 {
    let name = CallCounter.count(function)
    guard let node = session.withLock({ $0?.node }) else { return Code.uninitialized }
    return unsafe run(name, about: handle, on: node, body)
}

/// Runs a call on a node, after the faults that it meets.
private func run(
    _ name: String, about handle: OpaquePointer?, on node: SimulatedNode, _ body: (SimulatedNode) throws -> Void
) -> Int32 {
    do {
        let meeting = unsafe try node.meet(DriverCall(name, about: handle, in: node))
        if meeting.hangMilliseconds > 0 { pause(for: .milliseconds(meeting.hangMilliseconds)) }
        if let code = meeting.code { return code }
        try body(node)
        return Code.success
    } catch let refusal as Refusal {
        return refusal.code
    } catch let refusal as DriverRefusal {
        switch refusal {
        case .invalidArgument: return Code.invalidArgument
        case .notSupported: return Code.notSupported
        case .notFound: return Code.notFound
        case .inUse: return Code.inUse
        case .insufficientResources: return Code.insufficientResources
        }
    } catch {
        return code(of: error)
    }
}

extension DriverCall {
    fileprivate init(_ name: String, about handle: OpaquePointer?, in node: SimulatedNode) {
        let state = try? node.state()
        switch unsafe Handle(handle) {
        case .gpu(let index): self.init(name, gpu: index)
        case .gpuInstance(let serial):
            let found = state?.gpuInstance(serial: serial)
            self.init(name, gpu: found?.gpu, instance: found.flatMap { state?.gpus[$0.gpu].instances[$0.position].id })
        case .computeInstance(let serial), .migDevice(let serial):
            let found = state?.computeInstance(serial: serial)
            self.init(name, gpu: found?.gpu, instance: found?.instance.id)
        case .eventSet, .sample, nil: self.init(name)
        }
    }
}

/// How often each function was called in this process.
enum CallCounter {
    private static let counts = Mutex<[String: UInt64]>([:])

    /// - Parameter function: as `#function` gives it.
    /// - Returns: the function's name.
    static func count(_ function: StaticString) -> String {
        let name = String("\(function)".prefix { $0 != "(" })
        counts.withLock { $0[name, default: 0] += 1 }
        return name
    }

    /// - Parameter name: nil for all functions together.
    static func calls(of name: String?) -> UInt64 {
        counts.withLock { counts in name.map { counts[$0] ?? 0 } ?? counts.values.reduce(0, +) }
    }
}

private func code(of error: any Error) -> Int32 {
    if let system = error as? SystemError, system.isPermission { return Code.noPermission }
    if let node = error as? SimulatedNodeError, case .system(let system) = node.reason, system.isPermission {
        return Code.noPermission
    }
    return Code.unknown
}

/// Writes through a pointer of the caller's; NULL is the caller's mistake.
func write<Value>(_ value: Value, to pointer: UnsafeMutablePointer<Value>?) throws(Refusal) {
    guard let pointer = unsafe pointer else { throw Refusal(Code.invalidArgument) }
    unsafe pointer.pointee = value
}

/// Writes a C string into the caller's buffer of `length` bytes.
func write(_ text: String, to buffer: UnsafeMutablePointer<CChar>?, length: UInt32) throws(Refusal) {
    guard let buffer = unsafe buffer else { throw Refusal(Code.invalidArgument) }
    let bytes = Array(text.utf8)
    guard bytes.count < Int(length) else { throw Refusal(Code.insufficientSize) }
    for (index, byte) in bytes.enumerated() { unsafe buffer[index] = CChar(bitPattern: byte) }
    unsafe buffer[bytes.count] = 0
}

// MARK: Start and end

@c(nvmlInit_v2) public func nvmlInit_v2() -> Int32 {
    let name = CallCounter.count(#function)
    let node: SimulatedNode
    if let open = session.withLock({ $0?.node }) {
        node = open
    } else {
        guard let directory = Environment.value(SimulatedNode.environmentVariable) else { return Code.driverNotLoaded }
        do throws(SimulatedNodeError) {
            node = try SimulatedNode(opening: directory)
        } catch {
            return code(of: error) == Code.noPermission ? Code.noPermission : Code.driverNotLoaded
        }
    }
    return run(name, about: nil, on: node) { node in
        // Somebody else may have begun the session meanwhile.
        session.withLock { $0 = ($0?.node ?? node, ($0?.users ?? 0) + 1) }
    }
}

@c(nvmlInit) public func nvmlInit() -> Int32 { nvmlInit_v2() }
@c(nvmlInitWithFlags) public func nvmlInitWithFlags(_ flags: UInt32) -> Int32 { nvmlInit_v2() }

@c(nvmlShutdown) public func nvmlShutdown() -> Int32 {
    session.withLock { session in
        guard let open = session else { return Code.uninitialized }
        session = open.users > 1 ? (open.node, open.users - 1) : nil
        return Code.success
    }
}

/// The directory of the simulated node. Only this library has the function: that is how a program tells it from a
/// driver's.
@c(flexmigSimulatedNode)
public func flexmigSimulatedNode(_ buffer: UnsafeMutablePointer<CChar>?, _ length: UInt32) -> Int32 {
    guard let directory = Environment.value(SimulatedNode.environmentVariable) else { return Code.driverNotLoaded }
    do throws(Refusal) {
        try unsafe write(directory, to: buffer, length: length)
        return Code.success
    } catch {
        return error.code
    }
}

/// How often functions of this library were called in this process: the one of that name, or all for NULL. Counts what
/// a program asks of the driver; only this library has it.
@c(flexmigSimulatedCalls)
public func flexmigSimulatedCalls(_ name: UnsafePointer<CChar>?, _ count: UnsafeMutablePointer<UInt64>?) -> Int32 {
    do throws(Refusal) {
        try unsafe write(CallCounter.calls(of: unsafe name.map { unsafe String(cString: $0) }), to: count)
        return Code.success
    } catch {
        return error.code
    }
}

// MARK: The system

@c(nvmlSystemGetDriverVersion)
public func nvmlSystemGetDriverVersion(_ buffer: UnsafeMutablePointer<CChar>?, _ length: UInt32) -> Int32 {
    answer { try unsafe write(try $0.driverVersion(), to: buffer, length: length) }
}

@c(nvmlSystemGetNVMLVersion)
public func nvmlSystemGetNVMLVersion(_ buffer: UnsafeMutablePointer<CChar>?, _ length: UInt32) -> Int32 {
    answer { try unsafe write("13." + (try $0.driverVersion()), to: buffer, length: length) }
}

@c(nvmlSystemGetCudaDriverVersion_v2)
public func nvmlSystemGetCudaDriverVersion_v2(_ version: UnsafeMutablePointer<Int32>?) -> Int32 {
    answer { _ in try unsafe write(13_030, to: version) }
}

@c(nvmlSystemGetCudaDriverVersion)
public func nvmlSystemGetCudaDriverVersion(_ version: UnsafeMutablePointer<Int32>?) -> Int32 {
    unsafe nvmlSystemGetCudaDriverVersion_v2(version)
}

/// The sentence for a return code; the text is static.
@c(nvmlErrorString) public func nvmlErrorString(_ code: Int32) -> UnsafePointer<CChar>? {
    let text: StaticString =
        switch code {
        case Code.success: "The operation was successful"
        case Code.uninitialized: "Uninitialized"
        case Code.invalidArgument: "Invalid Argument"
        case Code.notSupported: "Not Supported"
        case Code.noPermission: "Insufficient Permissions"
        case Code.notFound: "Not Found"
        case Code.insufficientSize: "Insufficient Size"
        case Code.driverNotLoaded: "Driver Not Loaded"
        case Code.timeout: "Timeout"
        case 13: "Function Not Found"
        case Code.gpuIsLost: "GPU is lost"
        case Code.inUse: "In use by another client"
        case Code.insufficientResources: "Insufficient Resources"
        case Code.argumentVersionMismatch: "Argument Version Mismatch"
        default: "Unknown Error"
        }
    return unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
