/// Where things lie in the segment of one connection: from one sender to one receiver.
///
/// A header, a line for each side's state, one for the count of parts taken, the headers of the parts, and their slots.
/// Everything with another writer lies at least 128 bytes apart, because processors fetch lines of 64 bytes in pairs.
package struct RingLayout: Hashable, Sendable {
    /// Version of everything below; another one is refused.
    static let version: UInt64 = 2
    /// Parts of messages that are under way at most.
    package static let parts: UInt64 = 8
    /// Bytes of a message that travel in the part's header line.
    package static let inlineBytes = 48
    package static let largestPart = 1 << 20
    package static let leastPart = 4096
    /// Unless the environment says otherwise. Found by measurement, see docs/measurements/nccl-plugin.md.
    package static let usualPart = 128 << 10

    /// Bytes of a message that go at once; a multiple of 4096.
    package let partBytes: Int

    package init(partBytes: Int) {
        precondition(Self.isPossible(partBytes: partBytes))
        self.partBytes = partBytes
    }

    static func isPossible(partBytes: Int) -> Bool {
        (leastPart...largestPart).contains(partBytes) && partBytes % leastPart == 0
    }

    /// The layout for a file system with so much room: hundreds of connections must fit.
    ///
    /// - Parameter wanted: a power of two within the limits.
    package static func fitting(freeBytes: Int, wanted: Int = usualPart) -> RingLayout {
        var partBytes = wanted
        while partBytes > leastPart, RingLayout(partBytes: partBytes).totalBytes > freeBytes / 256 { partBytes /= 2 }
        return RingLayout(partBytes: partBytes)
    }

    /// The next smaller one; nil for none.
    var halved: RingLayout? { partBytes > Self.leastPart ? RingLayout(partBytes: partBytes / 2) : nil }

    static let unit = 128
    static let receiverLine = unit
    static let senderLine = 2 * unit
    static let takenLine = 3 * unit
    private static let slotsStart = 4096

    static func header(of part: UInt64) -> Int { (4 + Int(part % parts)) * unit }
    func slot(of part: UInt64) -> Int { Self.slotsStart + Int(part % Self.parts) * partBytes }
    package var totalBytes: Int { Self.slotsStart + Int(Self.parts) * partBytes }
}
