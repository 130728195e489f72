import MIGModel

/// A compute instance that exists on a simulated GPU; it appears as a MIG device.
public struct SimulatedComputeInstance: Hashable, Sendable {
    public let id: Int
    /// NVML compute instance profile ID.
    public let profile: Int
    /// First compute slice within the GPU instance, and their number.
    public let start: Int
    public let slices: Int
    public let uuid: String
    /// Never used again on this node, so that a stale handle is known as one.
    public let serial: UInt64
}

/// A GPU instance that exists on a simulated GPU.
public struct SimulatedGPUInstance: Hashable, Sendable {
    public let id: Int
    /// NVML GPU instance profile ID.
    public let profile: Int
    public let placement: Placement
    public let serial: UInt64
    public internal(set) var computeInstances: [SimulatedComputeInstance] = []
}

/// A simulated GPU and the instances on it.
public struct SimulatedGPU: Hashable, Sendable {
    public let model: GPUModel
    public let uuid: String
    public let numaNode: Int
    public internal(set) var migEnabled: Bool
    public internal(set) var migPending: Bool
    /// In order of their creation.
    public internal(set) var instances: [SimulatedGPUInstance] = []

    func profile(_ id: Int) -> MIGProfile? { model.geometry.profiles.first { $0.id.rawValue == id } }

    /// The placed profiles of the instances.
    var layout: Layout {
        Layout(instances.map { MIGSpec(profile: .init(rawValue: $0.profile), placement: $0.placement) })
    }
}

/// Why the simulated driver refuses; each case is one NVML return code.
public enum DriverRefusal: Error, Hashable, Sendable {
    case invalidArgument, notSupported, notFound, inUse, insufficientResources
}

/// Everything that a simulated driver knows, as a value: calls are functions from one state to the next.
///
/// Follows NVML's documented behaviour: explicit placements only succeed where nothing overlaps, instance ids come
/// from the kernel's tree, compute instances go before their GPU instance.
public struct DriverState: Hashable, Sendable {
    /// Such as "a100-40gb:2".
    public let spec: NodeSpec
    public let driverVersion: String
    public internal(set) var gpus: [SimulatedGPU]
    var nextSerial: UInt64

    /// A node just after boot: MIG mode on, no instances.
    public init(spec: NodeSpec, using generator: inout some RandomNumberGenerator) {
        self.spec = spec
        driverVersion = "595.58.03"
        nextSerial = 1
        let models = spec.models
        gpus = models.enumerated().map { index, model in
            SimulatedGPU(
                model: model, uuid: "GPU-" + uuidText(version: 4, using: &generator),
                numaNode: models.count > 1 ? index * 2 / models.count : 0, migEnabled: true, migPending: true)
        }
    }

    init(spec: NodeSpec, driverVersion: String, nextSerial: UInt64, gpus: [SimulatedGPU]) {
        self.spec = spec
        self.driverVersion = driverVersion
        self.nextSerial = nextSerial
        self.gpus = gpus
    }

    /// The PCI bus id of a GPU, such as "00000000:07:00.0".
    public static func busID(of gpu: Int) -> String {
        // Domain, bus and device as a machine with many GPUs would have them.
        let bus = 7 + (gpu % 240)
        return "0000\(hex(gpu / 240, digits: 4)):\(hex(bus, digits: 2)):00.0".uppercased()
    }

    // MARK: Looking things up

    /// Where a compute instance is, by its MIG device's UUID.
    public func computeInstance(
        uuid: String
    ) -> (gpu: Int, instance: SimulatedGPUInstance, compute: SimulatedComputeInstance)? {
        find { $0.uuid == uuid }
    }

    /// Where a compute instance is, by its serial number.
    public func computeInstance(
        serial: UInt64
    ) -> (gpu: Int, instance: SimulatedGPUInstance, compute: SimulatedComputeInstance)? {
        find { $0.serial == serial }
    }

    private func find(
        _ matches: (SimulatedComputeInstance) -> Bool
    ) -> (gpu: Int, instance: SimulatedGPUInstance, compute: SimulatedComputeInstance)? {
        for (index, gpu) in gpus.enumerated() {
            for instance in gpu.instances {
                if let compute = instance.computeInstances.first(where: matches) { return (index, instance, compute) }
            }
        }
        return nil
    }

