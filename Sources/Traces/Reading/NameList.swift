/// Many short names in one piece of memory, without doubles.
public struct NameList: Hashable, Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    /// Open addressing: half of the hash, then index + 1; 0 is free.
    private var slots = [UInt64](repeating: 0, count: 16)

    public init() {}

    public init(_ names: some Sequence<String>) {
        for name in names { _ = insert(Array(name.utf8)) }
    }

    public var count: Int { ends.count }

    public var names: [String] { (0..<count).map { self[$0] } }

    private func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    /// - Complexity: O(length of the name).
    public subscript(index: Int) -> String { String(decoding: bytes[range(index)], as: UTF8.self) }

    /// Adds a name where it is new; its place, and whether it was new.
    mutating func insert(_ name: [UInt8]) -> (index: Int, isNew: Bool) { insert(name, name.indices) }

    /// Adds a part of these bytes as a name where it is new; its place, and whether it was new.
    mutating func insert(_ text: [UInt8], _ part: Range<Int>) -> (index: Int, isNew: Bool) {
        let hash = Self.hash(text, part)
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let found = slots[slot]
            let index = Int(found & 0xFFFF_FFFF) - 1
            if found >> 32 == hash >> 32, isEqual(range(index), text, part) { return (index, false) }
            slot = (slot + 1) & mask
        }
        bytes.append(contentsOf: text[part])
        ends.append(bytes.count)
        slots[slot] = (hash >> 32) << 32 | UInt64(ends.count)
        if ends.count * 2 > slots.count { grow() }
        return (ends.count - 1, true)
    }

    private func isEqual(_ own: Range<Int>, _ text: [UInt8], _ part: Range<Int>) -> Bool {
        guard own.count == part.count else { return false }
        for offset in 0..<part.count where bytes[own.lowerBound + offset] != text[part.lowerBound + offset] {
            return false
        }
        return true
    }

    private static func hash(_ text: [UInt8], _ part: Range<Int>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in part { hash = (hash ^ UInt64(text[index])) &* 0x100_0000_01B3 }
        // Names that differ in their last byte alone are to differ everywhere.
        hash = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
        return hash ^ hash >> 29
    }

    private mutating func grow() {
        slots = [UInt64](repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        for index in 0..<ends.count {
            let hash = Self.hash(bytes, range(index))
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = (hash >> 32) << 32 | UInt64(index + 1)
        }
    }
}
