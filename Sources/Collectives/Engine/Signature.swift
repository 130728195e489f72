/// What a rank believes the present step to be. Two words, published beside the step's number.
///
/// All ranks must show the same one in the same step: otherwise the program calls different collectives on
/// different ranks, and reading the slots would give garbage.
package struct Signature: Hashable, Sendable {
    /// Kind in bits 0-7, element type 8-15, reduction 16-23, root 24-39, element stride 40-63.
    package let what: UInt64
    /// Elements of the whole call on one rank; see `CollectiveKind`.
    package let count: UInt64

    @inline(__always)
    package init(words what: UInt64, _ count: UInt64) {
        self.what = what
        self.count = count
    }

    @inline(__always)
    package init(
        _ kind: CollectiveKind, of element: ElementType = .bytes(stride: 0), count: Int = 0, root: Int = 0,
        reduction: Reduction? = nil
    ) {
        what =
            UInt64(kind.rawValue)
            | UInt64(element.code.rawValue) << 8
            | UInt64(reduction?.rawValue ?? 0) << 16
            | UInt64(UInt16(truncatingIfNeeded: root)) << 24
            | UInt64(truncatingIfNeeded: element.stride) << 40
        self.count = UInt64(count)
    }
}

extension Signature: CustomStringConvertible {
    var kind: CollectiveKind? { CollectiveKind(rawValue: UInt8(truncatingIfNeeded: what)) }

    /// Such as "all-reduce (sum) of 100 Float"; unknown values are shown as numbers.
    package var description: String {
        let code = UInt8(truncatingIfNeeded: what >> 8)
        let element = ElementType.with(code: code) ?? ElementType.bytes(stride: Int(what >> 40))
        let elements = "of \(count) \(element)"
        let operation = UInt8(truncatingIfNeeded: what >> 16)
        let reduction = Reduction(rawValue: operation).map { "\($0)" } ?? "reduction \(operation)"
        let root = UInt16(truncatingIfNeeded: what >> 24)
        guard let kind else { return "collective \(UInt8(truncatingIfNeeded: what)) \(elements)" }
        return switch kind {
        case .barrier, .split: "\(kind)"
        case .broadcast: "\(kind) \(elements) from rank \(root)"
        case .allGather, .allToAll: "\(kind) \(elements) a rank"
        case .allReduce, .reduceScatter: "\(kind) (\(reduction)) \(elements)"
        case .reduce: "\(kind) (\(reduction)) \(elements) to rank \(root)"
        case .gather: "\(kind) \(elements) a rank to rank \(root)"
        case .scatter: "\(kind) \(elements) a rank from rank \(root)"
        case .send, .receive: "\(kind) \(elements)"
        case .allocate: "\(kind) of \(count) bytes"
        }
    }
}
