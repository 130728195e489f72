import MIGModel
import SimulatedDriver
import TestSupport
import Testing

/// Every layout that a model's geometry allows is one that the simulated driver makes, and takes apart again.
struct EveryLayoutTests {
    @Test(arguments: GPUModel.all)
    func isMadeAndTakenApart(model: GPUModel) throws {
        var generator = SystemRandomNumberGenerator()
        var state = DriverState(spec: try NodeSpec(parsing: model.id.rawValue), using: &generator)
        for layout in model.geometry.placedLayouts() {
            var made: [(UInt64, UInt64)] = []
            for spec in layout.specs {
                let serial = try state.createGPUInstance(profile: spec.profile.rawValue, at: spec.placement, on: 0)
                let profile = try #require(model.geometry.profile(id: spec.profile))
                let compute = try state.createComputeInstance(
                    profile: profile.computeInstanceProfile, in: serial, using: &generator)
                made.append((serial, compute.serial))
            }
            let there = Layout(
                state.gpus[0].instances.map { MIGSpec(profile: .init(rawValue: $0.profile), placement: $0.placement) })
            #expect(there == layout)
            for (serial, compute) in made.reversed() {
                try state.destroyComputeInstance(serial: compute)
                try state.destroyGPUInstance(serial: serial)
            }
            #expect(state.gpus[0].instances.isEmpty)
        }
    }

    /// Compute instances go where they are wanted, and nowhere else.
    @Test(arguments: [(0, 2, 1, true), (0, 3, 1, false), (1, 1, 2, true), (1, 0, 1, false), (0, -1, 1, false)])
    func computeInstancesHavePlaces(profile: Int, start: Int, size: Int, fits: Bool) throws {
        var generator = SystemRandomNumberGenerator()
        var state = DriverState(spec: try NodeSpec(parsing: "a100-40gb"), using: &generator)
        let serial = try state.createGPUInstance(profile: 9, at: Placement(start: 4, size: 4), on: 0)
        let place = Placement(start: start, size: size)
        if fits {
            let made = try state.createComputeInstance(profile: profile, at: place, in: serial, using: &generator)
            #expect(made.start == start && made.slices == size)
        } else {
            #expect(throws: DriverRefusal.insufficientResources) {
                try state.createComputeInstance(profile: profile, at: place, in: serial, using: &generator)
            }
        }
    }
}
