import MIGModel
import Testing

/// Counts of placed layouts, known from NVIDIA's documents (the 19 of A100) and from an enumeration made elsewhere.
struct LayoutEnumerationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let model: GPUModel
        let profiles: [MIGProfile.ID]
        let placed: Int
        let maximal: Int
        /// Maximal layouts when only the number of each profile counts.
        let multisets: Int
        var testDescription: String { word }
    }

    static let plain: [MIGProfile.ID] = [19, 14, 9, 5, 0]
    static let cases: [Case] = [
        Case(
            word: "A100 without double", model: .a100With40GB, profiles: plain, placed: 297, maximal: 19, multisets: 14),
        Case(
            word: "A100 with double", model: .a100With40GB, profiles: plain + [15], placed: 722, maximal: 78,
            multisets: 38),
        Case(word: "H200 with double", model: .h200, profiles: plain + [15], placed: 722, maximal: 78, multisets: 38),
        Case(word: "A30 plain", model: .a30, profiles: [14, 5, 0], placed: 25, maximal: 5, multisets: 4),
        Case(word: "whole GPU only", model: .h100, profiles: [0], placed: 1, maximal: 1, multisets: 1),
        Case(word: "+me only: one at a time", model: .h100, profiles: [20], placed: 7, maximal: 7, multisets: 1),
        Case(word: "unknown profile", model: .h100, profiles: [99], placed: 0, maximal: 0, multisets: 0),
    ]

    @Test(arguments: cases)
    func counts(test: Case) {
        let placed = test.model.geometry.placedLayouts(using: test.profiles)
        let maximal = test.model.geometry.maximalLayouts(using: test.profiles)
        #expect(placed.count == test.placed)
        #expect(Set(placed).count == placed.count, "a layout twice")
        #expect(maximal.count == test.maximal)
        #expect(Set(maximal).isSubset(of: Set(placed)))
        #expect(Set(maximal.map { $0.specs.map(\.profile.rawValue).sorted() }).count == test.multisets)
        #expect(placed.allSatisfy { !$0.specs.isEmpty })
    }

    /// All subsets of all specs of the plain and double profiles, judged slice by slice with bit masks.
    @Test func agreesWithAllSubsets() {
        let geometry = GPUModel.a100With40GB.geometry
        let specs = geometry.profiles.filter { $0.id != 20 }.flatMap { profile in
            profile.placements.map { MIGSpec(profile: profile.id, placement: $0) }
        }
        #expect(specs.count == 18)
        let masks = specs.map { ((1 << $0.placement.size) - 1) << $0.placement.start }
        var expected: Set<Layout> = []
        for subset in 1..<(1 << specs.count) {
            var used = 0
            var free = true
            for member in specs.indices where subset & (1 << member) != 0 {
                if used & masks[member] != 0 { free = false }
                used |= masks[member]
            }
            if free { expected.insert(Layout(specs.indices.filter { subset & (1 << $0) != 0 }.map { specs[$0] })) }
        }
        #expect(expected.count == 722)
        #expect(Set(geometry.placedLayouts(using: LayoutEnumerationTests.plain + [15])) == expected)
    }

    /// With all profiles, +me included: every layout is valid, and the maximal ones are those that no placement can extend.
    @Test(arguments: GPUModel.all)
    func agreesWithValidity(model: GPUModel) {
        let geometry = model.geometry
        let placed = geometry.placedLayouts()
        #expect(placed.allSatisfy { geometry.isValid($0) })
        let maximal = placed.filter { layout in
            geometry.profiles.allSatisfy { geometry.openPlacements(for: $0.id, in: layout).isEmpty }
        }
        #expect(geometry.maximalLayouts() == maximal)
    }

    /// At most one instance may be +me, so a layout has its plain form and one more for each instance that has a +me twin.
    @Test(arguments: [("a100-40gb", [19, 14, 9, 5, 0, 15], [19], 2318), ("a30-24gb", [14, 5, 0], [14, 5], 75)])
    func mediaVariants(model: String, plain: [Int], twins: [Int], expected: Int) throws {
        let geometry = try #require(GPUModel.named(model)).geometry
        let layouts = geometry.placedLayouts(using: plain.map { MIGProfile.ID(rawValue: $0) })
        let counted = layouts.reduce(0) { sum, layout in
            sum + 1 + layout.specs.count { twins.contains($0.profile.rawValue) }
        }
        #expect(counted == expected)
        #expect(geometry.placedLayouts().count == expected)
    }

    /// Four starts but at most two instances: 4 layouts with one, 6 with two.
    @Test func maximumInstancesBind() {
        var geometry = GPUModel.a30.geometry
        for row in geometry.profiles.indices { geometry.profiles[row].maximumInstances = 2 }
        #expect(geometry.placedLayouts(using: [14]).count == 10)
        #expect(geometry.maximalLayouts(using: [14]).count == 6)
    }

    /// A driver may answer anything: nonsense placements and doubled rows are dropped, nothing traps.
    @Test func nonsenseIsIgnored() throws {
        var profile = try #require(GPUModel.a30.geometry.profile(named: "1g.6gb"))
        profile.placements = [
            Placement(start: -1, size: 1), Placement(start: 0, size: 0), Placement(start: 3, size: 4),
            Placement(start: 0, size: 1), Placement(start: 0, size: 1),
        ]
        let geometry = MIGGeometry(memorySlices: 4, computeSlices: 4, profiles: [profile, profile])
        #expect(geometry.placedLayouts().map { $0.description(on: geometry) } == ["1g.6gb@0:1"])
        #expect(MIGGeometry(memorySlices: -1, computeSlices: 0, profiles: [profile]).maximalLayouts().isEmpty)
    }
}
