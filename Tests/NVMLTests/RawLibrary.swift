import CNVML
import Glibc
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Answers of NVML as numbers, as a C program sees them.
enum Answer {
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

/// The simulated library as a C program has it: loaded by path, called by the names of its symbols.
///
/// Safe as a value: `call` is only used with names whose C signatures are all pointers and 32-bit numbers, which
/// both Linux calling conventions pass in the same registers as words.
@safe struct RawLibrary {
    typealias Words = @convention(c) (UInt, UInt, UInt, UInt) -> Int32

    private let handle: UnsafeMutableRawPointer

    init(path: String) throws {
        guard let handle = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw LoadError(reason: unsafe dlerror().map { unsafe String(cString: $0) } ?? "")
        }
        unsafe self.handle = handle
    }

    func close() -> Bool { unsafe dlclose(handle) == 0 }

    func has(_ name: String) -> Bool { unsafe dlsym(handle, name) != nil }

    /// The answer of a function, or nil when the library has no such function.
    func call(_ name: String, _ words: UInt...) -> Int32? {
        guard let address = unsafe dlsym(handle, name) else { return nil }
        let function = unsafe unsafeBitCast(address, to: Words.self)
        let all = words + [0, 0, 0, 0]
        return function(all[0], all[1], all[2], all[3])
    }

    struct LoadError: Error { let reason: String }
}

/// Memory for a function to write into: 4096 zero bytes. Never freed: its address travels as a number, and the
/// processes of these tests are soon over.
@safe struct Scratch {
    private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)

    init(_ text: String = "") {
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe bytes.copyBytes(from: text.utf8)
    }

    /// The address, as an argument.
    var word: UInt { UInt(bitPattern: unsafe bytes.baseAddress) }

    func set<Value: BitwiseCopyable>(_ value: Value, at offset: Int = 0) {
        unsafe bytes.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }

    /// What lies at an offset.
    func value<Value: BitwiseCopyable>(at offset: Int = 0, as type: Value.Type = Value.self) -> Value {
        unsafe bytes.loadUnaligned(fromByteOffset: offset, as: type)
    }

    var number: UInt32 { value() }
    var pointer: UInt { value() }

    /// The C string at an offset.
    func text(at offset: Int = 0) -> String {
        unsafe String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// An initialised library in a process of its own, with what the tests ask it for.
struct Client {
    let library: RawLibrary
    let scratch = Scratch()

    /// GPU handle.
    func gpu(_ index: Int = 0) -> UInt { handle("nvmlDeviceGetHandleByIndex_v2", UInt(index)) }

    /// A call whose last argument is where a handle goes; 0 when it fails.
    func handle(_ name: String, _ words: UInt...) -> UInt {
        scratch.set(0 as UInt)
        let all = words + [scratch.word, 0, 0, 0]
        _ = library.call(name, all[0], all[1], all[2], all[3])
        return scratch.pointer
    }

    /// A call whose last argument is where a 32-bit number goes; nil when it fails.
    func number(_ name: String, _ words: UInt...) -> UInt32? {
        let all = words + [scratch.word, 0, 0, 0]
        return library.call(name, all[0], all[1], all[2], all[3]) == 0 ? scratch.number : nil
    }

    /// The text that a call with a buffer of 96 bytes gives.
    func text(_ name: String, _ handle: UInt) -> String {
        library.call(name, handle, scratch.word, 96) == 0 ? scratch.text() : "failed"
    }

    /// The handle of a GPU or MIG device by its UUID.
    func device(_ uuid: String) -> UInt { handle("nvmlDeviceGetHandleByUUID", Scratch(uuid).word) }

    func code(_ name: String, _ words: UInt...) -> Int32? {
        let all = words + [0, 0, 0, 0]
        return library.call(name, all[0], all[1], all[2], all[3])
    }

    /// Creates a GPU instance; answers its handle, or the code of the refusal.
    func create(_ profile: Int, at start: Int, size: Int, on gpu: UInt) -> (handle: UInt, code: Int32) {
        let place = Scratch()
        place.set(CNVMLPlacement(start: UInt32(start), size: UInt32(size)))
        scratch.set(0 as UInt)
        let code = library.call(
            "nvmlDeviceCreateGpuInstanceWithPlacement", gpu, UInt(profile), place.word, scratch.word)
        return (scratch.pointer, code ?? -1)
    }

    /// A GPU instance with a compute instance over all of it.
    func leaf(at start: Int, size: Int = 1, profile: Int = 19, compute: Int = 0, on gpu: UInt) -> Parts {
        let instance = create(profile, at: start, size: size, on: gpu).handle
        let compute = handle("nvmlGpuInstanceCreateComputeInstance", instance, UInt(compute))
        guard library.call("nvmlComputeInstanceGetInfo_v2", compute, scratch.word) == 0 else {
            return Parts(instance: instance, compute: compute, device: 0)
        }
        return Parts(instance: instance, compute: compute, device: scratch.pointer)
    }

    struct Parts {
        let instance: UInt
        let compute: UInt
        let device: UInt
    }
}

/// Runs a client of the library. For exit tests: of an error that one of them throws, nothing is shown elsewhere.
///
/// - Parameter node: the node's directory; nil sets none.
func withClient(of node: String?, initialized: Bool = true, _ body: (Client) throws -> Void) {
    Environment.set(SimulatedNode.environmentVariable, node ?? "")
    do {
        let library = try RawLibrary(path: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
        if initialized { expect(library.call("nvmlInit_v2"), Answer.success, "nvmlInit_v2") }
        try body(Client(library: library))
        if initialized { expect(library.call("nvmlShutdown"), Answer.success, "nvmlShutdown") }
    } catch {
        Issue.record("\(error)")
    }
}

/// As `#expect(actual == expected)`, for exit tests: of those, the parent process shows the comment alone.
func expect<Value: Equatable>(
    _ actual: Value, _ expected: Value, _ what: String = "", file: String = #fileID, line: Int = #line
) {
    if actual != expected { Issue.record("\(file):\(line): \(what) is \(actual), not \(expected)") }
}

extension RawLibrary {
    /// What nvmlErrorString says of a code.
    func errorString(_ code: Int32) -> String? {
        typealias Function = @convention(c) (Int32) -> UnsafePointer<CChar>?
        guard let address = unsafe dlsym(handle, "nvmlErrorString") else { return nil }
        let text = unsafe unsafeBitCast(address, to: Function.self)(code)
        return unsafe text.map { unsafe String(cString: $0) }
    }
}
