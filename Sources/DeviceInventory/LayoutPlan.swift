import MIGModel

/// One change to a GPU's instances.
public enum LayoutStep: Hashable, Sendable {
    /// Destroy an instance that the wanted layout does not have.
    case destroy(GPUInstance)
    /// Create an instance at its place.
    case create(MIGSpec)
    /// Give an instance that is wanted, but has no device, its compute instance.
    case complete(GPUInstance)
}

/// The way from what is on a GPU to a wanted layout.
public struct LayoutPlan: Hashable, Sendable {
    public let gpu: GPU
    public let wanted: Layout
    /// Instances that are as wanted already, and stay untouched with what runs on them.
    public let kept: [GPUInstance]
    /// In the order they must be done: all room is made before anything is created, and every place is explicit,
    /// so that a legal layout cannot dead-end.
    public let steps: [LayoutStep]

    /// The leaves that the plan takes away.
    public var destroyedLeaves: [MIGDeviceUUID] {
        steps.flatMap { step in
            if case .destroy(let instance) = step { instance.devices.map(\.uuid) } else { [MIGDeviceUUID]() }
        }
    }
}

/// Why a GPU can't get a layout.
public enum LayoutRefusal: Error, Hashable, Sendable {
    case migModeOff(gpu: Int, mode: MIGMode, MIGModeSwitch)
    /// Off is wanted, and it is on.
    case migModeOn(gpu: Int, MIGModeSwitch)
    case unavailable(gpu: Int, LayoutUnavailable)
    case illegal(gpu: Int, reason: String)
    /// Somebody else's to cut, or quarantined.
    case notOurs(gpu: Int, reason: String)
    /// Fallen off the bus, or named and not there.
    case absent(lost: [Int], missing: [String])
    /// Of several GPUs.
    case several([LayoutRefusal])
}

extension LayoutRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .migModeOff(let gpu, .unsupported, _): "GPU \(gpu) has no MIG"
        case .migModeOff(let gpu, .pendingOn, let switching):
            """
            MIG mode of GPU \(gpu) is \(MIGMode.pendingOn.rawValue)
            flexmig never switches it. \(switching.explanation) When nothing uses the GPU, run: nvidia-smi -i \(gpu) --gpu-reset
            """
        case .migModeOff(let gpu, let mode, let switching):
            """
            MIG mode of GPU \(gpu) is \(mode.rawValue)
            flexmig never switches it. \(switching.explanation) When nothing uses the GPU, run: nvidia-smi -i \(gpu) -mig 1
            """
        case .migModeOn(let gpu, let switching):
            """
            MIG mode of GPU \(gpu) is on, and should be off
            flexmig never switches it. \(switching.explanation) When nothing uses the GPU, run: nvidia-smi -i \(gpu) -mig 0
            """
        case .unavailable(let gpu, let reason): "GPU \(gpu): \(reason)"
        case .illegal(let gpu, let reason): "GPU \(gpu): \(reason)"
        case .notOurs(let gpu, let reason): "nothing was changed: GPU \(gpu) is \(reason)"
        case .absent(let lost, let missing):
            (lost.map { "GPU \($0) has fallen off the bus: it needs a reset or a reboot" }
                + missing.map { "GPU \($0) is named, and this node does not show it" }
                + ["The other GPUs are not kept waiting; name them with --gpu to leave it out."])
                .joined(separator: "\n")
        case .several(let refusals): refusals.map(\.description).joined(separator: "\n")
        }
    }
}

extension GPU {
    /// Plans the way to a named layout.
    public func plan(_ name: LayoutName) -> Result<LayoutPlan, LayoutRefusal> {
        guard migMode.isOn else { return .failure(.migModeOff(gpu: index, mode: migMode, MIGModeSwitch(self))) }
        return name.layout(on: geometry)
            .mapError { .unavailable(gpu: index, $0) }
            .flatMap { plan($0) }
    }

    /// Plans the way to a layout: keeps every instance that is as wanted, destroys the others, creates what is missing.
    ///
    /// - Complexity: O(n^2) in the number of instances, of which a GPU has at most 8.
    public func plan(_ wanted: Layout) -> Result<LayoutPlan, LayoutRefusal> {
        guard migMode.isOn else { return .failure(.migModeOff(gpu: index, mode: migMode, MIGModeSwitch(self))) }
        if let problem = geometry.problem(in: wanted) {
            return .failure(.illegal(gpu: index, reason: problem.description(on: geometry)))
        }
        var missing = wanted.specs
        var kept: [GPUInstance] = []
        var incomplete: [GPUInstance] = []
        var destroyed: [GPUInstance] = []
        for instance in instances {
            guard instance.devices.count <= 1, leavesAreWhole(in: instance),
                let position = missing.firstIndex(of: instance.spec)
            else {
                destroyed.append(instance)
                continue
            }
            missing.remove(at: position)
            if instance.devices.isEmpty { incomplete.append(instance) } else { kept.append(instance) }
        }
        let steps =
            destroyed.map(LayoutStep.destroy) + incomplete.map(LayoutStep.complete) + missing.map(LayoutStep.create)
        return .success(LayoutPlan(gpu: self, wanted: wanted, kept: kept, steps: steps))
    }

    /// Whether the instance's device is as large as the instance.
    func leavesAreWhole(in instance: GPUInstance) -> Bool {
        let profile = geometry.profile(id: instance.spec.profile)
        // Large profiles name their leaves alike, whole or not: there the SMs tell.
        return leaves.filter { $0.gpuInstance == instance.id }.allSatisfy { leaf in
            leaf.leafType == profile?.leafType
                && (profile?.multiprocessors.map { $0 == leaf.multiprocessors } ?? true)
        }
    }
}

extension LayoutStep {
    /// In plain words, such as "create 1g.5gb at 0:1".
    public func description(on geometry: MIGGeometry) -> String {
        func name(_ spec: MIGSpec) -> String {
            "\(geometry.profile(id: spec.profile)?.name ?? "profile \(spec.profile)") at \(spec.placement)"
        }
        return switch self {
        case .destroy(let instance): "destroy \(name(instance.spec))"
        case .create(let spec): "create \(name(spec))"
        case .complete(let instance): "create the compute instance of \(name(instance.spec))"
        }
    }
}
