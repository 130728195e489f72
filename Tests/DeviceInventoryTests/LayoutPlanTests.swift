import DeviceInventory
import MIGModel
import TestSupport
import Testing

/// The way from every layout to every named one, on all models.
struct LayoutPlanTests {
    /// Every layout that a GPU of the model can be found with, the empty one too.
    private func everyGPU(_ model: GPUModel) -> [GPU] {
        ([Layout([])] + model.geometry.placedLayouts()).map { .planned(model, $0) }
    }

    /// Does the steps with a driver that refuses what is illegal; answers the GPU afterwards.
    private func apply(_ plan: LayoutPlan, _ model: GPUModel) throws -> GPU {
        let backend = GeometryBackend(plan.gpu, model: model)
        try plan.apply(with: backend)
        return backend.gpu
    }

    private func check(_ gpu: GPU, to wanted: Layout, _ model: GPUModel, _ plan: LayoutPlan) throws {
        let comment = Comment(rawValue: "\(model.id): \(gpu.layout) to \(wanted)")
        #expect(plan.gpu == gpu && plan.wanted == wanted, comment)
        // What is as wanted is kept, and nothing else.
        let kept = gpu.instances.filter { wanted.specs.contains($0.spec) }
        #expect(plan.kept == kept, comment)
        #expect(plan.steps.count == gpu.instances.count - kept.count + wanted.specs.count - kept.count, comment)
        let leaving = gpu.instances.filter { !kept.contains($0) }.flatMap(\.devices).map(\.uuid)
        #expect(plan.destroyedLeaves == leaving, comment)
        // Every step is legal when its turn comes.
        let after = try apply(plan, model)
        #expect(after.layout == wanted, comment)
        #expect(Set(after.instances).isSuperset(of: kept), comment)
        #expect(try after.plan(wanted).get().steps == [], comment)
    }

    @Test(arguments: GPUModel.all)
    func everyNamedLayoutIsReached(model: GPUModel) throws {
        for name in LayoutName.available(on: model.geometry) {
            let wanted = try name.layout(on: model.geometry).get()
            for gpu in everyGPU(model) { try check(gpu, to: wanted, model, try gpu.plan(name).get()) }
        }
    }

    /// Any full layout to any other, as far as chance takes it.
    @Test(arguments: GPUModel.all)
    func everyLegalLayoutIsReached(model: GPUModel) throws {
        var random = SplitMix(seed: 4242)
        let layouts = model.geometry.maximalLayouts()
        for _ in 0..<1000 {
            let from = layouts[.random(in: 0..<layouts.count, using: &random)]
            let to = layouts[.random(in: 0..<layouts.count, using: &random)]
            let gpu = GPU.planned(model, from)
            try check(gpu, to: to, model, try gpu.plan(to).get())
        }
    }

    @Test(arguments: GPUModel.all)
    func nothingToDoIsAnEmptyPlan(model: GPUModel) throws {
        for name in LayoutName.available(on: model.geometry) {
            let gpu = GPU.planned(model, try name.layout(on: model.geometry).get())
            let plan = try gpu.plan(name).get()
            #expect(plan.steps.isEmpty)
            #expect(plan.destroyedLeaves.isEmpty)
            #expect(plan.kept == gpu.instances)
        }
    }

    /// All room is made before anything is created.
    @Test func stepsAreInOrder() throws {
        let model = GPUModel.a100With40GB
        let gpu = GPU.planned(
            model,
            [
                .with(MIGSpec(profile: 19, placement: Placement(start: 0, size: 1)), number: 7, devices: 0),
                .whole(MIGSpec(profile: 19, placement: Placement(start: 1, size: 1)), number: 8),
                .whole(MIGSpec(profile: 14, placement: Placement(start: 2, size: 2)), number: 4),
                .whole(MIGSpec(profile: 9, placement: Placement(start: 4, size: 4)), number: 2),
            ])
        let plan = try gpu.plan(.thin).get()
        #expect(
            plan.steps.map { $0.description(on: model.geometry) } == [
                "destroy 2g.10gb at 2:2", "destroy 3g.20gb at 4:4", "create the compute instance of 1g.5gb at 0:1",
                "create 1g.5gb at 2:1", "create 1g.5gb at 3:1", "create 1g.5gb at 4:1", "create 1g.5gb at 5:1",
                "create 1g.5gb at 6:1",
            ])
        #expect(plan.kept.map(\.id) == [8])
        #expect(try apply(plan, model).layoutName == .thin)
    }

    // MARK: Instances that are not one whole device

    private static let thin = MIGSpec(profile: 19, placement: Placement(start: 0, size: 1))
    private static let large = MIGSpec(profile: 9, placement: Placement(start: 4, size: 4))

    @Test func instanceWithoutDeviceIsCompleted() throws {
        let instance = GPUInstance.with(Self.thin, number: 7, devices: 0)
        let plan = try GPU.planned(.a100With40GB, [instance]).plan(Layout([Self.thin])).get()
        #expect(plan.steps == [.complete(instance)])
        #expect(plan.kept.isEmpty)
        #expect(plan.destroyedLeaves.isEmpty)
        #expect(try apply(plan, .a100With40GB).isWhole)
    }

    @Test func instanceWithoutDeviceInTheWayIsDestroyed() throws {
        let instance = GPUInstance.with(Self.large, number: 2, devices: 0)
        let plan = try GPU.planned(.a100With40GB, [instance]).plan(.thin).get()
        #expect(plan.steps.first == .destroy(instance))
        #expect(plan.destroyedLeaves.isEmpty)
    }

    @Test func instanceOfTwoDevicesIsReplaced() throws {
        let instance = GPUInstance.with(Self.large, number: 2, devices: 2)
        let plan = try GPU.planned(.a100With40GB, [instance]).plan(Layout([Self.large])).get()
        #expect(plan.steps == [.destroy(instance), .create(Self.large)])
        #expect(plan.destroyedLeaves == instance.devices.map(\.uuid))
        #expect(try apply(plan, .a100With40GB).isWhole)
    }

    /// One device that has only some of its instance's SMs, as a compute instance of 1c in a 3g instance makes it.
    @Test func instanceOfOneSmallDeviceIsReplaced() throws {
        let model = GPUModel.a100With40GB
        let whole = GPU.planned(model, [.whole(Self.large, number: 2)])
        var leaf = try #require(whole.leaves.first)
        leaf.multiprocessors = 14
        let gpu = GPU(
            index: 0, uuid: whole.uuid, name: whole.name, model: model.id, busID: whole.busID, numaNode: 0,
            memoryMiB: whole.memoryMiB, migMode: .on, geometry: model.geometry, instances: whole.instances,
            leaves: [leaf])
        let plan = try gpu.plan(Layout([Self.large])).get()
        #expect(plan.steps == [.destroy(whole.instances[0]), .create(Self.large)])
    }
}
