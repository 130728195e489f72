import Collectives
import Testing

/// What a rank concludes while rank 0 has not let it in.
struct RendezvousWatchTests {
    private static func segment(
        _ file: UInt64, published: Bool = true, alive: Bool = false
    ) -> RendezvousWatch.Sighting {
        .segment(file: file, isPublished: published, isAlive: alive)
    }

    /// A word per case, what is seen and when in milliseconds, and whether the last sighting shows rank 0's death.
    private static let cases: [(String, [(Int, RendezvousWatch.Sighting)], Bool)] = [
        ("nothing", [(0, .nothing), (9000, .nothing)], false),
        ("what lay there before", [(0, segment(1)), (9000, segment(1))], false),
        ("unfinished before", [(0, segment(1, published: false)), (9000, segment(1, published: false))], false),
        ("new", [(0, .nothing), (1, segment(1))], true),
        ("new after a leftover", [(0, segment(1)), (1, segment(2, alive: true)), (2, segment(2))], true),
        (
            "in the making",
            [(0, .nothing), (1, segment(1, published: false)), (400, segment(1, published: false))], false
        ),
        ("never made", [(0, .nothing), (1, segment(1, published: false)), (501, segment(1, published: false))], true),
        (
            "each new one has time",
            [(0, .nothing), (1, segment(1, published: false)), (501, segment(2, published: false))], false
        ),
        ("slow but alive", [(0, .nothing), (9000, segment(1, published: false, alive: true))], false),
    ]

    @Test(arguments: cases.indices)
    func showsDeath(index: Int) {
        let (word, sightings, isDeath) = Self.cases[index]
        let beginning = ContinuousClock.now
        var watch = RendezvousWatch()
        let verdicts = sightings.map { watch.showsDeath($1, at: beginning + .milliseconds($0)) }
        #expect(verdicts.dropLast().allSatisfy { !$0 } && verdicts.last == isDeath, "\(word)")
    }
}
