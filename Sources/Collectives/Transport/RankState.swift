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
