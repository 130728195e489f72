/// What a rank believes the present step to be. Two words, published beside the rank's sequence.
///
/// All ranks must show the same one in the same step: otherwise the program calls different collectives on
/// different ranks, and reading the slots would give garbage.
package struct Signature: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        case barrier = 1
        case broadcast = 2
        case allGather = 3
        case allReduce = 4
    }

    /// Kind in bits 0-7, element type 8-15, reduction 16-23, root 24-39, element stride 40-63.
    package let what: UInt64
    /// Elements of the whole call on one rank.
    package let count: UInt64

    package init(words what: UInt64, _ count: UInt64) {
        self.what = what
        self.count = count
    }

    package init(
        _ kind: Kind, of element: ElementType? = nil, count: Int = 0, root: Int = 0, reduction: Reduction? = nil
    ) {
        what =
            UInt64(kind.rawValue)
            | UInt64(element?.code.rawValue ?? 0) << 8
            | UInt64(reduction?.rawValue ?? 0) << 16
            | UInt64(UInt16(truncatingIfNeeded: root)) << 24
            | UInt64(truncatingIfNeeded: element?.stride ?? 0) << 40
        self.count = UInt64(count)
    }
}

extension Signature: CustomStringConvertible {
    /// Such as "all-reduce (sum) of 100 Float"; unknown values are shown as numbers.
    package var description: String {
        let kind = UInt8(truncatingIfNeeded: what)
        let element = ElementType(
            code: ElementType.Code(rawValue: UInt8(truncatingIfNeeded: what >> 8)), stride: Int(what >> 40))
        let elements = "of \(count) \(element)"
        switch Kind(rawValue: kind) {
        case .barrier: return "barrier"
        case .broadcast: return "broadcast \(elements) from rank \(UInt16(truncatingIfNeeded: what >> 24))"
        case .allGather: return "all-gather \(elements) a rank"
        case .allReduce:
            let code = UInt8(truncatingIfNeeded: what >> 16)
            let reduction = Reduction(rawValue: code).map { "\($0)" } ?? "reduction \(code)"
            return "all-reduce (\(reduction)) \(elements)"
        case nil: return "collective \(kind) \(elements)"
        }
    }
}
