import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// A re-cut from what the node shows to instances that are free, on the simulated driver.
struct RecutPlanTests {
    /// A 4g that somebody cut into three devices, on one of which a process runs, stays exactly as it is; two idle leaves beside
    /// it make room for a 3g.
    @Test func aBusyInstanceOfOthersStays() async throws {
        let fixture = try NodeFixture("a100-40gb:2")
        for start in [4, 5] { try fixture.makeLeaf(at: start) }
        for start in 0...6 { try fixture.makeLeaf(at: start, on: 1) }
        let busy = try fixture.node.change { state, _ in
            var generator = SystemRandomNumberGenerator()
            let four = try state.createGPUInstance(profile: 5, at: Placement(start: 0, size: 4), on: 0)
            for _ in 0..<3 { _ = try state.createComputeInstance(profile: 0, in: four, using: &generator) }
            return .init(state.gpus[0].instances.first { $0.profile == 5 }?.computeInstances[1].uuid ?? "")
        }
        try fixture.node.addForeignProcess(ProcessID(rawValue: 4242), on: busy)
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            do {
                Environment.set(SimulatedNode.environmentVariable, path)
                let backend = try NVMLBackend(library: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
                let ledger = try Ledger(stateDirectory: path)
                // Leaves of the other GPU are somebody else's: it can give nothing.
                let before = try backend.inventory()
                try ledger.assign([.gpu(before.gpus[1].uuid)], to: .slurm, backend: backend)
                let states = try LayoutChange(backend: backend, ledger: ledger).recutStates(of: before)
                let recut = try NodeRecut.cheapest(on: states, toFree: ["3g.20gb"]).get()
                try expect(recut.parts.map(\.gpu), [0])
                try expect(recut.cost, 3)
                if case .success = NodeRecut.cheapest(on: states, toFree: ["3g.20gb", "3g.20gb"]) {
                    Issue.record("two fit only on what is somebody else's, or in use")
                }
                let plan = try before.gpus[0].plan(recut.parts[0].recut).get()
                try plan.apply(with: backend, patience: .zero)
                let after = try backend.inventory().gpus[0]
                func devices(_ gpu: GPU) -> [MIGDevice] {
                    gpu.instances.filter { $0.spec.profile == 5 }.flatMap(\.devices)
                }
                try expect(devices(after), devices(before.gpus[0]))
                try expect(devices(after).count, 3)
                let free = after.instances.filter { $0.spec.profile == 9 }
                try expect(free.map(\.spec), recut.parts[0].recut.free)
                try expect(after.instances.count, 2)
                // What was to go is gone: the same re-cut is refused instead of being done to something else.
                if case .success = after.plan(recut.parts[0].recut) { Issue.record("planned from what is no more") }
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    /// A whole-GPU instance whose compute instance is smaller has the same leaf name: by its SMs it can't serve.
    @Test func aSmallerComputeInstanceCantServe() async throws {
        let fixture = try NodeFixture("a100-40gb:1")
        try fixture.node.change { state, _ in
            var generator = SystemRandomNumberGenerator()
            let whole = try state.createGPUInstance(profile: 0, at: Placement(start: 0, size: 8), on: 0)
            _ = try state.createComputeInstance(profile: 2, in: whole, using: &generator)
            return .init(())
        }
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            do {
                Environment.set(SimulatedNode.environmentVariable, path)
                let backend = try NVMLBackend(library: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
                let gpu = try backend.inventory().gpus[0]
                try expect(gpu.recutState { _ in false }.instances.map(\.use), [.unfit])
            } catch {
                Issue.record("\(error)")
            }
        }
    }
}

private struct Difference: Error { let description: String }

/// As `#expect(actual == expected)`, for exit tests.
private func expect<Value: Equatable>(_ actual: Value, _ expected: Value, line: Int = #line) throws {
    if actual != expected { throw Difference(description: "line \(line): \(actual), not \(expected)") }
}
