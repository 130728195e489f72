/// What a listening process tells those that connect, through NCCL's bootstrap: at most 128 bytes.
///
/// The name is random, so nobody else can come across it, and another job never meets this one.
package struct PeerHandle: Hashable, Sendable {
    /// Bytes that NCCL passes on.
    package static let bytes = 128
    /// "FLXMNCCL".
    private static let magic = [UInt8]("FLXMNCCL".utf8)
    private static let version: UInt8 = 1

    /// Of the shared-memory segment, or what its name starts with; empty when the listener could not make it.
    package let name: String

    /// - Parameter name: at most 100 bytes.
    package init(name: String) {
        precondition(name.utf8.count <= 100)
        self.name = name
    }

    /// The 128 bytes: magic, version, length of the name, name, zeros.
    package var encoded: [UInt8] {
        var bytes = Self.magic + [Self.version, UInt8(name.utf8.count)] + Array(name.utf8)
        bytes += [UInt8](repeating: 0, count: Self.bytes - bytes.count)
        return bytes
    }

    /// Reads what another process encoded; nil for anything else.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count == Self.bytes, Array(bytes.prefix(8)) == Self.magic, bytes[8] == Self.version,
            Int(bytes[9]) <= 100
        else { return nil }
        let name = bytes[10..<10 + Int(bytes[9])]
        // A name and never a path.
        guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }), name.first != UInt8(ascii: ".")
        else { return nil }
        self.name = String(decoding: name, as: UTF8.self)
    }
}
