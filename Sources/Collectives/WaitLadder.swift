/// What to do next while waiting for another rank's store: spin, then yield, then sleep.
///
/// A value that only decides. Spinning is for ranks that each have a processor; yielding hands the processor to the
/// rank that is waited for; sleeping leaves it to the computation of a rank that is late. Times are the clock's, not
/// counts of calls, because on a busy machine a yield can last for milliseconds.
package struct WaitLadder {
    package enum Action: Hashable {
        case spin
        case yield
        case sleep(Duration)
    }

    /// About 20 to 50 microseconds of spinning.
    package static let spins = 1000
    package static let yielding = Duration.milliseconds(1)
    package static let shortestSleep = Duration.microseconds(50)
    package static let longestSleep = Duration.milliseconds(1)
    /// How often to look whether the awaited ranks live. A tenth and less of the second within which their death
    /// must be known, so that it holds on a machine with many ready processes as well.
    package static let lookEvery = Duration.milliseconds(50)

    private let spins: Int
    private var spun = 0
    private var beginning: ContinuousClock.Instant?
    private var lastLook: ContinuousClock.Instant?
    private var nextSleep = Self.shortestSleep

    /// - Parameter spins: 0 where the ranks outnumber the processors.
    package init(spins: Int) { self.spins = spins }

    /// The next action, and whether the awaited ranks' lives must be looked at first.
    ///
    /// - Parameter now: asked for only after spinning.
    package mutating func next(at now: @autoclosure () -> ContinuousClock.Instant) -> (action: Action, looks: Bool) {
        if spun < spins {
            spun += 1
            return (.spin, false)
        }
        let now = now()
        let looks = lastLook.map { now - $0 >= Self.lookEvery } ?? false
        if looks || lastLook == nil { lastLook = now }
        guard let beginning else {
            beginning = now
            return (.yield, looks)
        }
        if now - beginning < Self.yielding { return (.yield, looks) }
        let sleep = nextSleep
        nextSleep = min(sleep * 2, Self.longestSleep)
        return (.sleep(sleep), looks)
    }

    /// Begins again at the first rung because one of the awaited ranks has come: the others are near. The looks go
    /// on at their own pace.
    package mutating func restart() {
        spun = 0
        beginning = nil
        nextSleep = Self.shortestSleep
    }
}