    /// Where a GPU instance is, by its serial number.
    public func gpuInstance(serial: UInt64) -> (gpu: Int, position: Int)? {
        for (index, gpu) in gpus.enumerated() {
            if let position = gpu.instances.firstIndex(where: { $0.serial == serial }) { return (index, position) }
        }
        return nil
    }

    /// The MIG devices of a GPU in the order NVML lists them: GPU instance id, then compute instance id.
    public func devices(on gpu: Int) -> [(instance: SimulatedGPUInstance, compute: SimulatedComputeInstance)] {
        gpus[gpu].instances.sorted { $0.id < $1.id }.flatMap { instance in
            instance.computeInstances.sorted { $0.id < $1.id }.map { (instance, $0) }
        }
    }

    /// How many more instances of a profile fit, given what is there.
    public func remainingCapacity(of profile: Int, on gpu: Int) throws(DriverRefusal) -> Int {
        guard let profile = gpus[gpu].profile(profile) else { throw .invalidArgument }
        return gpus[gpu].model.geometry.remainingCapacity(for: profile.id, in: gpus[gpu].layout)
    }

    /// How many more compute instances of a profile fit into a GPU instance, given what is there.
    public func remainingComputeCapacity(of profile: Int, in serial: UInt64) throws(DriverRefusal) -> Int {
        guard let slices = ComputeProfile.slices(profile) else { throw .invalidArgument }
        var free = try freeComputeSlices(in: serial)
        var count = 0
        while let start = free.firstRun(of: slices) {
            free.subtract(start..<start + slices)
            count += 1
        }
        return count
    }

    private func freeComputeSlices(in serial: UInt64) throws(DriverRefusal) -> Set<Int> {
        guard let (gpu, position) = gpuInstance(serial: serial) else { throw .invalidArgument }
        let instance = gpus[gpu].instances[position]
        guard let profile = gpus[gpu].profile(instance.profile) else { throw .invalidArgument }
        return instance.computeInstances.reduce(into: Set(0..<profile.computeSlices)) { free, compute in
            free.subtract(compute.start..<compute.start + compute.slices)
        }
    }

    // MARK: Changes

    /// Creates a GPU instance; `placement` nil leaves the place to the driver and its habit.
    ///
    /// - Returns: the new instance's serial number.
    public mutating func createGPUInstance(
        profile id: Int, at placement: Placement?, on gpu: Int, habit: PlacementHabit = .last
    ) throws(DriverRefusal) -> UInt64 {
        guard gpus[gpu].migEnabled else { throw .notSupported }
        guard let profile = gpus[gpu].profile(id) else { throw .invalidArgument }
        let fits = gpus[gpu].model.geometry.openPlacements(for: profile.id, in: gpus[gpu].layout)
        let chosen: Placement?
        if let placement {
            chosen = fits.first { $0 == placement }
        } else {
            let start = habit.choose(
                from: fits.map(\.start), profile: id, memorySlices: gpus[gpu].model.geometry.memorySlices)
            chosen = fits.first { $0.start == start }
        }
        guard let place = chosen else { throw .insufficientResources }
        let spec = MIGSpec(profile: profile.id, placement: place)
        let ids = Set(gpus[gpu].instances.map { GPUInstanceID(rawValue: $0.id) })
        guard let newID = gpus[gpu].model.geometry.gpuInstanceID(for: spec, taken: ids) else {
            throw .insufficientResources
        }
        let instance = SimulatedGPUInstance(
            id: newID.rawValue, profile: id, placement: place, serial: takeSerial())
        gpus[gpu].instances.append(instance)
        return instance.serial
    }

    /// Destroys a GPU instance that has no compute instance.
    public mutating func destroyGPUInstance(serial: UInt64) throws(DriverRefusal) {
        guard let (gpu, position) = gpuInstance(serial: serial) else { throw .invalidArgument }
        guard gpus[gpu].instances[position].computeInstances.isEmpty else { throw .inUse }
        gpus[gpu].instances.remove(at: position)
    }

