import MIGModel
import Testing

struct PlacementTests {
    /// Every pair of placements within 9 slices, sizes 0 to 9, against sets of slices.
    @Test func overlapIsASharedSlice() {
        let placements = (0..<9).flatMap { start in (0...(9 - start)).map { Placement(start: start, size: $0) } }
        for left in placements {
            let leftSlices = Set(left.start..<left.end)
            for right in placements {
                let share = !leftSlices.isDisjoint(with: Set(right.start..<right.end))
                #expect(left.overlaps(right) == share, "\(left) and \(right)")
            }
        }
    }

    @Test func ordersByStartThenSize() {
        let texts = ["4:4", "0:8", "4:2", "0:1"]
        #expect(texts.compactMap { Placement($0) }.sorted().map(\.description) == ["0:1", "0:8", "4:2", "4:4"])
    }

    @Test(
        arguments: [
            ("start and size", "4:2", Placement(start: 4, size: 2)),
            ("size zero", "4:0", nil),
            ("no size", "4:", nil),
            ("no start", ":2", nil),
            ("no colon", "42", nil),
            ("two colons", "4:2:1", nil),
            ("sign", "+4:2", nil),
            ("space", "4: 2", nil),
            ("other digits", "４:2", nil),
            ("too large", "9223372036854775807:1", nil),
        ] as [(String, String, Placement?)])
    func parsing(what: String, text: String, expected: Placement?) {
        #expect(Placement(text) == expected, "\(what)")
    }
}
