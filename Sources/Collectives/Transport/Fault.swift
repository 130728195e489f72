/// Why a communicator can't go on, and the rank whose doing that is.
package struct Fault: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        case died = 1
        case left = 2
        case mismatched = 3
        /// An error of its own, such as the join time being up.
        case gaveUp = 4
        /// It did not come within the time that the others wait.
        case late = 5
        /// Its program called `abort`.
        case aborted = 6
    }
    package var kind: Kind
    package var rank: Int

    package init(kind: Kind, rank: Int) {
        self.kind = kind
        self.rank = rank
    }
}

/// What is known about a rank that others wait for.
package struct Observation: Hashable, Sendable {
    package var rank: Int
    package var isAlive: Bool
    package var state: RankState

    package init(rank: Int, isAlive: Bool, state: RankState) {
        self.rank = rank
        self.isAlive = isAlive
        self.state = state
    }
}

extension Fault {
    /// The reason to stop waiting for these ranks, or nil when each of them may still come.
    ///
    /// The first cause wins over its consequences, so that all ranks name the same culprit when there is one: a death
    /// before a fault that a rank passes on, and that before a rank that left. Among equals the lowest rank counts.
    package static func among(_ awaited: [Observation]) -> Fault? {
        if let dead = awaited.first(where: { !$0.isAlive && $0.state == .attached }) {
            return Fault(kind: .died, rank: dead.rank)
        }
        for case .failed(let fault) in awaited.map(\.state) { return fault }
        if let gone = awaited.first(where: { $0.state == .left }) { return Fault(kind: .left, rank: gone.rank) }
        return nil
    }
}
