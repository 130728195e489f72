/// Where a connection is in its life: a value that only decides. Time, locks and memory come in as events.
package struct ConnectionLife: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        case open
        /// The other side is gone, but what it sent before may still be in the ring.
        case draining(Departure)
        /// Every request that is not done yet fails with this; the first cause stays.
        case failed(Cause)
        /// Closed on this side. Nothing is copied any more.
        case closed
    }

    /// How the other side went.
    package enum Departure: Hashable, Sendable { case left, died }

    package enum Cause: Hashable, Sendable {
        case gone(Departure)
        case mismatch(ReceiveProgress.Mismatch)
        /// It lives, but nothing moved for the time that the environment allows.
        case late
        /// Its life could not be seen.
        case unseen
    }

    package enum Event: Hashable, Sendable {
        case peerWent(Departure)
        /// Something is waited for and nothing is in the ring: seen after the last look at the other side.
        case nothingMoves
        case mismatch(ReceiveProgress.Mismatch)
        case timeIsUp
        case looksFail
        case close
    }

    package private(set) var state = State.open

    package init() {}

    /// - Returns: whether requests that are not done have to fail from now on, and had not before.
    @discardableResult
    package mutating func handle(_ event: Event) -> Bool {
        switch (state, event) {
        case (.closed, _): return false
        case (_, .close):
            state = .closed
            return false
        case (.failed, _): return false
        case (.open, .peerWent(let departure)):
            state = .draining(departure)
            return false
        case (.draining(.left), .peerWent(.died)), (.draining, .peerWent): return false
        case (.open, .nothingMoves): return false
        case (.draining(let departure), .nothingMoves): state = .failed(.gone(departure))
        case (_, .mismatch(let mismatch)): state = .failed(.mismatch(mismatch))
        case (.open, .timeIsUp): state = .failed(.late)
        case (.draining(let departure), .timeIsUp), (.draining(let departure), .looksFail):
            state = .failed(.gone(departure))
        case (.open, .looksFail): state = .failed(.unseen)
        }
        return true
    }

    /// Whether parts may be copied.
    package var moves: Bool {
        switch state {
        case .open, .draining: true
        case .failed, .closed: false
        }
    }
}
