/// What to do next while waiting for another rank's store: spin, then yield, then sleep until it rings.
///
/// A value that only decides. Spinning is for ranks that each have a processor; yielding hands the processor to the
/// rank that is waited for; sleeping leaves it to the computation of a rank that is late. Times are the clock's, not
/// counts of calls, because on a busy machine a yield can last for milliseconds.
package struct WaitLadder {
    package enum Action: Hashable {
        case spin
        case yield
        /// Until the awaited rank rings, but no longer than until the next look.
        case sleep(Duration)
    }

    /// Some 20 to 50 microseconds of spinning.
    package static let spins = 1000
    /// From the first yield to the first sleep; so a waiting rank costs no processor time after 2 milliseconds.
    package static let yielding = Duration.milliseconds(1)

    private let spins: Int
    private let lookEvery: Duration
    package private(set) var spun = 0
    package private(set) var beginning: ContinuousClock.Instant?
    private var lastLook: ContinuousClock.Instant?

    /// - Parameter spins: 0 where the ranks outnumber the processors.
    /// - Parameter lookEvery: how often to look whether the awaited ranks live.
    package init(spins: Int, lookEvery: Duration) {
        self.spins = spins
        self.lookEvery = lookEvery
    }

    /// The next action, and whether the awaited ranks' lives must be looked at first.
    ///
    /// - Parameter now: asked for only after spinning.
    package mutating func next(at now: @autoclosure () -> ContinuousClock.Instant) -> (action: Action, looks: Bool) {
        if spun < spins {
            spun += 1
            return (.spin, false)
        }
        let now = now()
        guard let beginning, let last = lastLook else {
            beginning = now
            lastLook = now
            return (.yield, false)
        }
        let looks = now - last >= lookEvery
        if looks { lastLook = now }
        if now - beginning < Self.yielding { return (.yield, looks) }
        return (.sleep(looks ? lookEvery : lookEvery - (now - last)), looks)
    }
}
