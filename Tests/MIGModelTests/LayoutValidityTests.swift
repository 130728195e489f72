import MIGModel
import Testing

struct LayoutValidityTests {
    static let a100 = GPUModel.a100With40GB.geometry

    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        var geometry = LayoutValidityTests.a100
        let specs: [MIGSpec]
        let problem: LayoutProblem?
        var testDescription: String { word }
    }

    static func spec(_ profile: MIGProfile.ID, _ start: Int, _ size: Int) -> MIGSpec {
        MIGSpec(profile: profile, placement: Placement(start: start, size: size))
    }

    static let cases: [Case] = [
        Case(word: "empty", specs: [], problem: nil),
        Case(word: "4g and 3g", specs: [spec(5, 0, 4), spec(9, 4, 4)], problem: nil),
        Case(word: "six thin and a fat", specs: (0..<6).map { spec(19, $0, 1) } + [spec(15, 6, 2)], problem: nil),
        Case(word: "unknown profile", specs: [spec(47, 0, 1)], problem: .unknownProfile(spec(47, 0, 1))),
        Case(
            word: "1g on the slice without compute", specs: [spec(19, 7, 1)],
            problem: .illegalPlacement(spec(19, 7, 1), legal: (0..<7).map { Placement(start: $0, size: 1) })),
        Case(
            word: "right start, wrong size", specs: [spec(9, 0, 3)],
            problem: .illegalPlacement(
                spec(9, 0, 3), legal: [Placement(start: 0, size: 4), Placement(start: 4, size: 4)])),
        Case(
            word: "the same instance twice", specs: [spec(19, 0, 1), spec(19, 0, 1)],
            problem: .overlap(spec(19, 0, 1), spec(19, 0, 1))),
        Case(
            word: "2g over 1g, given in reverse", specs: [spec(19, 3, 1), spec(14, 2, 2)],
            problem: .overlap(spec(14, 2, 2), spec(19, 3, 1))),
        Case(
            word: "7g and anything", specs: [spec(0, 0, 8), spec(19, 6, 1)],
            problem: .overlap(spec(0, 0, 8), spec(19, 6, 1))),
        Case(
            word: "two +me", specs: [spec(20, 0, 1), spec(20, 1, 1)],
            problem: .tooManyInstances(of: 20, maximum: 1)),
        Case(
            word: "two different +me of an A30", geometry: GPUModel.a30.geometry,
            specs: [spec(21, 0, 1), spec(6, 2, 2)],
            problem: .notEnough(.jpegDecoders, wanted: 2, available: 1)),
        Case(
            word: "+me beside plain on an A30", geometry: GPUModel.a30.geometry,
            specs: [spec(6, 0, 2), spec(14, 2, 1), spec(14, 3, 1)], problem: nil),
    ]

    @Test(arguments: cases)
    func firstProblem(test: Case) {
        let layout = Layout(test.specs)
        #expect(test.geometry.problem(in: layout) == test.problem)
        #expect(test.geometry.isValid(layout) == (test.problem == nil))
    }

    /// A geometry as a driver may answer it: too few compute slices for its own placements.
    @Test func computeSlicesAreCounted() {
        var geometry = Self.a100
        geometry.computeSlices = 6
        let layout = Layout((0..<7).map { Self.spec(19, $0, 1) })
        #expect(geometry.problem(in: layout) == .notEnough(.computeSlices, wanted: 7, available: 6))
    }

    /// Engines are only added up against a profile that spans the GPU.
    @Test func enginesWithoutAWholeAreNotCounted() {
        var geometry = GPUModel.a30.geometry
        geometry.profiles.removeAll { $0.id == 0 }
        #expect(geometry.isValid(Layout([Self.spec(21, 0, 1), Self.spec(6, 2, 2)])))
        #expect(geometry.total(of: .decoders) == nil)
        #expect(geometry.total(of: .computeSlices) == 4)
    }

    /// Random layouts of every model against a slow judge that paints slices and counts by hand.
    @Test(arguments: GPUModel.all)
    func agreesWithPaintedSlices(model: GPUModel) {
        let seed: UInt64 = 20_251_122
        var random = SplitMix(state: seed)
        let geometry = model.geometry
        let specs = geometry.profiles.flatMap { profile in
            profile.placements.map { MIGSpec(profile: profile.id, placement: $0) }
        }
        for _ in 0..<5000 {
            let chosen = (0..<Int.random(in: 0...5, using: &random)).compactMap { _ in
                specs.randomElement(using: &random)
            }
            var painted: [Int: Int] = [:]
            for spec in chosen {
                for slice in spec.placement.start..<spec.placement.end { painted[slice, default: 0] += 1 }
            }
            let attributes = chosen.map { geometry.profile(id: $0.profile)?.attributes ?? "" }
            // One instance may have the only optical flow accelerator; who takes all media engines leaves none.
            let media = attributes.count { $0.hasPrefix("+me") }
            let hasRoom = !attributes.contains("+me.all") || attributes.count { $0 != "-me" } == 1
            let expected = painted.values.allSatisfy { $0 == 1 } && media <= 1 && hasRoom
            #expect(
                geometry.isValid(Layout(chosen)) == expected,
                "seed \(seed): \(Layout(chosen).description(on: geometry))")
        }
    }

    @Test func problemsReadWell() {
        let overlap = LayoutProblem.overlap(Self.spec(14, 2, 2), Self.spec(19, 3, 1))
        #expect(overlap.description == "14@2:2 and 19@3:1 overlap")
        #expect(overlap.description(on: Self.a100) == "2g.10gb@2:2 and 1g.5gb@3:1 overlap")
        let many = LayoutProblem.tooManyInstances(of: 20, maximum: 1)
        #expect(many.description(on: Self.a100) == "more than 1 x 1g.5gb+me, the most that this GPU takes")
        let illegal = LayoutProblem.illegalPlacement(Self.spec(5, 4, 4), legal: [Placement(start: 0, size: 4)])
        #expect(illegal.description(on: Self.a100) == "4g.20gb@4:4: this profile can only lie at 0:4")
        #expect(LayoutProblem.unknownProfile(Self.spec(47, 0, 1)).description == "47@0:1: this GPU has no profile 47")
        #expect(
            LayoutProblem.notEnough(.decoders, wanted: 6, available: 5).description
                == "6 video decoders wanted, 5 available")
    }
}

/// SplitMix64: a random sequence that is the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
