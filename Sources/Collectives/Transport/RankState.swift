/// What a rank says about itself to the others, in one word of its line.
package enum RankState: Hashable, Sendable {
    case absent
    case attached
    /// Closed in order: it takes part in nothing more.
    case left
    /// It gave up because of a fault, of which it may be the first witness.
    case failed(Fault)

    /// The state in bits 0-7, a fault's kind in 8-15 and its rank in 16-47.
    var word: UInt64 {
        switch self {
        case .absent: 0
        case .attached: 1
        case .left: 2
        case .failed(let fault):
            3 | UInt64(fault.kind.rawValue) << 8 | UInt64(UInt32(truncatingIfNeeded: fault.rank)) << 16
        }
    }

    /// Reads a word; one that no version wrote counts as a rank that gave up.
    init(word: UInt64, of rank: Int) {
        switch word & 0xff {
        case 0: self = .absent
        case 1: self = .attached
        case 2: self = .left
        default:
            let culprit = Int(UInt32(truncatingIfNeeded: word >> 16))
            if let kind = Fault.Kind(rawValue: UInt8(truncatingIfNeeded: word >> 8)) {
                self = .failed(Fault(kind: kind, rank: culprit))
            } else {
                self = .failed(Fault(kind: .gaveUp, rank: rank))
            }
        }
    }
}

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
    /// before a fault
    /// that a rank passes on, and that before a rank that left. Among equals the lowest rank counts.
    package static func among(_ awaited: [Observation]) -> Fault? {
        if let dead = awaited.first(where: { !$0.isAlive && $0.state == .attached }) {
            return Fault(kind: .died, rank: dead.rank)
        }
        for case .failed(let fault) in awaited.map(\.state) { return fault }
        if let gone = awaited.first(where: { $0.state == .left }) { return Fault(kind: .left, rank: gone.rank) }
        return nil
    }
}
