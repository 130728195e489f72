import Synchronization

/// One side of a connection.
package enum RingSide: Int, Hashable, Sendable {
    case receiver, sender
    var other: RingSide { self == .receiver ? .sender : .receiver }
}

/// What a side says about itself.
package enum SideState: UInt64, Hashable, Sendable {
    case absent, attached, closed
}

/// A number that tells this process from all others, in all PID namespaces.
struct ProcessToken: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    static let own = ProcessToken(high: .random(in: 1 ... .max), low: .random(in: 0 ... .max))
}

/// The memory of a connection, by meaning instead of by offset.
///
/// Safe under two rules. Its maker keeps `layout.totalBytes` bytes at `base` mapped for as long as the value is in
/// use; all but the slots are touched through this type only. docs/design/nccl-plugin.md tells which store pairs with
/// which load.
@safe struct Ring {
    /// "FLXMRING".
    static let magic: UInt64 = 0x474e_4952_4d58_4c46

    let base: UnsafeMutableRawPointer
    let layout: RingLayout

    /// - Parameter base: aligned to 4096 bytes, zero bytes when new.
    @unsafe init(base: UnsafeMutableRawPointer, layout: RingLayout) {
        unsafe self.base = unsafe base
        self.layout = layout
    }

    // MARK: Header

    /// Writes the header of a new segment and shows it. Release: pairs with the acquire in `publishedMagic`.
    func publish() {
        unsafe word(at: 8).pointee = RingLayout.version
        unsafe word(at: 16).pointee = UInt64(layout.partBytes)
        unsafe atomic(at: 0).pointee.store(Self.magic, ordering: .releasing)
    }

    /// Acquire: pairs with the release in `publish`.
    var publishedMagic: UInt64 { unsafe atomic(at: 0).pointee.load(ordering: .acquiring) }

    /// Only after the magic was seen.
    var headerWords: (version: UInt64, partBytes: UInt64) {
        unsafe (word(at: 8).pointee, word(at: 16).pointee)
    }

    // MARK: Sides

    private static func line(of side: RingSide) -> Int {
        side == .receiver ? RingLayout.receiverLine : RingLayout.senderLine
    }

    /// Acquire: pairs with the release in `set` and `claim`. Who sees a side attached sees its process token, its
    /// processors and its record lock taken; who sees it closed sees every part that it sent or took.
    func state(of side: RingSide) -> SideState {
        SideState(rawValue: unsafe atomic(at: Self.line(of: side)).pointee.load(ordering: .acquiring)) ?? .closed
    }

    /// Only the side itself may.
    func set(_ state: SideState, of side: RingSide) {
        unsafe atomic(at: Self.line(of: side)).pointee.store(state.rawValue, ordering: .releasing)
    }

    /// The process behind a side that has attached. Written before `set(.attached)`.
    func process(of side: RingSide) -> ProcessToken {
        let line = Self.line(of: side)
        return unsafe ProcessToken(high: word(at: line + 8).pointee, low: word(at: line + 16).pointee)
    }

    /// The processors of a side that has attached, see `RankProcessors`. Written before `set(.attached)`.
    func processors(of side: RingSide) -> UInt64 { unsafe word(at: Self.line(of: side) + 24).pointee }

    func set(_ process: ProcessToken, processors: UInt64, of side: RingSide) {
        let line = Self.line(of: side)
        unsafe word(at: line + 8).pointee = process.high
        unsafe word(at: line + 16).pointee = process.low
        unsafe word(at: line + 24).pointee = processors
    }

    // MARK: Parts

    /// What comes with a part.
    struct PartHeader: Hashable {
        /// Of the whole message.
        var bytes: Int
        var tag: Int32
    }

    /// The header of a part, once it was sent; nil before. Acquire: pairs with the release in `send`, so that who sees
    /// the number sees the header and the slot.
    @inline(__always)
    func arrived(_ part: UInt64) -> PartHeader? {
        let line = RingLayout.header(of: part)
        guard unsafe atomic(at: line).pointee.load(ordering: .acquiring) == part + 1 else { return nil }
        let what = unsafe word(at: line + 8).pointee
        return PartHeader(
            bytes: Int(UInt32(truncatingIfNeeded: what)), tag: Int32(bitPattern: UInt32(truncatingIfNeeded: what >> 32))
        )
    }

    /// Shows a part whose bytes are in place. Release: pairs with the acquire in `arrived`.
    @inline(__always)
    func send(_ part: UInt64, _ header: PartHeader) {
        let line = RingLayout.header(of: part)
        unsafe word(at: line + 8).pointee =
            UInt64(UInt32(truncatingIfNeeded: header.bytes)) | UInt64(UInt32(bitPattern: header.tag)) << 32
        unsafe atomic(at: line).pointee.store(part + 1, ordering: .releasing)
    }

    /// How many parts were taken. Acquire: pairs with the release in `take`, so that a slot which is written again
    /// is read by nobody any more.
    @inline(__always)
    var taken: UInt64 { unsafe atomic(at: RingLayout.takenLine).pointee.load(ordering: .acquiring) }

    @inline(__always)
    func take(_ count: UInt64) { unsafe atomic(at: RingLayout.takenLine).pointee.store(count, ordering: .releasing) }

    /// Where the bytes of a part lie. Plain memory: the sender's until it sends the part, then the receiver's until it
    /// has taken it.
    @inline(__always) @unsafe
    func place(of part: UInt64, messageBytes: Int) -> UnsafeMutableRawPointer {
        messageBytes <= RingLayout.inlineBytes
            ? unsafe base + RingLayout.header(of: part) + 16 : unsafe base + layout.slot(of: part)
    }

    /// The words behind these two are 8 bytes, aligned, and never change from atomic to plain or back. Zero bytes are
    /// an `Atomic(0)`.
    @inline(__always) @unsafe
    private func atomic(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always) @unsafe
    private func word(at offset: Int) -> UnsafeMutablePointer<UInt64> {
        unsafe (base + offset).assumingMemoryBound(to: UInt64.self)
    }
}
