import Platform
import TestSupport
import Testing

/// What a placement decision costs, counted and never timed.
struct PlacementCostTests {
    struct Row {
        let leaves: Int
        let kind: Substring
        let placed: Int
        let stepsP99: Int
        let allocations: Int
    }

    static func rows(_ sizes: [Int]) throws -> [Row] {
        let run = try CapturedRun(
            try BuiltProduct.path("scheduling-benchmark"), sizes.map { "\($0)" }, environment: [:],
            limit: .seconds(300))
        #expect(run.end == .exited(code: 0), "\(run.errors)")
        return run.output.split(separator: "\n").dropFirst().compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 9, let leaves = Int(words[0]), let placed = Int(words[2]), let steps = Int(words[6]),
                let allocations = Int(words[8])
            else { return nil }
            return Row(leaves: leaves, kind: words[1], placed: placed, stepsP99: steps, allocations: allocations)
        }
    }

    /// From a thousand to a million leaves the logarithm doubles.
    @Test func stepsGrowWithTheLogarithmAndNothingIsAllocated() throws {
        let rows = try Self.rows([1_000, 1_000_000])
        #expect(rows.count == 4)
        for kind in ["fixed", "cut"] {
            let its = rows.filter { $0.kind == kind }
            try #require(its.count == 2)
            #expect(its[1].stepsP99 <= 2 * its[0].stepsP99, "\(kind): \(its[0].stepsP99), \(its[1].stepsP99)")
            for row in its {
                // -1 under a sanitizer, which has an allocator of its own.
                #expect(row.allocations <= 0)
                #expect(row.placed > 10_000, "the test is about placements")
            }
        }
    }
}
