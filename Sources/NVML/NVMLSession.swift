import MIGModel
import CNVML
import Platform
import Synchronization

/// A GPU, or a MIG device, as NVML names it within this process. Stale when the MIG device is destroyed.
public struct NVMLDevice: Hashable, Sendable {
    let address: UInt
}

/// A GPU instance's handle. Stale when the instance is destroyed.
public struct NVMLGPUInstance: Hashable, Sendable {
    let address: UInt
}

/// A compute instance's handle. Stale when the instance is destroyed.
public struct NVMLComputeInstance: Hashable, Sendable {
    let address: UInt
}

/// One initialised NVML library: the only way this project talks to a driver.
///
/// Calls go to the library one at a time. Every call costs what the driver takes for it, from microseconds to
/// some tenths of a second (creating and destroying), and blocks the calling thread meanwhile. Sessions are kept
/// open: starting one is the slow part on real hardware.
public final class NVMLSession: Sendable {
    private let symbols: NVMLSymbols
    private let serial = Mutex<Void>(())

    /// The path, or the loader's name, that the library was loaded by.
    public var libraryPath: String { symbols.path }

    /// The directory of the simulated node behind the library; nil when the library is a driver's.
    public let simulatedNode: String?

    /// Loads a library and initialises it.
    ///
    /// - Parameter library: a path, or a name that the dynamic loader finds such as "libnvidia-ml.so.1".
    /// - Throws: `NVMLLoadError` when it can't be loaded; `NVMLFailure` when it does not initialise.
    public init(library: String) throws {
        symbols = try NVMLSymbols(path: library)
        guard let initialize = symbols.function("nvmlInit_v2", as: Signature.Nothing.self) else {
            throw NVMLLoadError(path: library, reason: "it has no function nvmlInit_v2: not an NVML library")
        }
        var directory: String?
        if let simulated = unsafe symbols.function("flexmigSimulatedNode", as: Signature.Text.self) {
            var buffer = [CChar](repeating: 0, count: 4096)
            if unsafe simulated(&buffer, UInt32(buffer.count)) == 0 { directory = text(buffer) }
        }
        let code = initialize()
        if code != 0 {
            throw NVMLFailure(call: "nvmlInit_v2", error: NVMLError(rawValue: code), subject: directory ?? library)
        }
        // Last: an object that is complete when it throws is deinitialised, which would end somebody else's session.
        simulatedNode = directory
    }

    deinit {
        if let shutdown = symbols.function("nvmlShutdown", as: Signature.Nothing.self) { _ = shutdown() }
    }

    // MARK: Calling

    /// Calls a function by name, alone.
    ///
    /// - Throws: `NVMLFailure`; FUNCTION_NOT_FOUND when this library lacks it.
    func call<S>(
        _ name: String, _ type: S.Type, on subject: String? = nil, _ body: (S) -> Int32
    ) throws(NVMLFailure) {
        guard let function = symbols.function(name, as: type) else {
            throw NVMLFailure(call: name, error: .functionNotFound, subject: subject)
        }
        let code = serial.withLock { _ in body(function) }
        if code != 0 { throw NVMLFailure(call: name, error: NVMLError(rawValue: code), subject: subject) }
    }

    /// Calls a function by name beside the others: for those that wait. NVML's functions may be called from any thread.
    func callAside<S>(_ name: String, _ type: S.Type, _ body: (S) -> Int32) throws(NVMLFailure) {
        guard let function = symbols.function(name, as: type) else {
            throw NVMLFailure(call: name, error: .functionNotFound)
        }
        let code = body(function)
        if code != 0 { throw NVMLFailure(call: name, error: NVMLError(rawValue: code)) }
    }

    /// More instances of a profile, or places for them, than any GPU has.
    private static let mostInstances = 256

    /// A count as the library gave it.
    ///
    /// - Throws: `senseless` when it is larger than anything that can be.
    func checked(_ count: UInt32, atMost most: Int, _ name: String) throws(NVMLFailure) -> Int {
        guard Int(count) <= most else {
            throw NVMLFailure(call: name, error: .senseless, subject: "a count of \(count)")
        }
        return Int(count)
    }

