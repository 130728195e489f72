/// What a listening process tells those that connect, through NCCL's bootstrap: at most 128 bytes.
///
/// The name is random, so nobody else can come across it, and another job never meets this one.
package struct PeerHandle: Hashable, Sendable {
    /// Bytes that NCCL passes on.
    package static let bytes = 128
    /// "FLXMNCCL".
    private static let magic = [UInt8]("FLXMNCCL".utf8)
    private static let version: UInt8 = 2

    /// Of the shared-memory segment, or what its name starts with; empty when the listener could not make it.
    package let name: String
    /// Of the listener's processors, see `RankProcessors`.
    package let processors: UInt64

    /// - Parameter name: at most 100 bytes.
    package init(name: String, processors: UInt64) {
        precondition(name.utf8.count <= Self.longestName)
        self.name = name
        self.processors = processors
    }

    private static let longestName = 100
    private static let nameStart = 18

    /// The 128 bytes: magic, version, length of the name, processors with the lowest byte first, name, zeros.
    package var encoded: [UInt8] {
        var bytes = Self.magic + [Self.version, UInt8(name.utf8.count)]
        bytes += (0..<8).map { UInt8(truncatingIfNeeded: processors >> (8 * $0)) }
        bytes += Array(name.utf8)
        bytes += [UInt8](repeating: 0, count: Self.bytes - bytes.count)
        return bytes
    }

    /// Reads what another process encoded; nil for anything else.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count == Self.bytes, Array(bytes.prefix(8)) == Self.magic, bytes[8] == Self.version,
            Int(bytes[9]) <= Self.longestName
        else { return nil }
        let name = bytes[Self.nameStart..<Self.nameStart + Int(bytes[9])]
        // A name and never a path.
        guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }), name.first != UInt8(ascii: ".")
        else { return nil }
        self.name = String(decoding: name, as: UTF8.self)
        processors = (0..<8).reduce(0) { $0 | UInt64(bytes[10 + $1]) << (8 * $1) }
    }
}
