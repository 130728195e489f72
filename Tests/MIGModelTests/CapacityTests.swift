import MIGModel
import Testing

/// What still fits beside a layout on an A100.
struct CapacityTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let layout: String
        let profile: MIGProfile.ID
        let open: String
        let capacity: Int
        var testDescription: String { word }
    }

    static let cases: [Case] = [
        Case(word: "1g on an empty GPU", layout: "", profile: 19, open: "0:1 1:1 2:1 3:1 4:1 5:1 6:1", capacity: 7),
        Case(word: "1g beside 3g at 0", layout: "9@0:4", profile: 19, open: "4:1 5:1 6:1", capacity: 3),
        Case(word: "1g beside 3g at 4", layout: "9@4:4", profile: 19, open: "0:1 1:1 2:1 3:1", capacity: 4),
        Case(word: "3g blocked by scattered 1g", layout: "19@0:1 19@4:1", profile: 9, open: "", capacity: 0),
        Case(
            word: "double where the last 1g would go", layout: "19@5:1", profile: 15, open: "0:2 2:2 6:2", capacity: 3),
        Case(word: "second +me", layout: "20@0:1", profile: 20, open: "", capacity: 0),
        Case(word: "first +me, many places", layout: "14@0:2", profile: 20, open: "2:1 3:1 4:1 5:1 6:1", capacity: 1),
        Case(word: "beside 7g", layout: "0@0:8", profile: 19, open: "", capacity: 0),
        Case(word: "unknown profile", layout: "", profile: 47, open: "", capacity: 0),
        Case(word: "invalid layout", layout: "9@0:4 19@0:1", profile: 19, open: "", capacity: 0),
    ]

    @Test(arguments: cases)
    func fits(test: Case) throws {
        let geometry = GPUModel.a100With40GB.geometry
        let layout = Layout(
            try test.layout.split(separator: " ").map { text in
                let parts = text.split(separator: "@")
                return MIGSpec(
                    profile: MIGProfile.ID(rawValue: try #require(Int(parts[0]))),
                    placement: try #require(Placement(String(parts[1]))))
            })
        let open = geometry.openPlacements(for: test.profile, in: layout)
        #expect(open.map(\.description).joined(separator: " ") == test.open)
        #expect(geometry.remainingCapacity(for: test.profile, in: layout) == test.capacity)
    }
}