    private func number(_ name: String, of address: UInt) throws(NVMLFailure) -> Int {
        var value: UInt32 = 0
        try unsafe call(name, Signature.ObjectNumber.self) { unsafe $0(OpaquePointer(bitPattern: address), &value) }
        return Int(value)
    }

    private func string(_ name: String, of address: UInt) throws(NVMLFailure) -> String {
        var buffer = [CChar](repeating: 0, count: 96)
        try unsafe call(name, Signature.ObjectText.self) {
            unsafe $0(OpaquePointer(bitPattern: address), &buffer, UInt32(buffer.count))
        }
        return text(buffer)
    }

    private func systemText(_ name: String) throws(NVMLFailure) -> String {
        var buffer = [CChar](repeating: 0, count: 96)
        try unsafe call(name, Signature.Text.self) { unsafe $0(&buffer, UInt32(buffer.count)) }
        return text(buffer)
    }

    // MARK: System and GPUs

    public func driverVersion() throws(NVMLFailure) -> String { try systemText("nvmlSystemGetDriverVersion") }

    /// Number of GPUs that this process may see.
    public func deviceCount() throws(NVMLFailure) -> Int {
        var count: UInt32 = 0
        let name = "nvmlDeviceGetCount_v2"
        try unsafe call(name, Signature.Number.self) { unsafe $0(&count) }
        return try checked(count, atMost: 4096, name)
    }

    public func device(at index: Int) throws(NVMLFailure) -> NVMLDevice {
        var device: OpaquePointer?
        try unsafe call("nvmlDeviceGetHandleByIndex_v2", Signature.DeviceByIndex.self, on: "GPU \(index)") {
            unsafe $0(UInt32(index), &device)
        }
        return NVMLDevice(address: UInt(bitPattern: device))
    }

    public func name(of device: NVMLDevice) throws(NVMLFailure) -> String {
        try string("nvmlDeviceGetName", of: device.address)
    }

    /// "GPU-..." of a GPU, "MIG-..." of a MIG device.
    public func uuid(of device: NVMLDevice) throws(NVMLFailure) -> String {
        try string("nvmlDeviceGetUUID", of: device.address)
    }

    /// N of /dev/nvidiaN.
    public func minorNumber(of device: NVMLDevice) throws(NVMLFailure) -> Int {
        try number("nvmlDeviceGetMinorNumber", of: device.address)
    }

    /// PCI bus id such as "00000000:07:00.0", and the PCI device id.
    public func pci(of device: NVMLDevice) throws(NVMLFailure) -> (busID: String, deviceID: UInt16) {
        var record = CNVMLPCI()
        try unsafe call("nvmlDeviceGetPciInfo_v3", Signature.PCI.self) {
            unsafe $0(OpaquePointer(bitPattern: device.address), &record)
        }
        let busID = unsafe withUnsafeBytes(of: record.busId) { unsafe text($0.map { CChar(bitPattern: $0) }) }
        return (busID, UInt16(truncatingIfNeeded: record.pciDeviceId >> 16))
    }

    /// Total memory in bytes; of a MIG device, its own.
    public func totalMemory(of device: NVMLDevice) throws(NVMLFailure) -> UInt64 {
        var memory = CNVMLMemory()
        try unsafe call("nvmlDeviceGetMemoryInfo", Signature.Memory.self) {
            unsafe $0(OpaquePointer(bitPattern: device.address), &memory)
        }
        return memory.total
    }

    /// The NUMA node beside the GPU; nil where the driver or the machine does not say.
    public func numaNode(of device: NVMLDevice) -> Int? {
        // -1 as an unsigned number means "none".
        guard let node = try? number("nvmlDeviceGetNumaNodeId", of: device.address), node < 4096 else { return nil }
        return node
    }

    /// CUDA's compute capability, the same for every instance of the GPU; nil where the driver does not say.
    public func computeCapability(of device: NVMLDevice) -> ComputeCapability? {
        var major: Int32 = 0
        var minor: Int32 = 0
        do throws(NVMLFailure) {
            try unsafe call("nvmlDeviceGetCudaComputeCapability", Signature.ObjectTwoInts.self) {
                unsafe $0(OpaquePointer(bitPattern: device.address), &major, &minor)
            }
        } catch {
            return nil
        }
        return major > 0 ? ComputeCapability(major: Int(major), minor: Int(minor)) : nil
    }

