import Collectives
import Testing

/// How a rank waits. A pure decision.
struct WaitLadderTests {
    @Test func spinsThenYieldsForAMillisecondThenSleeps() {
        var ladder = WaitLadder(spins: 3, lookEvery: .milliseconds(200))
        let beginning = ContinuousClock.now
        for _ in 0..<3 { #expect(ladder.next(at: beginning).action == .spin) }
        // By the clock and not by the number of yields.
        for microseconds in [0, 1, 500, 999] {
            #expect(ladder.next(at: beginning + .microseconds(microseconds)).action == .yield)
        }
        #expect(ladder.next(at: beginning + .milliseconds(1)) == (.sleep(.milliseconds(199)), false))
        #expect(ladder.spun == 3)
        #expect(ladder.beginning == beginning)
    }

    @Test func withoutSpinsItYieldsAtOnce() {
        var ladder = WaitLadder(spins: 0, lookEvery: .milliseconds(200))
        let beginning = ContinuousClock.now
        #expect(ladder.next(at: beginning) == (.yield, false))
        #expect(ladder.next(at: beginning + .milliseconds(1)).action == .sleep(.milliseconds(199)))
    }

    /// The longest sleep ends where the next look is due.
    @Test func looksAtTheOthersAtEveryInterval() {
        var ladder = WaitLadder(spins: 0, lookEvery: .milliseconds(50))
        let beginning = ContinuousClock.now
        let looks = stride(from: 0, through: 500, by: 10).filter { milliseconds in
            ladder.next(at: beginning + .milliseconds(milliseconds)).looks
        }
        #expect(looks == Array(stride(from: 50, through: 500, by: 50)))
        #expect(ladder.next(at: beginning + .milliseconds(520)) == (.sleep(.milliseconds(30)), false))
        // Late, as on a busy machine: one look, and the next a whole interval later.
        #expect(ladder.next(at: beginning + .milliseconds(740)) == (.sleep(.milliseconds(50)), true))
        #expect(ladder.next(at: beginning + .milliseconds(741)) == (.sleep(.milliseconds(49)), false))
    }

    @Test func looksWhileYieldingAsWell() {
        var ladder = WaitLadder(spins: 0, lookEvery: .microseconds(300))
        let beginning = ContinuousClock.now
        _ = ladder.next(at: beginning)
        #expect(ladder.next(at: beginning + .microseconds(299)) == (.yield, false))
        #expect(ladder.next(at: beginning + .microseconds(300)) == (.yield, true))
    }

    @Test func neverAsksTheClockWhileSpinning() {
        var ladder = WaitLadder(spins: 5, lookEvery: .seconds(1))
        var asked = 0
        func clock() -> ContinuousClock.Instant {
            asked += 1
            return .now
        }
        for _ in 0..<5 { _ = ladder.next(at: clock()) }
        #expect(asked == 0)
        _ = ladder.next(at: clock())
        #expect(asked == 1)
        #expect(ladder.beginning != nil)
    }

    @Test(arguments: [
        (WaitLimits(), Duration.milliseconds(200)),
        (WaitLimits(timeout: .seconds(0.5)), .milliseconds(100)),
        (WaitLimits(deathTimeout: .milliseconds(50)), .milliseconds(10)),
    ])
    func looksSeveralTimesWithinEveryLimit(limits: WaitLimits, interval: Duration) {
        #expect(limits.lookEvery == interval)
    }
}
