import Collectives
import Testing

/// Which group a rank gets into. A pure decision.
struct SplitGroupTests {
    /// A word, each rank's color (-1 for none) and key, and the new rank and size of each rank with a color.
    private static let cases: [(String, [(Int, Int)], [(Int, Int)?])] = [
        ("one group", [(0, 0), (0, 0), (0, 0)], [(0, 3), (1, 3), (2, 3)]),
        ("alone", [(5, 9)], [(0, 1)]),
        ("even and odd", [(0, 0), (1, 0), (0, 0), (1, 0)], [(0, 2), (0, 2), (1, 2), (1, 2)]),
        ("backwards", [(3, 2), (3, 1), (3, 0)], [(2, 3), (1, 3), (0, 3)]),
        ("equal keys", [(3, 1), (3, 0), (3, 1), (3, 0)], [(2, 4), (0, 4), (3, 4), (1, 4)]),
        ("negative keys", [(0, 0), (0, -5), (0, .min)], [(2, 3), (1, 3), (0, 3)]),
        ("some in none", [(-1, 0), (7, 0), (-1, 3), (7, -1)], [nil, (1, 2), nil, (0, 2)]),
        ("all apart", [(2, 0), (1, 0), (.max, 0)], [(0, 1), (0, 1), (0, 1)]),
    ]

    private func entries(_ ranks: [(Int, Int)]) -> [SplitGroup.Entry] {
        ranks.enumerated().map { SplitGroup.Entry(color: $1.0, key: $1.1, token: UInt64(1000 + $0)) }
    }

    @Test(arguments: cases.indices)
    func ordersByKeyAndThenByRank(index: Int) {
        let (word, ranks, expected) = Self.cases[index]
        for (rank, place) in expected.enumerated() {
            guard let place else { continue }
            let group = SplitGroup(of: rank, among: entries(ranks))
            #expect((group.rank, group.size) == place, "\(word), rank \(rank)")
        }
    }

    @Test func aGroupHasOneNameAndNoOtherHasIt() {
        let entries = entries([(0, 1), (1, 0), (0, 0), (1, 0)])
        let names = (0..<4).map { SplitGroup(of: $0, among: entries).name(in: "job-0", split: 3) }
        // The number of the group's first rank: 1002 for ranks 2 and 0, 1001 for ranks 1 and 3.
        #expect(names == ["job-0-s3-3ea", "job-0-s3-3e9", "job-0-s3-3ea", "job-0-s3-3e9"])
    }

    @Test func aLongNameStaysAName() {
        let parent = String(repeating: "p", count: 210)
        let name = SplitGroup(of: 0, among: entries([(0, 0)])).name(in: parent, split: .max)
        #expect(name.count <= 200)
        #expect(name.hasPrefix(String(repeating: "p", count: 150)))
    }
}