    // MARK: MIG

    /// MIG mode now and after the next reset; nil on a GPU without MIG.
    public func migMode(of device: NVMLDevice) throws(NVMLFailure) -> (current: Bool, pending: Bool)? {
        var current: UInt32 = 0
        var pending: UInt32 = 0
        do throws(NVMLFailure) {
            try unsafe call("nvmlDeviceGetMigMode", Signature.ObjectTwoNumbers.self) {
                unsafe $0(OpaquePointer(bitPattern: device.address), &current, &pending)
            }
        } catch {
            if error.error == .notSupported || error.error == .functionNotFound { return nil }
            throw error
        }
        return (current == 1, pending == 1)
    }

    /// What the driver says of a GPU instance profile.
    public struct Profile: Hashable, Sendable {
        /// NVML_GPU_INSTANCE_PROFILE_*, the enumeration's index.
        public let index: Int
        /// The profile ID that every other call takes.
        public let id: Int
        /// The driver's own name without "MIG ", nil where the driver is too old to tell.
        public let name: String?
        public let computeSlices: Int
        public let maximumInstances: Int
        public let multiprocessors: Int
        public let memoryMiB: Int
        public let copyEngines: Int
        public let decoders: Int
        public let encoders: Int
        public let jpegEngines: Int
        public let opticalFlowEngines: Int
    }

    /// All GPU instance profiles of a GPU. NOT_SUPPORTED skips an index, INVALID_ARGUMENT ends the enumeration.
    public func profiles(of device: NVMLDevice) throws(NVMLFailure) -> [Profile] {
        var found: [Profile] = []
        // The enumeration ends by itself; the bound is for a library that never says so.
        for index in 0..<256 {
            do throws(NVMLFailure) {
                found.append(try profile(at: index, of: device))
            } catch {
                if error.error == .notSupported { continue }
                if error.error == .invalidArgument { break }
                throw error
            }
        }
        return found
    }

    private func profile(at index: Int, of device: NVMLDevice) throws(NVMLFailure) -> Profile {
        do throws(NVMLFailure) {
            var record = CNVMLGPUInstanceProfileV3()
            record.version = UInt32(MemoryLayout<CNVMLGPUInstanceProfileV3>.size) | 3 << 24
            try unsafe call("nvmlDeviceGetGpuInstanceProfileInfoV", Signature.ProfileV3.self) {
                unsafe $0(OpaquePointer(bitPattern: device.address), UInt32(index), &record)
            }
            let name = unsafe withUnsafeBytes(of: record.name) { unsafe text($0.map { CChar(bitPattern: $0) }) }
            return Profile(
                index: index, id: Int(record.id), name: name.hasPrefix("MIG ") ? String(name.dropFirst(4)) : name,
                computeSlices: Int(record.sliceCount), maximumInstances: Int(record.instanceCount),
                multiprocessors: Int(record.multiprocessorCount), memoryMiB: Int(clamping: record.memorySizeMB),
                copyEngines: Int(record.copyEngineCount), decoders: Int(record.decoderCount),
                encoders: Int(record.encoderCount), jpegEngines: Int(record.jpegCount),
                opticalFlowEngines: Int(record.ofaCount))
        } catch {
            guard error.error == .functionNotFound || error.error == .argumentVersionMismatch else { throw error }
        }
        // A driver before R535 or so has the first version only, which has no name.
        var record = CNVMLGPUInstanceProfile()
        try unsafe call("nvmlDeviceGetGpuInstanceProfileInfo", Signature.Profile.self) {
            unsafe $0(OpaquePointer(bitPattern: device.address), UInt32(index), &record)
        }
        return Profile(
            index: index, id: Int(record.id), name: nil,
            computeSlices: Int(record.sliceCount), maximumInstances: Int(record.instanceCount),
            multiprocessors: Int(record.multiprocessorCount), memoryMiB: Int(clamping: record.memorySizeMB),
            copyEngines: Int(record.copyEngineCount), decoders: Int(record.decoderCount),
            encoders: Int(record.encoderCount), jpegEngines: Int(record.jpegCount),
            opticalFlowEngines: Int(record.ofaCount))
    }

