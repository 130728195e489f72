import DeviceInventory
import MIGModel

extension ConformanceRule {
    /// A rule that works on an empty GPU, and leaves it empty whatever happens.
    private static func onEmptyGPU(
        _ id: String, _ says: String, _ check: @escaping @Sendable (any DeviceBackend, GPU) throws -> String?
    ) -> ConformanceRule {
        ConformanceRule(id, .writing, says) { backend in
            guard let gpu = try backend.inventory().gpus.first(where: { $0.migMode.isOn && $0.instances.isEmpty })
            else {
                return .notChecked("no GPU has MIG mode on and no instances")
            }
            let outcome = Result { try check(backend, gpu) }
            try empty(gpu, backend)
            let problem = try outcome.get()
            return problem.map { .broken("GPU \(gpu.index): \($0)") } ?? .held
        }
    }

    private static func now(_ gpu: GPU, _ backend: any DeviceBackend) throws -> GPU {
        guard let found = try backend.inventory().gpus.first(where: { $0.uuid == gpu.uuid }) else {
            throw DeviceError(kind: .gone, message: "GPU \(gpu.uuid) is not there any more")
        }
        return found
    }

    private static func empty(_ gpu: GPU, _ backend: any DeviceBackend) throws {
        for instance in try now(gpu, backend).instances { try backend.destroy(instance, on: gpu) }
    }

    /// What a refusal was; nil when there was none.
    private static func refusal(_ body: () throws(DeviceError) -> Void) -> DeviceError? {
        do throws(DeviceError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    static let writing: [ConformanceRule] = [
        onEmptyGPU("every-place", "Every profile can be made at every place that it may have, and be destroyed.") {
            backend, gpu in
            for profile in gpu.geometry.profiles {
                for placement in profile.placements {
                    let spec = MIGSpec(profile: profile.id, placement: placement)
                    let made = try backend.create(spec, on: gpu)
                    let there = try now(gpu, backend)
                    guard let instance = there.instances.first, there.instances.count == 1, instance.spec == spec,
                        instance.devices == [made]
                    else { return "\(profile.name) at \(placement) became \(there.instances)" }
                    try backend.destroy(instance, on: gpu)
                    if try !now(gpu, backend).instances.isEmpty { return "\(profile.name) at \(placement) stayed" }
                }
            }
            return nil
        },
        onEmptyGPU("leaf-figures", "A leaf of a whole instance is as big as its profile.") { backend, gpu in
            for profile in gpu.geometry.profiles {
                guard let placement = profile.placements.first else { continue }
                _ = try backend.create(MIGSpec(profile: profile.id, placement: placement), on: gpu)
                let leaves = try now(gpu, backend).leaves
                guard let leaf = leaves.first, leaves.count == 1, leaf.profile == profile.name,
                    leaf.leafType == profile.leafType,
                    profile.memoryMiB.map({ $0 == leaf.memoryMiB }) ?? true,
                    profile.multiprocessors.map({ $0 == leaf.multiprocessors }) ?? true
                else { return "\(profile.name) became \(leaves)" }
                try empty(gpu, backend)
            }
            return nil
        },
        onEmptyGPU("named-layouts", "Every named layout that the GPU can have can be made, from either end.") {
            backend, gpu in
            for name in LayoutName.available(on: gpu.geometry) {
                let layout = try name.layout(on: gpu.geometry).get()
                for specs in [layout.specs, layout.specs.reversed()] {
                    for spec in specs { _ = try backend.create(spec, on: gpu) }
                    let there = try now(gpu, backend)
                    if there.layout != layout { return "\(name.rawValue) became \(there.layout)" }
                    if there.leaves.count != layout.specs.count {
                        return "\(name.rawValue) has \(there.leaves.count) leaves"
                    }
                    try empty(gpu, backend)
                }
            }
            return nil
        },
        onEmptyGPU("no-overlap", "What overlaps is refused, and nothing is left of it.") { backend, gpu in
            guard let profile = gpu.geometry.profiles.first, let placement = profile.placements.first else {
                return nil
            }
            let spec = MIGSpec(profile: profile.id, placement: placement)
            _ = try backend.create(spec, on: gpu)
            let before = try now(gpu, backend)
            if refusal({ () throws(DeviceError) in _ = try backend.create(spec, on: gpu) }) == nil {
                return "a second \(profile.name) at \(placement) was made"
            }
            return try now(gpu, backend) == before ? nil : "the refusal changed the GPU"
        },
        onEmptyGPU("no-illegal-place", "A place that the profile can't have is refused.") { backend, gpu in
            for profile in gpu.geometry.profiles {
                let beyond = Placement(start: gpu.geometry.memorySlices, size: profile.memorySlices)
                let spec = MIGSpec(profile: profile.id, placement: beyond)
                if refusal({ () throws(DeviceError) in _ = try backend.create(spec, on: gpu) }) == nil {
                    return "\(profile.name) at \(beyond) was made"
                }
            }
            return try now(gpu, backend).instances.isEmpty ? nil : "the refusal left something"
        },
        onEmptyGPU("gone", "A destroyed instance is gone: its leaf, its processes, a second destruction.") {
            backend, gpu in
            guard let profile = gpu.geometry.profiles.first, let placement = profile.placements.first else {
                return nil
            }
            let made = try backend.create(MIGSpec(profile: profile.id, placement: placement), on: gpu)
            guard let instance = try now(gpu, backend).instances.first else { return "it is not listed" }
            if try !backend.processes(on: made.uuid).isEmpty { return "a new leaf has processes" }
            try backend.destroy(instance, on: gpu)
            let asked = refusal { () throws(DeviceError) in _ = try backend.processes(on: made.uuid) }
            if asked?.kind != .gone { return "asking for its processes: \(asked.map { "\($0)" } ?? "no error")" }
            let again = refusal { () throws(DeviceError) in try backend.destroy(instance, on: gpu) }
            return again == nil ? "it could be destroyed twice" : nil
        },
        onEmptyGPU("capacity", "As many instances of a profile fit as the driver says, and no more.") { backend, gpu in
            for profile in gpu.geometry.profiles {
                var made = 0
                for placement in profile.placements {
                    let spec = MIGSpec(profile: profile.id, placement: placement)
                    if refusal({ () throws(DeviceError) in _ = try backend.create(spec, on: gpu) }) == nil { made += 1 }
                }
                try empty(gpu, backend)
                if made != profile.maximumInstances {
                    return "\(made) x \(profile.name) fit, \(profile.maximumInstances) are promised"
                }
            }
            return nil
        },
    ]
}
