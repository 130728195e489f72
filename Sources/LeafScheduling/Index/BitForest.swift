/// Many sets of numbers below one bound, each a tree of words with 64 branches.
///
/// Insert, remove and "the least member from a number on" visit one word per level: 1 up to 64 members, 2 up to
/// 4,096, 3 up to 262,144, 4 up to 16.7 million. Memory is bound / 8 bytes per set. Nothing is allocated after `init`.
package struct BitForest: Sendable {
    /// Words visited since `init`, for tests that count instead of timing.
    package private(set) var steps = 0

    private var words: [UInt64]
    private let wordsOfTree: Int
    private let depth: Int
    /// Where each level begins within a tree, the members' own level first; and how many words it has.
    private let starts: SIMD4<Int>
    private let lengths: SIMD4<Int>

    /// - Parameter bound: members are 0 to bound - 1; at most 16,777,216.
    package init(sets: Int, bound: Int) {
        precondition(bound <= 1 << 24, "a set of more numbers than four levels of words hold")
        var starts = SIMD4<Int>(repeating: 0)
        var lengths = SIMD4<Int>(repeating: 0)
        var (words, depth, length) = (0, 0, max(bound, 1))
        repeat {
            length = (length + 63) / 64
            starts[depth] = words
            lengths[depth] = length
            words += length
            depth += 1
        } while length > 1
        self.starts = starts
        self.lengths = lengths
        self.depth = depth
        wordsOfTree = words
        self.words = Array(repeating: 0, count: words * sets)
    }

    /// Makes room for one more empty set. Allocates.
    package mutating func addSet() {
        words.append(contentsOf: repeatElement(0, count: wordsOfTree))
    }

    package mutating func insert(_ member: Int, into set: Int) {
        var index = member
        let base = set &* wordsOfTree
        for level in 0..<depth {
            steps &+= 1
            let at = base &+ starts[level] &+ index >> 6
            let old = words[at]
            words[at] = old | 1 << UInt64(index & 63)
            if old != 0 { return }
            index >>= 6
        }
    }

    package mutating func remove(_ member: Int, from set: Int) {
        var index = member
        let base = set &* wordsOfTree
        for level in 0..<depth {
            steps &+= 1
            let at = base &+ starts[level] &+ index >> 6
            words[at] &= ~(1 << UInt64(index & 63))
            if words[at] != 0 { return }
            index >>= 6
        }
    }

    package func contains(_ member: Int, in set: Int) -> Bool {
        words[set &* wordsOfTree &+ member >> 6] & 1 << UInt64(member & 63) != 0
    }

    package func isEmpty(_ set: Int) -> Bool { words[set &* wordsOfTree &+ starts[depth &- 1]] == 0 }

    /// Returns the least member that is `start` or more, or nil.
    package mutating func first(from start: Int, in set: Int) -> Int? {
        let base = set &* wordsOfTree
        var index = start
        var level = 0
        while true {
            guard level < depth, index >> 6 < lengths[level] else { return nil }
            steps &+= 1
            let bits = words[base &+ starts[level] &+ index >> 6] & ~0 << UInt64(index & 63)
            if bits != 0 {
                index = index & ~63 | bits.trailingZeroBitCount
                break
            }
            index = index >> 6 &+ 1
            level &+= 1
        }
        while level > 0 {
            level &-= 1
            steps &+= 1
            index = index << 6 | words[base &+ starts[level] &+ index].trailingZeroBitCount
        }
        return index
    }

    /// Returns the greatest member, or nil.
    package mutating func last(in set: Int) -> Int? {
        let base = set &* wordsOfTree
        var level = depth &- 1
        guard words[base &+ starts[level]] != 0 else { return nil }
        var index = 0
        while level >= 0 {
            steps &+= 1
            let word = words[base &+ starts[level] &+ index]
            index = index << 6 | (63 &- word.leadingZeroBitCount)
            level &-= 1
        }
        return index
    }

    package mutating func removeAll(from set: Int) {
        for word in 0..<wordsOfTree { words[set &* wordsOfTree &+ word] = 0 }
    }
}
