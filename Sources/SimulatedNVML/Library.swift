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
func answer(_ body: (SimulatedNode) throws -> Void) -> Int32 {
    guard let node = session.withLock({ $0?.node }) else { return Code.uninitialized }
    do {
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
    session.withLock { session in
        if let open = session {
            session = (open.node, open.users + 1)
            return Code.success
        }
        guard let directory = Environment.value(SimulatedNode.environmentVariable) else { return Code.driverNotLoaded }
        do throws(SimulatedNodeError) {
            session = (try SimulatedNode(opening: directory), 1)
            return Code.success
        } catch {
            return code(of: error) == Code.noPermission ? Code.noPermission : Code.driverNotLoaded
        }
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

// MARK: The system

@c(nvmlSystemGetDriverVersion)
public func nvmlSystemGetDriverVersion(_ buffer: UnsafeMutablePointer<CChar>?, _ length: UInt32) -> Int32 {
    answer { try unsafe write(try $0.state().driverVersion, to: buffer, length: length) }
}

@c(nvmlSystemGetNVMLVersion)
public func nvmlSystemGetNVMLVersion(_ buffer: UnsafeMutablePointer<CChar>?, _ length: UInt32) -> Int32 {
    answer { try unsafe write("13." + (try $0.state().driverVersion), to: buffer, length: length) }
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
        case Code.inUse: "In use by another client"
        case Code.insufficientResources: "Insufficient Resources"
        case Code.argumentVersionMismatch: "Argument Version Mismatch"
        default: "Unknown Error"
        }
    return unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
