import MIGModel
import Testing

/// Placements for profiles that have none, against all layouts that there are.
struct PlacingTests {
    /// Every legal multiset is placed, in whatever order it is written: forwards, backwards, and with half of it placed.
    @Test(arguments: GPUModel.all)
    func everyLegalMultiset(model: GPUModel) throws {
        for layout in model.geometry.placedLayouts() {
            let profiles = layout.specs.map(\.profile)
            for order in [profiles, profiles.reversed()] {
                let found = try model.geometry.placing(order, beside: []).get()
                #expect(model.geometry.isValid(found), "\(layout)")
                #expect(found.specs.map(\.profile.rawValue).sorted() == profiles.map(\.rawValue).sorted(), "\(layout)")
            }
            let half = Array(layout.specs.prefix(layout.specs.count / 2))
            let found = try model.geometry.placing(Array(profiles.dropFirst(half.count)), beside: half).get()
            #expect(Set(half).isSubset(of: found.specs) && model.geometry.isValid(found), "\(layout)")
        }
    }

    /// What exists is kept as far as any legal choice could keep it.
    @Test func keepsTheMost() throws {
        let geometry = GPUModel.a100With40GB.geometry
        let all = geometry.placedLayouts(using: [19, 15, 14, 9, 5])
        for (index, there) in all.enumerated() where index.isMultiple(of: 37) {
            for (other, wanted) in all.enumerated() where other.isMultiple(of: 31) {
                let profiles = wanted.specs.map(\.profile.rawValue).sorted()
                let best = all.filter { $0.specs.map(\.profile.rawValue).sorted() == profiles }
                    .map { $0.specs.count { there.specs.contains($0) } }.max()
                let found = try geometry.placing(wanted.specs.map(\.profile), beside: []) {
                    there.specs.contains($0) ? 1 : 0
                }.get()
                #expect(found.specs.count { there.specs.contains($0) } == best, "\(there) to \(wanted)")
            }
        }
    }

    /// The trap of first fits: a 3g at the first place would leave none for a 4g.
    @Test func orderIsNoTrap() throws {
        let geometry = GPUModel.a100With40GB.geometry
        #expect(try "\(geometry.placing([9, 5], beside: []).get())" == "5@0:4 9@4:4")
        #expect(try "\(geometry.placing([19, 19, 14, 9], beside: []).get())" == "19@0:1 19@1:1 14@2:2 9@4:4")
    }

    @Test(arguments: [
        ("unknown", [99] as [MIGProfile.ID], "99@0:0: this GPU has no profile 99"),
        ("too many", [5, 5], "more than 1 x 4g.20gb, the most that this GPU takes"),
        (
            "legal one by one", [15, 15, 15, 15, 19],
            "no placements have room for 1g.10gb, 1g.10gb, 1g.10gb, 1g.10gb, 1g.5gb"
        ),
        ("compute slices", [0, 19], "8 compute slices wanted, 7 available"),
    ])
    func impossible(what: String, profiles: [MIGProfile.ID], words: String) throws {
        let geometry = GPUModel.a100With40GB.geometry
        let problem = try #require(throws: LayoutProblem.self) { try geometry.placing(profiles, beside: []).get() }
        #expect(problem.description(on: geometry) == words, "\(what)")
    }

    @Test func besideWhatIsPlaced() throws {
        let geometry = GPUModel.a100With40GB.geometry
        let placed = MIGSpec(profile: 19, placement: Placement(start: 5, size: 1))
        let problem = try #require(throws: LayoutProblem.self) { try geometry.placing([9, 9], beside: [placed]).get() }
        #expect(problem.description(on: geometry) == "no placements have room for 3g.20gb, 3g.20gb beside 1g.5gb@5:1")
        let overlapping = [placed, MIGSpec(profile: 9, placement: Placement(start: 4, size: 4))]
        #expect(throws: LayoutProblem.self) { try geometry.placing([], beside: overlapping).get() }
    }

    /// A driver may answer anything: the search ends.
    @Test func absurdGeometry() {
        let profiles = (0..<8).map { number in
            MIGProfile(
                name: "1g.\(number)gb", id: .init(rawValue: number), index: number, computeSlices: 1, memorySlices: 2,
                memoryMiB: nil, multiprocessors: nil, engines: Engines(copy: 1),
                placements: (0..<30).map { Placement(start: $0, size: 2) }, maximumInstances: 64,
                computeInstanceProfile: 0, evidence: .driver)
        }
        let geometry = MIGGeometry(memorySlices: 31, computeSlices: 64, profiles: profiles)
        let wanted = (0..<24).map { MIGProfile.ID(rawValue: $0 % 8) }
        #expect(throws: LayoutProblem.self) { try geometry.placing(wanted, beside: []).get() }
    }
}
