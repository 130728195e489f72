/// A return code of NVML. Codes without a name here are kept as they are.
public struct NVMLError: Error, RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The library was not initialised. NVML_ERROR_UNINITIALIZED.
    public static let uninitialized = NVMLError(rawValue: 1)
    /// An argument is wrong, a handle is stale, or an enumeration has ended. NVML_ERROR_INVALID_ARGUMENT.
    public static let invalidArgument = NVMLError(rawValue: 2)
    /// This device can't do that. NVML_ERROR_NOT_SUPPORTED.
    public static let notSupported = NVMLError(rawValue: 3)
    /// The caller may not do that. NVML_ERROR_NO_PERMISSION.
    public static let noPermission = NVMLError(rawValue: 4)
    /// There is no such thing. NVML_ERROR_NOT_FOUND.
    public static let notFound = NVMLError(rawValue: 6)
    /// The caller's array is too short. NVML_ERROR_INSUFFICIENT_SIZE.
    public static let insufficientSize = NVMLError(rawValue: 7)
    /// The kernel driver is not loaded. NVML_ERROR_DRIVER_NOT_LOADED.
    public static let driverNotLoaded = NVMLError(rawValue: 9)
    /// A wait took its full time. NVML_ERROR_TIMEOUT.
    public static let timeout = NVMLError(rawValue: 10)
    /// The library has no such function. NVML_ERROR_FUNCTION_NOT_FOUND.
    public static let functionNotFound = NVMLError(rawValue: 13)
    /// The GPU fell off the bus. NVML_ERROR_GPU_IS_LOST.
    public static let gpuIsLost = NVMLError(rawValue: 15)
    /// A GPU reset is needed first. NVML_ERROR_RESET_REQUIRED.
    public static let resetRequired = NVMLError(rawValue: 16)
    /// The operating system refused something. NVML_ERROR_OPERATING_SYSTEM.
    public static let operatingSystem = NVMLError(rawValue: 17)
    /// Library and kernel driver have different versions. NVML_ERROR_LIB_RM_VERSION_MISMATCH.
    public static let versionMismatch = NVMLError(rawValue: 18)
    /// A process or another client uses it. NVML_ERROR_IN_USE.
    public static let inUse = NVMLError(rawValue: 19)
    /// Memory ran out. NVML_ERROR_MEMORY.
    public static let memory = NVMLError(rawValue: 20)
    /// No room for another instance. NVML_ERROR_INSUFFICIENT_RESOURCES.
    public static let insufficientResources = NVMLError(rawValue: 23)
    /// The struct's version word is unknown. NVML_ERROR_ARGUMENT_VERSION_MISMATCH.
    public static let argumentVersionMismatch = NVMLError(rawValue: 25)
    /// An internal driver error. NVML_ERROR_UNKNOWN.
    public static let unknown = NVMLError(rawValue: 999)

    /// No code of NVML's: the call worked, but what it answered can't be true, such as a billion GPUs.
    public static let senseless = NVMLError(rawValue: -1)

    /// The name in NVIDIA's header, without its prefix; nil for a code that this project does not know.
    public var name: String? {
        Self.names[rawValue]
    }

    public var description: String {
        if self == .senseless { return "something that can't be true" }
        return name.map { "\($0) (NVML code \(rawValue))" } ?? "NVML code \(rawValue), which this version does not know"
    }

    private static let names: [Int32: String] = [
        1: "UNINITIALIZED", 2: "INVALID_ARGUMENT", 3: "NOT_SUPPORTED", 4: "NO_PERMISSION", 6: "NOT_FOUND",
        7: "INSUFFICIENT_SIZE", 8: "INSUFFICIENT_POWER", 9: "DRIVER_NOT_LOADED", 10: "TIMEOUT", 11: "IRQ_ISSUE",
        12: "LIBRARY_NOT_FOUND", 13: "FUNCTION_NOT_FOUND", 14: "CORRUPTED_INFOROM", 15: "GPU_IS_LOST",
        16: "RESET_REQUIRED", 17: "OPERATING_SYSTEM", 18: "LIB_RM_VERSION_MISMATCH", 19: "IN_USE", 20: "MEMORY",
        21: "NO_DATA", 23: "INSUFFICIENT_RESOURCES", 25: "ARGUMENT_VERSION_MISMATCH", 26: "DEPRECATED",
        27: "NOT_READY", 28: "GPU_NOT_FOUND", 29: "INVALID_STATE", 999: "UNKNOWN",
    ]
}

/// An NVML call that failed: which one, on what, and the code.
public struct NVMLFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let call: String
    public let error: NVMLError
    public let subject: String?

    public init(call: String, error: NVMLError, subject: String? = nil) {
        self.call = call
        self.error = error
        self.subject = subject
    }

    /// The same, of that device where the failure does not name one.
    public func naming(_ device: String) -> NVMLFailure {
        NVMLFailure(call: call, error: error, subject: subject ?? device)
    }

    public var description: String {
        let place = subject.map { " on \($0)" } ?? ""
        return "\(call)\(place) answered \(error)"
    }
}
