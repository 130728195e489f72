import DigitsModel
import Testing

struct RankShareTests {
    @Test(arguments: [
        ("even", 8, [1, 1, 1, 1], [2, 2, 2, 2]),
        ("the rest goes to the lower ranks", 10, [1, 1, 1, 1], [3, 3, 2, 2]),
        ("fewer than ranks", 2, [1, 1, 1], [1, 1, 0]),
        ("none", 0, [1, 1], [0, 0]),
        ("in proportion", 64, [0.5, 0.25, 0.25], [32, 16, 16]),
        ("need not sum to 1", 64, [0.2, 0.1, 0.1], [32, 16, 16]),
        ("by largest remainder", 10, [0.55, 0.27, 0.18], [5, 3, 2]),
        ("idle rank", 7, [0, 1], [0, 7]),
        ("all idle counts as equal", 4, [0, 0], [2, 2]),
        ("alone", 5, [0.3], [5]),
    ])
    func deals(_ word: String, total: Int, shares: [Double], parts: [Int]) {
        #expect(RankShare.deal(total, by: shares) == parts)
    }

    @Test func dealsEveryDigitOnceForAllTotalsAndShares() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let ranks = Int.random(in: 1...8, using: &generator)
            let shares = (0..<ranks).map { _ in Double.random(in: 0...1, using: &generator) }
            let total = Int.random(in: 0...200, using: &generator)
            let ranges = shares.indices.map { RankShare.range(of: $0, in: total, by: shares) }
            #expect(ranges.flatMap(Array.init) == Array(0..<total), "seed \(seed)")
            for (part, share) in zip(ranges.map(\.count), shares) {
                let exact = Double(total) * share / shares.reduce(0, +)
                #expect(abs(Double(part) - exact) < 1, "seed \(seed)")
            }
        }
    }

    @Test func readsTheVariable() throws {
        #expect(try RankShare.parse(nil, ranks: 4) == 0.25)
        #expect(try RankShare.parse("", ranks: 2) == 0.5)
        #expect(try RankShare.parse("0.375", ranks: 2) == 0.375)
        for text in ["1.5", "-0.1", "nan", "half", "inf"] {
            #expect {
                try RankShare.parse(text, ranks: 2)
            } throws: { error in
                "\(error)" == "FLEXMIG_RANK_SHARE is \"\(text)\"; allowed is a decimal number from 0 to 1"
            }
        }
    }
}
