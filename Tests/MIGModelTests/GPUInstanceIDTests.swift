import MIGModel
import Testing

struct GPUInstanceIDTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        var model: GPUModel = .a100With40GB
        let profile: MIGProfile.ID
        let placement: String
        var taken: Set<GPUInstanceID> = []
        let expected: GPUInstanceID?
        var testDescription: String { word }
    }

    static let cases: [Case] = [
        Case(word: "7g is the root", profile: 0, placement: "0:8", expected: 0),
        Case(word: "4g", profile: 5, placement: "0:4", expected: 1),
        Case(word: "3g at 0", profile: 9, placement: "0:4", expected: 1),
        Case(word: "3g at 4", profile: 9, placement: "4:4", expected: 2),
        Case(word: "2g at 0", profile: 14, placement: "0:2", expected: 3),
        Case(word: "2g at 2, seen on hardware", profile: 14, placement: "2:2", expected: 4),
        Case(word: "2g at 4, seen on hardware", profile: 14, placement: "4:2", expected: 5),
        Case(word: "double at 6", profile: 15, placement: "6:2", expected: 6),
        Case(word: "1g at 0", profile: 19, placement: "0:1", expected: 7),
        Case(word: "1g at 6, seen on hardware", profile: 19, placement: "6:1", expected: 13),
        Case(word: "+me as 1g", profile: 20, placement: "3:1", expected: 10),
        Case(word: "A30 1g at 0, seen on hardware", model: .a30, profile: 14, placement: "0:1", expected: 3),
        Case(word: "A30 1g at 3, seen on hardware", model: .a30, profile: 14, placement: "3:1", expected: 6),
        Case(word: "A30 2g at 0", model: .a30, profile: 5, placement: "0:2", expected: 1),
        Case(word: "A30 2g at 2, seen on hardware", model: .a30, profile: 5, placement: "2:2", expected: 2),
        Case(word: "A30 4g", model: .a30, profile: 0, placement: "0:4", expected: 0),
        Case(word: "the ID itself is taken", profile: 19, placement: "0:1", taken: [7], expected: nil),
        Case(word: "an ID above is taken", profile: 19, placement: "0:1", taken: [1], expected: nil),
        Case(word: "the root is taken", profile: 19, placement: "0:1", taken: [0], expected: nil),
        Case(word: "an ID below is taken", profile: 9, placement: "4:4", taken: [13], expected: nil),
        Case(word: "anything under the root", profile: 0, placement: "0:8", taken: [14], expected: nil),
        Case(word: "neighbours do not matter", profile: 19, placement: "0:1", taken: [8, 4, 2], expected: 7),
        Case(word: "IDs outside the tree do not matter", profile: 19, placement: "0:1", taken: [-1, 99], expected: 7),
        Case(word: "unknown profile", profile: 47, placement: "0:1", expected: nil),
        Case(word: "illegal placement", profile: 19, placement: "7:1", expected: nil),
    ]

    @Test(arguments: cases)
    func identifier(test: Case) throws {
        let spec = MIGSpec(profile: test.profile, placement: try #require(Placement(test.placement)))
        #expect(test.model.geometry.gpuInstanceID(for: spec, taken: test.taken) == test.expected)
    }

    /// The kernel's own table: which IDs each memory slice excludes. Two instances conflict in the tree if and only if they overlap.
    @Test func agreesWithTheSliceTable() throws {
        let excludedBySlice: [Set<Int>] = [
            [0, 1, 3, 7], [0, 1, 3, 8], [0, 1, 4, 9], [0, 1, 4, 10],
            [0, 2, 5, 11], [0, 2, 5, 12], [0, 2, 6, 13], [0, 2, 6, 14],
        ]
        let geometry = GPUModel.h100.geometry
        let specs = geometry.profiles.flatMap { profile in
            profile.placements.map { MIGSpec(profile: profile.id, placement: $0) }
        }
        for spec in specs {
            let id = try #require(geometry.gpuInstanceID(for: spec, taken: []))
            let slices = (0..<8).filter { excludedBySlice[$0].contains(id.rawValue) }
            #expect(slices == Array(spec.placement.start..<spec.placement.end), "\(spec)")
            for other in specs {
                let allowed = geometry.gpuInstanceID(for: other, taken: [id]) != nil
                #expect(allowed == !other.placement.overlaps(spec.placement), "\(other) beside \(spec)")
            }
        }
    }

    /// In any order of creation a valid layout gets an ID for every instance, and they are all different.
    @Test(arguments: GPUModel.all)
    func everyLayoutCanBeNumbered(model: GPUModel) {
        for layout in model.geometry.maximalLayouts() {
            for specs in [layout.specs, layout.specs.reversed()] {
                var taken: Set<GPUInstanceID> = []
                for spec in specs {
                    guard let id = model.geometry.gpuInstanceID(for: spec, taken: taken) else { continue }
                    taken.insert(id)
                }
                #expect(taken.count == layout.specs.count, "\(layout)")
            }
        }
    }

    @Test func aGeometryWithoutATreeHasNoIDs() throws {
        var geometry = GPUModel.a100With40GB.geometry
        geometry.memorySlices = 7
        let spec = MIGSpec(profile: 19, placement: Placement(start: 0, size: 1))
        #expect(geometry.gpuInstanceID(for: spec, taken: []) == nil)
    }
}
