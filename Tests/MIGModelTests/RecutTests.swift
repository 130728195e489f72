import MIGModel
import Testing

@Suite struct RecutTests {
    private let geometry = GPUModel.a100With40GB.geometry

    private func spec(_ name: String, _ start: Int) -> MIGSpec {
        guard let profile = geometry.profile(named: name) else {
            return MIGSpec(profile: 99, placement: Placement(start: start, size: 1))
        }
        return MIGSpec(profile: profile.id, placement: Placement(start: start, size: profile.memorySlices))
    }

    private func state(busy: [MIGSpec] = [], idle: [MIGSpec] = [], unfit: [MIGSpec] = []) -> RecutState {
        RecutState(
            geometry: geometry,
            instances: busy.map { .init($0, .busy) } + idle.map { .init($0, .idle) } + unfit.map { .init($0, .unfit) })
    }

    @Test func nothingWantedCostsNothing() throws {
        let idle = [spec("1g.5gb", 0)]
        let recut = try state(idle: idle).recut(toFree: []).get()
        #expect(recut.cost == 0 && recut.free.isEmpty && recut.layout.specs == idle)
    }

    @Test func whatFitsAlreadyIsUsed() throws {
        let recut = try state(busy: [spec("1g.5gb", 0)], idle: [spec("1g.5gb", 1)]).recut(toFree: [19]).get()
        #expect(recut.steps.isEmpty && recut.free == [spec("1g.5gb", 1)])
    }

    @Test func aBusySliceLeavesTheOtherHalf() throws {
        let idle = [0, 1, 2, 4, 5, 6].map { spec("1g.5gb", $0) }
        let recut = try state(busy: [spec("1g.5gb", 3)], idle: idle).recut(toFree: [9]).get()
        #expect(recut.destroyed == [4, 5, 6].map { spec("1g.5gb", $0) })
        #expect(recut.created == [spec("3g.20gb", 4)])
        #expect(recut.steps.first == .destroy(spec("1g.5gb", 4)) && recut.steps.last == .create(spec("3g.20gb", 4)))
    }

    @Test func whatIsNotOneLeafIsReplaced() throws {
        let recut = try state(unfit: [spec("3g.20gb", 0)]).recut(toFree: [9]).get()
        #expect(recut.created == [spec("3g.20gb", 4)] && recut.destroyed.isEmpty)
        let both = try state(unfit: [spec("3g.20gb", 0)]).recut(toFree: [9, 9]).get()
        #expect(both.destroyed == [spec("3g.20gb", 0)] && both.created == [spec("3g.20gb", 0), spec("3g.20gb", 4)])
    }

    @Test func aProfileThatMayExistOnceMakesItsOtherInstanceGo() throws {
        // An idle 1g+me elsewhere is in nobody's place, but there may be one only, and this one can't serve.
        let recut = try state(busy: [spec("4g.20gb", 0)], unfit: [spec("1g.5gb+me", 6)]).recut(toFree: [20]).get()
        #expect(recut.destroyed == [spec("1g.5gb+me", 6)] && recut.created.count == 1)
    }

    @Test func reasonsAreTold() {
        let state = state(busy: [spec("1g.5gb", 3)])
        #expect(state.recut(toFree: [99]) == .failure(.unknownProfile(99)))
        #expect(state.recut(toFree: [0]) == .failure(.busy([spec("1g.5gb", 3)])))
        #expect(state.recut(toFree: [0, 19]) == .failure(.tooMuch))
        #expect(state.recut(toFree: Array(repeating: 19, count: 10_000)) == .failure(.tooMuch))
    }

    @Test func whatTheDriverMadeIsPossibleWhateverTheTableSays() throws {
        // Two +me, which the table forbids: both stay, and room is found beside them.
        let recut = try state(busy: [spec("1g.5gb+me", 0), spec("1g.5gb+me", 1)]).recut(toFree: [14]).get()
        #expect(recut.created == [spec("2g.10gb", 4)] || recut.created == [spec("2g.10gb", 2)])
    }

    @Test func instancesOfUnknownProfilesTakeTheirSlices() throws {
        let odd = MIGSpec(profile: 77, placement: Placement(start: 0, size: 4))
        #expect(try state(busy: [odd]).recut(toFree: [9]).get().created == [spec("3g.20gb", 4)])
        #expect(try state(idle: [odd]).recut(toFree: [5]).get().destroyed == [odd])
    }

    @Test func nonsenseFromADriverIsNoTrap() {
        var odd = geometry
        odd.memorySlices = 1000
        odd.profiles[0].placements += [
            Placement(start: 990, size: 3), Placement(start: -1, size: 2), Placement(start: 3, size: 0),
        ]
        odd.profiles[1].maximumInstances = .max
        let state = RecutState(
            geometry: odd, instances: [.init(MIGSpec(profile: 19, placement: Placement(start: -5, size: 2)), .idle)])
        #expect((try? state.recut(toFree: [19]).get())?.cost == 1)
        #expect(
            RecutState(geometry: MIGGeometry(memorySlices: -1, computeSlices: 0, profiles: []), instances: []).recut(
                toFree: [19]) == .failure(.unknownProfile(19)))
    }

    @Test func aNodeGivesWhatCostsLeast() throws {
        let thin = (0..<7).map { spec("1g.5gb", $0) }
        let node = [state(idle: thin), state(), state(busy: [spec("3g.20gb", 0)], idle: [spec("3g.20gb", 4)])]
        let found = try NodeRecut.cheapest(on: node, toFree: ["3g.20gb", "3g.20gb"]).get()
        #expect(found.cost == 1 && found.parts.map(\.gpu) == [1, 2])
        let three = try NodeRecut.cheapest(on: node, toFree: Array(repeating: "3g.20gb", count: 3)).get()
        #expect(three.cost == 2)
        #expect(NodeRecut.cheapest(on: node, toFree: ["3g.20gb", "7g.80gb"]) == .failure(.unknownName("7g.80gb")))
        let whole = Array(repeating: "7g.40gb", count: 3)
        #expect(NodeRecut.cheapest(on: node, toFree: whole) == .failure(.nodeBusy))
        #expect(NodeRecut.cheapest(on: node, toFree: whole + whole) == .failure(.tooMuch))
        #expect(NodeRecut.cheapest(on: [], toFree: ["1g.5gb"]) == .failure(.unknownName("1g.5gb")))
        #expect(try NodeRecut.cheapest(on: [], toFree: []).get().parts.isEmpty)
    }

    @Test func namesMeanWhatEachGPUMeansByThem() throws {
        // 1g.10gb: fat on 40 GB, thin on 80 GB.
        let node = [
            RecutState(geometry: GPUModel.a100With40GB.geometry, instances: []),
            RecutState(geometry: GPUModel.a100With80GB.geometry, instances: []),
        ]
        let found = try NodeRecut.cheapest(on: node, toFree: Array(repeating: "1g.10gb", count: 11)).get()
        #expect(found.parts.map { $0.recut.free.count } == [4, 7])
        #expect(NodeRecut.cheapest(on: node, toFree: Array(repeating: "1g.10gb", count: 12)) == .failure(.tooMuch))
        #expect(
            NodeRecut.cheapest(on: node, toFree: Array(repeating: "1g.10gb", count: 3_000_000)) == .failure(.tooLarge))
    }
}
