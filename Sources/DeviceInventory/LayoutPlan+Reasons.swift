import MIGModel

extension LayoutPlan {
    /// Why a step is done, in a few words.
    public func reason(for step: LayoutStep) -> String {
        func name(_ spec: MIGSpec) -> String {
            "\(gpu.geometry.profile(id: spec.profile)?.name ?? "profile \(spec.profile)") at \(spec.placement)"
        }
        switch step {
        case .create: return "missing"
        case .complete: return "wanted, but has no compute instance"
        case .destroy(let instance):
            if wanted.specs.contains(instance.spec) {
                return instance.devices.count > 1
                    ? "cut into \(instance.devices.count) compute instances" : "its compute instance does not span it"
            }
            let blocked = wanted.specs.filter { $0.placement.overlaps(instance.spec.placement) }
            return blocked.isEmpty ? "not wanted" : "in the way of \(blocked.map(name).joined(separator: ", "))"
        }
    }
}
