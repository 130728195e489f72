/// Which bytes of a memory are free: a value, first fit, neighbours joined.
///
/// Few tensors live at a time, so a sorted array serves; both verbs cost its length.
package struct FreeList: Hashable, Sendable {
    /// Free ranges, ascending, never touching each other.
    package private(set) var free: [Range<Int>]
    /// Ranges start and end at multiples of it: two cache lines, so that no two tensors share one.
    package static let unit = 128
    /// Tensors of a page or more start on one.
    package static let page = 4096

    package init(bytes: Int) { free = bytes > 0 ? [0..<bytes] : [] }

    /// - Returns: where `bytes` are reserved, or nil when no free range is long enough.
    package mutating func reserve(_ bytes: Int) -> Range<Int>? {
        let unit = bytes >= Self.page ? Self.page : Self.unit
        let length = (max(bytes, 1) + unit - 1) / unit * unit
        for (index, range) in free.enumerated() {
            let start = (range.lowerBound + unit - 1) / unit * unit
            let reserved = start..<start + length
            guard reserved.upperBound <= range.upperBound else { continue }
            let rest = [range.lowerBound..<start, reserved.upperBound..<range.upperBound].filter { !$0.isEmpty }
            free.replaceSubrange(index...index, with: rest)
            return reserved
        }
        return nil
    }

    /// Gives back what `reserve` has returned.
    package mutating func release(_ range: Range<Int>) {
        let place = free.firstIndex { $0.lowerBound >= range.upperBound } ?? free.count
        var joined = range
        var replaced = place..<place
        if place < free.count, free[place].lowerBound == range.upperBound {
            joined = joined.lowerBound..<free[place].upperBound
            replaced = place..<place + 1
        }
        if place > 0, free[place - 1].upperBound == range.lowerBound {
            joined = free[place - 1].lowerBound..<joined.upperBound
            replaced = place - 1..<replaced.upperBound
        }
        free.replaceSubrange(replaced, with: [joined])
    }
}
