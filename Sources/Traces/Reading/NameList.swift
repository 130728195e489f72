/// Many short names in one piece of memory, without doubles.
public struct NameList: Hashable, Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    /// Open addressing: the hash, then index + 1; 0 is free. The hash tells the place too, so that growing reads no names.
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

    /// A name as it was read, which need not be UTF-8.
    func bytes(of index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

    /// Adds a name where it is new; its place, and whether it was new.
    mutating func insert(_ name: [UInt8]) -> (index: Int, isNew: Bool) { insert(name, name.indices) }

    /// Adds a part of these bytes as a name where it is new; its place, and whether it was new.
    mutating func insert(_ text: [UInt8], _ part: Range<Int>) -> (index: Int, isNew: Bool) {
        let hash = Self.hash(text, part)
        let mask = slots.count - 1
        var slot = Int(hash) & mask
        while slots[slot] != 0 {
            let found = slots[slot]
            let index = Int(found & 0xFFFF_FFFF) - 1
            if found >> 32 == UInt64(hash), isEqual(range(index), text, part) { return (index, false) }
            slot = (slot + 1) & mask
        }
        bytes.append(contentsOf: text[part])
        ends.append(bytes.count)
        slots[slot] = UInt64(hash) << 32 | UInt64(ends.count)
        if ends.count * 2 > slots.count { grow() }
        return (ends.count - 1, true)
    }

    private func isEqual(_ own: Range<Int>, _ text: [UInt8], _ part: Range<Int>) -> Bool {
        guard own.count == part.count else { return false }
        let (its, given) = (bytes.span, text.span)
        for offset in 0..<part.count where its[own.lowerBound &+ offset] != given[part.lowerBound &+ offset] {
            return false
        }
        return true
    }

    private static func hash(_ text: [UInt8], _ part: Range<Int>) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        let bytes = text.span
        for index in part { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        // Names that differ in their last byte alone are to differ everywhere.
        hash = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
        return UInt32(truncatingIfNeeded: hash >> 32)
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: 0, count: old.count * 2)
        let mask = slots.count - 1
        for found in old where found != 0 {
            var slot = Int(found >> 32) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = found
        }
    }
}
