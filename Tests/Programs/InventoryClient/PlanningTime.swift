import DeviceInventory
import MIGModel

/// How long it takes to plan from one layout to another whose placements are free, over random pairs of layouts.
enum PlanningTime {
    /// Answers "MODEL TIMES: median, 99th percentile and maximum in microseconds".
    static func measure(_ model: GPUModel, times: Int) throws -> String {
        let layouts = model.geometry.placedLayouts()
        var spent: [Duration] = []
        for _ in 0..<times {
            guard let there = layouts.randomElement(), let wanted = layouts.randomElement() else { break }
            let gpu = GPU(model, there)
            let profiles = wanted.specs.map(\.profile)
            let start = ContinuousClock.now
            let layout = try model.geometry.placing(profiles, beside: []) { there.specs.contains($0) ? 1 : 0 }.get()
            let plan = try gpu.plan(layout).get()
            spent.append(.now - start)
            guard plan.kept.count + plan.steps.count >= wanted.specs.count else { return "a wrong plan" }
        }
        spent.sort()
        func microseconds(_ share: Double) -> String {
            let (_, attoseconds) = spent[min(Int(Double(spent.count) * share), spent.count - 1)].components
            return "\(Double(attoseconds / 100_000_000_000) / 10) us"
        }
        return "\(model.id) \(spent.count) plans between \(layouts.count) layouts: median \(microseconds(0.5)), "
            + "99 % \(microseconds(0.99)), maximum \(microseconds(1))"
    }
}

extension GPU {
    /// A GPU with that layout, each instance one whole device.
    fileprivate init(_ model: GPUModel, _ layout: Layout) {
        let instances = layout.specs.enumerated().map { index, spec in
            let id = GPUInstanceID(rawValue: index)
            let device = MIGDevice(gpuInstance: id, computeInstance: 0, uuid: MIGDeviceUUID(rawValue: "MIG-\(index)"))
            return GPUInstance(id: id, spec: spec, devices: [device])
        }
        self.init(
            index: 0, uuid: GPUUUID(rawValue: "GPU-0"), name: model.name, model: model.id, busID: "", numaNode: nil,
            memoryMiB: model.memoryMiB, migMode: .on, geometry: model.geometry, instances: instances, leaves: [])
    }
}