    /// Creates a compute instance in the given compute slices of a GPU instance, or in the first free ones.
    ///
    /// - Returns: the new instance.
    public mutating func createComputeInstance(
        profile id: Int, at placement: Placement? = nil, in serial: UInt64,
        using generator: inout some RandomNumberGenerator
    ) throws(DriverRefusal) -> SimulatedComputeInstance {
        guard let (gpu, position) = gpuInstance(serial: serial) else { throw .invalidArgument }
        let instance = gpus[gpu].instances[position]
        guard let profile = gpus[gpu].profile(instance.profile), let slices = ComputeProfile.slices(id),
            slices <= profile.computeSlices
        else { throw .invalidArgument }
        var free = try freeComputeSlices(in: serial)
        if let placement {
            guard placement.size == slices, placement.start >= 0, placement.end <= profile.computeSlices else {
                throw .insufficientResources
            }
            free.formIntersection(placement.start..<placement.end)
        }
        guard let start = free.firstRun(of: slices),
            let newID = (0..<8).first(where: { id in !instance.computeInstances.contains { $0.id == id } })
        else { throw .insufficientResources }
        let compute = SimulatedComputeInstance(
            id: newID, profile: id, start: start, slices: slices,
            uuid: "MIG-" + uuidText(version: 5, using: &generator), serial: takeSerial())
        gpus[gpu].instances[position].computeInstances.append(compute)
        return compute
    }

    /// Destroys a compute instance. The caller has checked that no process has a context there.
    public mutating func destroyComputeInstance(serial: UInt64) throws(DriverRefusal) {
        for gpu in gpus.indices {
            for position in gpus[gpu].instances.indices {
                if let index = gpus[gpu].instances[position].computeInstances.firstIndex(where: { $0.serial == serial })
                {
                    gpus[gpu].instances[position].computeInstances.remove(at: index)
                    return
                }
            }
        }
        throw .invalidArgument
    }

    /// Switches MIG mode. With instances in the way the wish is noted and the mode stays as it is.
    ///
    /// - Returns: whether the mode is now as wanted.
    public mutating func setMIGMode(_ enabled: Bool, on gpu: Int) -> Bool {
        gpus[gpu].migPending = enabled
        if gpus[gpu].migEnabled != enabled, !gpus[gpu].instances.isEmpty { return false }
        gpus[gpu].migEnabled = enabled
        return true
    }

    /// Unloads the driver and loads it again: no instance survives. MIG mode does on Ampere, where it is in the board's
    /// memory, and becomes what it was to become; later GPUs forget it.
    mutating func restart() {
        for gpu in gpus.indices {
            gpus[gpu].instances = []
            let isOn = gpus[gpu].model.migModeNeedsReset && gpus[gpu].migPending
            gpus[gpu].migEnabled = isOn
            gpus[gpu].migPending = isOn
        }
    }

    private mutating func takeSerial() -> UInt64 {
        defer { nextSerial += 1 }
        return nextSerial
    }
}

extension Set<Int> {
    /// The first of so many consecutive numbers that are all here.
    fileprivate func firstRun(of length: Int) -> Int? {
        filter { isSuperset(of: $0..<$0 + length) }.min()
    }
}

/// NVML's compute instance profiles: an ID for each number of compute slices.
public enum ComputeProfile {
    private static let slicesByID = [0: 1, 1: 2, 2: 3, 3: 4, 4: 7]
    public static func slices(_ id: Int) -> Int? { slicesByID[id] }
}

/// A UUID's text with random bits and the given version digit.
func uuidText(version: Int, using generator: inout some RandomNumberGenerator) -> String {
    let high = UInt64.random(in: 0...UInt64.max, using: &generator)
    let low = UInt64.random(in: 0...UInt64.max, using: &generator)
    return [
        hex(Int(high >> 32), digits: 8), hex(Int(high >> 16 & 0xffff), digits: 4),
        "\(version)" + hex(Int(high & 0xfff), digits: 3),
        "8" + hex(Int(low >> 48 & 0xfff), digits: 3),
        hex(Int(low & 0xffff_ffff_ffff), digits: 12),
    ].joined(separator: "-")
}

/// Lower-case hexadecimal digits with leading zeros.
func hex(_ value: Int, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}
