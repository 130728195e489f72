import Collectives
import Testing

/// The pure decisions: how to wait, and whom to blame.
struct DecisionTests {
    @Test func waitsBySpinningThenYieldingThenSleeping() {
        var ladder = WaitLadder(spins: 3)
        var now = ContinuousClock.now
        let beginning = now
        for _ in 0..<3 { #expect(ladder.next(at: now).action == .spin) }
        for _ in 0..<10 { #expect(ladder.next(at: now).action == .yield) }
        now = beginning + .milliseconds(1)
        let sleeps = (0..<6).map { _ in ladder.next(at: now).action }
        #expect(sleeps == [50, 100, 200, 400, 800, 1000].map { .sleep(.microseconds($0)) })
        ladder.restart()
        #expect(ladder.next(at: now).action == .spin)
    }

    @Test func looksAtTheOthersEvery50Milliseconds() {
        var ladder = WaitLadder(spins: 0)
        let beginning = ContinuousClock.now
        // A tick of 10 ms, and a rank that comes at every third: that must not put the look off.
        let looks = (0..<21).filter { tick in
            if tick % 3 == 0 { ladder.restart() }
            let looks = ladder.next(at: beginning + .milliseconds(10 * tick)).looks
            return looks
        }
        #expect(looks.count >= 3)
        for (earlier, later) in zip(looks, looks.dropFirst()) { #expect((5...7).contains(later - earlier)) }
    }

    @Test func neverAsksTheClockWhileSpinning() {
        var ladder = WaitLadder(spins: 5)
        var asked = 0
        func clock() -> ContinuousClock.Instant {
            asked += 1
            return .now
        }
        for _ in 0..<5 { _ = ladder.next(at: clock()) }
        #expect(asked == 0)
    }

    private func seen(_ rank: Int, alive: Bool = true, _ state: RankState) -> Observation {
        Observation(rank: rank, isAlive: alive, state: state)
    }

    @Test func blamesTheFirstCause() {
        let passedOn = Fault(kind: .died, rank: 5)
        #expect(Fault.among([]) == nil)
        #expect(Fault.among([seen(0, .attached), seen(1, .attached)]) == nil)
        // Not there yet is neither dead nor gone.
        #expect(Fault.among([seen(0, alive: false, .absent)]) == nil)
        #expect(Fault.among([seen(0, .attached), seen(1, alive: false, .attached)]) == Fault(kind: .died, rank: 1))
        #expect(Fault.among([seen(3, .left)]) == Fault(kind: .left, rank: 3))
        // Left in order and ended since.
        #expect(Fault.among([seen(3, alive: false, .left)]) == Fault(kind: .left, rank: 3))
        // One that gave up because of another names that other, also when it has ended itself.
        #expect(Fault.among([seen(1, alive: false, .failed(passedOn))]) == passedOn)
        #expect(Fault.among([seen(0, .left), seen(1, .failed(passedOn))]) == passedOn)
        #expect(
            Fault.among([seen(0, .left), seen(1, .failed(passedOn)), seen(2, alive: false, .attached)])
                == Fault(kind: .died, rank: 2))
    }
}

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
