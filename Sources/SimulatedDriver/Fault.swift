/// Something that a simulated driver does wrong on demand, until it has done it so often or is told to stop.
public struct Fault: Hashable, Sendable {
    /// What goes wrong.
    public enum Effect: Hashable, Sendable {
        /// The call does nothing and answers this code of NVML's, known or not.
        case answer(Int32)
        /// The call takes so much longer.
        case hang(milliseconds: Int)
        /// The GPU has fallen off the bus: every call about it answers GPU_IS_LOST.
        case lost
        /// Structs of this version are refused with ARGUMENT_VERSION_MISMATCH.
        case structVersion(Int)
        /// The driver says that it is this version, and answers FUNCTION_NOT_FOUND for all that came after R470.
        case oldDriver(String)
        /// Where instances go that are created without a place.
        case placement(PlacementHabit)
    }

    /// Which calls meet the fault.
    public enum Calls: Hashable, Sendable {
        case all
        /// Those that create or destroy an instance.
        case changes
        case creating
        case destroying
        /// The one function of that name, such as `nvmlDeviceGetCount_v2`.
        case named(String)
    }

    public var effect: Effect
    public var calls: Calls
    /// Only calls about this GPU, by its index; nil for all calls.
    public var gpu: Int?
    /// Only calls about this GPU instance, by its id; nil for all calls.
    public var instance: Int?
    /// How many calls meet it; nil until it is cleared. At least 1.
    public var remaining: Int?

    public init(
        _ effect: Effect, on calls: Calls = .all, gpu: Int? = nil, instance: Int? = nil, remaining: Int? = nil
    ) {
        self.effect = effect
        self.calls = calls
        self.gpu = gpu
        self.instance = instance
        self.remaining = remaining
    }

    /// IN_USE for so many calls that create or destroy something.
    public static func inUse(
        _ count: Int? = 1, on calls: Calls = .changes, gpu: Int? = nil, instance: Int? = nil
    ) -> Fault { Fault(.answer(19), on: calls, gpu: gpu, instance: instance, remaining: count) }

    /// INSUFFICIENT_RESOURCES for so many calls that create something.
    public static func insufficientResources(_ count: Int? = 1, gpu: Int? = nil) -> Fault {
        Fault(.answer(23), on: .creating, gpu: gpu, remaining: count)
    }

    /// Any code for so many calls of a function.
    public static func code(_ code: Int32, of function: String, _ count: Int? = 1) -> Fault {
        Fault(.answer(code), on: .named(function), remaining: count)
    }
}

/// How a driver places instances that are created without a place.
public enum PlacementHabit: String, Hashable, Sendable, CaseIterable {
    /// The last place that is open.
    case last
    /// As seen on A100.
    case a100
    /// As seen on H100.
    case h100

    /// The order in which a profile's starts are tried on a GPU with 8 memory slices; nil where nothing was seen.
    private func order(of profile: Int) -> [Int]? {
        switch (self, profile) {
        case (.last, _): nil
        case (_, 19), (_, 20): [6, 4, 5, 0, 1, 2, 3]
        case (_, 14): [4, 0, 2]
        case (.a100, 15): [6, 4, 0, 2]
        case (.h100, 15): [4, 6, 0, 2]
        case (.a100, 9): [4, 0]
        case (.h100, 9): [0, 4]
        default: nil
        }
    }

    /// The start that is taken of those that are open, ascending; nil when there is none.
    func choose(from open: [Int], profile: Int, memorySlices: Int) -> Int? {
        guard memorySlices == 8, let order = order(of: profile) else { return open.last }
        return order.first { open.contains($0) } ?? open.last
    }
}

/// A call as the faults see it.
public struct DriverCall: Hashable, Sendable {
    /// The function's name, such as `nvmlGpuInstanceDestroy`.
    public let name: String
    /// The GPU that it is about, and the GPU instance's id, where it is about one.
    public let gpu: Int?
    public let instance: Int?

    public init(_ name: String, gpu: Int? = nil, instance: Int? = nil) {
        self.name = name
        self.gpu = gpu
        self.instance = instance
    }

    var isCreating: Bool {
        name.hasPrefix("nvmlDeviceCreateGpuInstance") || name.hasPrefix("nvmlGpuInstanceCreateComputeInstance")
    }
    var isDestroying: Bool { name == "nvmlGpuInstanceDestroy" || name == "nvmlComputeInstanceDestroy" }

    /// What no driver of release 470 has.
    var isNewerThanR470: Bool { Self.newerThanR470.contains(name) || name.hasPrefix("nvmlGpm") }

    private static let newerThanR470: Set<String> = [
        "nvmlDeviceGetGpuInstanceProfileInfoV", "nvmlDeviceGetGpuInstanceProfileInfoByIdV",
        "nvmlGpuInstanceGetComputeInstanceProfileInfoV", "nvmlGpuInstanceGetComputeInstancePossiblePlacements",
        "nvmlGpuInstanceCreateComputeInstanceWithPlacement", "nvmlDeviceGetMemoryInfo_v2",
        "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v3",
        "nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetNumaNodeId",
    ]
}

extension Fault {
    func concerns(_ call: DriverCall) -> Bool {
        if let gpu, gpu != call.gpu { return false }
        if let instance, instance != call.instance { return false }
        switch calls {
        case .all: return true
        case .changes: return call.isCreating || call.isDestroying
        case .creating: return call.isCreating
        case .destroying: return call.isDestroying
        case .named(let name): return call.name == name
        }
    }
}

extension Fault: CustomStringConvertible {
    public var description: String {
        let what =
            switch effect {
            case .answer(let code): "answer code \(code)"
            case .hang(let milliseconds): "hang for \(milliseconds) ms"
            case .lost: "be lost"
            case .structVersion(let version): "refuse structs of version \(version)"
            case .oldDriver(let version): "be driver \(version)"
            case .placement(let habit): "place instances like \(habit.rawValue)"
            }
        let whose = (gpu.map { ", GPU \($0)" } ?? "") + (instance.map { ", GPU instance \($0)" } ?? "")
        let often = remaining.map { ", \($0) more times" } ?? ", until cleared"
        let isAboutCalls =
            switch effect {
            case .answer, .hang: true
            default: false
            }
        return what + (isAboutCalls ? " to \(calls)" : "") + whose + often
    }
}

extension Fault.Calls: RawRepresentable, CustomStringConvertible {
    /// `all`, `changes`, `create`, `destroy`, or a function's name.
    public var rawValue: String {
        switch self {
        case .all: "all"
        case .changes: "changes"
        case .creating: "create"
        case .destroying: "destroy"
        case .named(let name): name
        }
    }

    /// Reads what `rawValue` writes; nil for a text that is neither one of the words nor a name of NVML's.
    public init?(rawValue: String) {
        switch rawValue {
        case "all": self = .all
        case "changes": self = .changes
        case "create": self = .creating
        case "destroy": self = .destroying
        default:
            guard rawValue.hasPrefix("nvml"),
                rawValue.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
            else { return nil }
            self = .named(rawValue)
        }
    }

    public var description: String {
        switch self {
        case .all: "all calls"
        case .changes: "calls that create or destroy"
        case .creating: "calls that create"
        case .destroying: "calls that destroy"
        case .named(let name): name
        }
    }
}
