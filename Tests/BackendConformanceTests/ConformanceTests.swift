import BackendConformance
import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// The rules on the simulated library for every model, on a real driver where there is one, and on backends that break
/// them.
struct ConformanceTests {
    /// An empty node and one with leaves on its first GPU.
    @Test(arguments: GPUModel.all.map(\.id.rawValue), [false, true])
    func theSimulatedLibraryKeepsThem(model: String, hasLeaves: Bool) async throws {
        let fixture = try NodeFixture("\(model):2")
        await #expect(processExitsWith: .success) { [path = fixture.path as String, hasLeaves] in
            withBackend(path) { backend in
                if hasLeaves {
                    let gpu = try backend.inventory().gpus[0]
                    for spec in try LayoutName.thin.layout(on: gpu.geometry).get().specs {
                        _ = try backend.create(spec, on: gpu)
                    }
                }
                for rule in ConformanceRule.all {
                    let verdict = rule.verdict(on: backend)
                    let mayBeUnchecked = !hasLeaves && ["leaf-uuids", "processes"].contains(rule.id)
                    let isFine =
                        switch verdict {
                        case .held: true
                        case .notChecked: mayBeUnchecked
                        case .broken: false
                        }
                    if !isFine { Issue.record("\(rule.id): \(verdict)") }
                }
            }
        }
    }

    /// Without a driver there is nothing to check; FLEXMIG_CONFORMANCE_WRITE=1 lets instances be made.
    @Test(.enabled(if: hasRealDriver, "this machine has no NVIDIA driver"))
    func aRealDriverKeepsThem() throws {
        let backend = try NVMLBackend(library: "libnvidia-ml.so.1")
        let isWriting = Environment.value("FLEXMIG_CONFORMANCE_WRITE") == "1"
        for rule in ConformanceRule.all where isWriting || rule.part == .reading {
            if case .broken(let what) = rule.verdict(on: backend) { Issue.record("\(rule.id): \(what)") }
        }
    }

    /// Each rule is broken by a backend that lies in just that: no rule is one that can't fail.
    @Test(arguments: Lie.all)
    func aLieIsFound(lie: Lie) async throws {
        let fixture = try NodeFixture("a100-40gb:2")
        try fixture.makeLeaf(at: 0)
        try fixture.makeLeaf(at: 1)
        await #expect(processExitsWith: .success) { [path = fixture.path as String, rule = lie.rule as String] in
            withBackend(path) { backend in
                guard let lie = Lie.all.first(where: { $0.rule == rule }), let rule = ConformanceRule.named(rule) else {
                    Issue.record("no rule \(rule)")
                    return
                }
                let verdict = rule.verdict(on: LyingBackend(backend, lie))
                guard case .broken = verdict else {
                    Issue.record("\(rule.id) with a liar: \(verdict)")
                    return
                }
            }
        }
    }

    @Test func everyRuleHasALie() {
        #expect(Set(Lie.all.map(\.rule)) == Set(ConformanceRule.all.map(\.id)))
        #expect(Set(ConformanceRule.all.map(\.id)).count == ConformanceRule.all.count)
    }

    static let hasRealDriver = (try? NVMLBackend(library: "libnvidia-ml.so.1")) != nil
}

/// Opens the simulated library on a node. For exit tests.
func withBackend(_ node: String, _ body: (NVMLBackend) throws -> Void) {
    Environment.set(SimulatedNode.environmentVariable, node)
    do {
        try body(try NVMLBackend(library: try BuiltProduct.path("libflexmig-simulated-nvml.so")))
    } catch {
        Issue.record("\(error)")
    }
}