    /// A place for an instance: first memory slice and number of memory slices.
    public struct Place: Hashable, Sendable {
        public let start: Int
        public let size: Int
        public init(start: Int, size: Int) {
            self.start = start
            self.size = size
        }
        init(_ placement: CNVMLPlacement) {
            self.init(start: Int(placement.start), size: Int(placement.size))
        }
    }

    /// All legal places of a profile, taken or not.
    public func places(of profile: Int, on device: NVMLDevice) throws(NVMLFailure) -> [Place] {
        let name = "nvmlDeviceGetGpuInstancePossiblePlacements_v2"
        var count: UInt32 = 0
        try unsafe call(name, Signature.Placements.self, on: "profile \(profile)") {
            unsafe $0(OpaquePointer(bitPattern: device.address), UInt32(profile), nil, &count)
        }
        if count == 0 { return [] }
        // Room to spare, for a library that answers more the second time.
        var places = [CNVMLPlacement](
            repeating: CNVMLPlacement(),
            count: try checked(count, atMost: Self.mostInstances, name) + Self.mostInstances)
        try unsafe call(name, Signature.Placements.self, on: "profile \(profile)") {
            unsafe $0(OpaquePointer(bitPattern: device.address), UInt32(profile), &places, &count)
        }
        return places.prefix(try checked(count, atMost: places.count, name)).map(Place.init)
    }

    /// The GPU instances of one profile.
    ///
    /// - Parameter capacity: the profile's `maximumInstances`; the driver writes no more.
    public func gpuInstances(
        of profile: Int, on device: NVMLDevice, capacity: Int
    ) throws(NVMLFailure) -> [NVMLGPUInstance] {
        try list("nvmlDeviceGetGpuInstances", of: device.address, profile: profile, capacity: capacity)
            .map(NVMLGPUInstance.init)
    }

    /// The compute instances of one profile within a GPU instance.
    public func computeInstances(
        of profile: Int, in instance: NVMLGPUInstance, capacity: Int
    ) throws(NVMLFailure) -> [NVMLComputeInstance] {
        try list("nvmlGpuInstanceGetComputeInstances", of: instance.address, profile: profile, capacity: capacity)
            .map(NVMLComputeInstance.init)
    }

    private func list(
        _ name: String, of address: UInt, profile: Int, capacity: Int
    ) throws(NVMLFailure) -> [UInt] {
        // Room to spare: the driver does not check the caller's array.
        var handles = unsafe [OpaquePointer?](
            repeating: nil, count: max(min(capacity, Self.mostInstances), 1) + Self.mostInstances)
        var count = UInt32(0)
        try unsafe call(name, Signature.List.self, on: "profile \(profile)") {
            unsafe $0(OpaquePointer(bitPattern: address), UInt32(profile), &handles, &count)
        }
        let found = unsafe handles.prefix(try checked(count, atMost: handles.count, name)).map { UInt(bitPattern: $0) }
        if found.contains(0) { throw NVMLFailure(call: name, error: .senseless, subject: "profile \(profile)") }
        return found
    }

    /// What a GPU instance is.
    public struct GPUInstanceRecord: Hashable, Sendable {
        public let id: Int
        public let profile: Int
        public let place: Place
    }

    public func record(of instance: NVMLGPUInstance) throws(NVMLFailure) -> GPUInstanceRecord {
        var record = unsafe CNVMLGPUInstanceRecord()
        try unsafe call("nvmlGpuInstanceGetInfo", Signature.GPUInstance.self) {
            unsafe $0(OpaquePointer(bitPattern: instance.address), &record)
        }
        return unsafe GPUInstanceRecord(
            id: Int(record.id), profile: Int(record.profileId), place: Place(record.placement))
    }
}

/// The text of a C buffer up to its first zero.
func text(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
