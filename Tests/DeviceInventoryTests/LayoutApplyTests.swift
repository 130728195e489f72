import DeviceInventory
import MIGModel
import Testing

/// A plan carried out: step by step, with a driver that is slow or fails.
struct LayoutApplyTests {
    private static let model = GPUModel.a100With40GB
    private let backend: GeometryBackend
    private let plan: LayoutPlan

    /// Two instances have to go, one stays, and six are made.
    init() throws {
        let gpu = GPU.planned(
            Self.model,
            [
                .whole(MIGSpec(profile: 19, placement: Placement(start: 0, size: 1)), number: 7),
                .whole(MIGSpec(profile: 14, placement: Placement(start: 2, size: 2)), number: 4),
                .whole(MIGSpec(profile: 9, placement: Placement(start: 4, size: 4)), number: 2),
            ])
        backend = GeometryBackend(gpu, model: Self.model)
        plan = try gpu.plan(.thin).get()
    }

    @Test func tellsEveryStep() throws {
        var told: [String] = []
        try plan.apply(with: backend, progress: { told.append($0) })
        #expect(told == plan.steps.map { $0.description(on: Self.model.geometry) })
        #expect(backend.calls == plan.steps.count)
        #expect(backend.gpu.layoutName == .thin)
    }

    /// Freed instances may be "in use" for a moment: the step is tried again, and told once.
    @Test func waitsForInstancesInUse() throws {
        backend.stayBusy(for: 3)
        var told = 0
        try plan.apply(with: backend, progress: { _ in told += 1 })
        #expect(told == plan.steps.count)
        #expect(backend.calls == plan.steps.count + 3)
    }

    @Test func doesNotWaitForEver() throws {
        backend.stayBusy(for: .max)
        let error = try #require(throws: LayoutInterrupted.self) {
            try plan.apply(with: backend, patience: .milliseconds(60))
        }
        #expect(error.cause.kind == .inUse)
        #expect(
            error.description == """
                GPU 0: could not destroy 2g.10gb at 2:2: still in use
                nothing was changed on it
                not done: \(plan.steps.dropFirst().map { $0.description(on: Self.model.geometry) }.joined(separator: ", "))
                The same command again goes on from here.
                """)
        #expect(backend.gpu == plan.gpu)
    }

    /// Every other failure ends the plan at once, and says what was done.
    @Test func failureIsNotTriedAgain() throws {
        let failure = DeviceError(kind: .noPermission, message: "not allowed", advice: "Be root.")
        backend.fail(call: 3, with: failure)
        let error = try #require(throws: LayoutInterrupted.self) { try plan.apply(with: backend) }
        #expect(error.cause == failure)
        #expect(backend.calls == 3)
        #expect(
            error.description == """
                GPU 0: could not create 1g.5gb at 1:1: not allowed
                Be root.
                done before: destroy 2g.10gb at 2:2, destroy 3g.20gb at 4:4
                not done: create 1g.5gb at 2:1, create 1g.5gb at 3:1, create 1g.5gb at 4:1, create 1g.5gb at 5:1, \
                create 1g.5gb at 6:1
                The same command again goes on from here.
                """)
    }

    /// Wherever it stops, a new plan goes on from there and does only what is missing.
    @Test(arguments: 1...8)
    func goesOnAfterAFailure(at call: Int) throws {
        try #require(plan.steps.count == 8)
        backend.fail(call: call, with: DeviceError(kind: .other, message: "no"))
        #expect(throws: LayoutInterrupted.self) { try plan.apply(with: backend) }
        let rest = try backend.gpu.plan(.thin).get()
        #expect(rest.steps == Array(plan.steps.dropFirst(call - 1)))
        try rest.apply(with: backend)
        #expect(backend.gpu.layoutName == .thin)
    }
}
