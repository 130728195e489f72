import Synchronization

/// The memory that the ranks share, by meaning instead of by offset.
///
/// Safe under two rules. Its maker keeps `layout.totalBytes` bytes at `base` mapped for as long as the value is in
/// use; the header and line words are touched through this type only. Each line has a single writer, the rank
/// itself; the header is written before it is published.
@safe package struct Region {
    /// "FLEXMIG" and a zero byte.
    static let magic: UInt64 = 0x0047_494d_5845_4c46

    private let base: UnsafeMutableRawPointer
    package let layout: RegionLayout

    /// - Parameter base: aligned to 128 bytes, zero bytes when new.
    @unsafe package init(base: UnsafeMutableRawPointer, layout: RegionLayout) {
        unsafe self.base = unsafe base
        self.layout = layout
    }

    /// Writes the header of a new region and makes its atomics, all but the magic. Only its creator may call it,
    /// once, before anybody else can see the region as published.
    func initialize() {
        unsafe word(at: HeaderOffset.version).pointee = RegionLayout.version
        unsafe word(at: HeaderOffset.worldSize).pointee = UInt64(layout.worldSize)
        unsafe word(at: HeaderOffset.slotBytes).pointee = UInt64(layout.slotBytes)
        unsafe atomic(at: HeaderOffset.isUnnamed).initialize(to: Atomic(0))
        for rank in 0..<layout.worldSize {
            unsafe atomic(at: layout.line(of: rank) + LineOffset.sequence).initialize(to: Atomic(0))
            unsafe atomic(at: layout.line(of: rank) + LineOffset.state).initialize(to: Atomic(0))
        }
    }

    /// Shows the region to the others. Release: pairs with the acquire in `publishedMagic`, so that who sees the
    /// magic sees the header and the atomics too.
    func publish() { unsafe atomic(at: HeaderOffset.magic).pointee.store(Self.magic, ordering: .releasing) }

    /// The magic; 0 while the creator is not done. Acquire: pairs with the release in `publish`.
    var publishedMagic: UInt64 { unsafe atomic(at: HeaderOffset.magic).pointee.load(ordering: .acquiring) }

    /// Version, ranks and slot size as the creator wrote them. Only after the magic was seen.
    var headerWords: (version: UInt64, worldSize: UInt64, slotBytes: UInt64) {
        unsafe (
            word(at: HeaderOffset.version).pointee, word(at: HeaderOffset.worldSize).pointee,
            word(at: HeaderOffset.slotBytes).pointee
        )
    }

    /// Whether the segment's name is removed already. Relaxed on both sides: nothing else is read because of it, and
    /// removing twice does no harm. The one word that any rank may write, and only ever to true.
    var isUnnamed: Bool {
        get { unsafe atomic(at: HeaderOffset.isUnnamed).pointee.load(ordering: .relaxed) != 0 }
        nonmutating set {
            unsafe atomic(at: HeaderOffset.isUnnamed).pointee.store(newValue ? 1 : 0, ordering: .relaxed)
        }
    }

    /// The number of the last step that a rank published. Acquire: pairs with the release in `publish(_:by:)`, so
    /// that who sees step n sees the rank's slot and signature of step n, and knows it done with reading step n - 1.
    @inline(__always)
    func sequence(of rank: Int) -> UInt64 {
        unsafe atomic(at: layout.line(of: rank) + LineOffset.sequence).pointee.load(ordering: .acquiring)
    }

    /// Publishes a rank's step. Release: pairs with the acquire in `sequence(of:)`; the slot and signature were
    /// written before, and the slots of the step before were read before.
    @inline(__always)
    func publish(_ step: UInt64, by rank: Int) {
        unsafe atomic(at: layout.line(of: rank) + LineOffset.sequence).pointee.store(step, ordering: .releasing)
    }

    /// What a rank says about itself. Acquire: pairs with the release in `set(_:of:)`, so that who sees a rank
    /// attached sees its record lock taken, and who sees it gone sees the last step that it published.
    func state(of rank: Int) -> RankState {
        let word = unsafe atomic(at: layout.line(of: rank) + LineOffset.state).pointee.load(ordering: .acquiring)
        return RankState(word: word, of: rank)
    }

    /// Changes a rank's state; only the rank itself may. Release: pairs with the acquire in `state(of:)`.
    func set(_ state: RankState, of rank: Int) {
        unsafe atomic(at: layout.line(of: rank) + LineOffset.state).pointee.store(state.word, ordering: .releasing)
    }

    /// A rank's signature of a step. Plain memory, kept in order by the sequence exactly as the slots are.
    @inline(__always)
    func signature(of rank: Int, step: UInt64) -> Signature {
        let offset = layout.line(of: rank) + LineOffset.signature(step)
        return unsafe Signature(words: word(at: offset).pointee, word(at: offset + 8).pointee)
    }

    @inline(__always)
    func set(_ signature: Signature, of rank: Int, step: UInt64) {
        let offset = layout.line(of: rank) + LineOffset.signature(step)
        unsafe word(at: offset).pointee = signature.what
        unsafe word(at: offset + 8).pointee = signature.count
    }

    /// The slot of a rank for a step. Plain memory: see `Exchange` for who may touch it when.
    @inline(__always) @unsafe
    func slot(of rank: Int, step: UInt64) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(
            start: base + layout.slot(of: rank, step: step), count: layout.slotBytes)
    }

    private enum HeaderOffset {
        static let magic = 0
        static let version = 8
        static let worldSize = 16
        static let slotBytes = 24
        static let isUnnamed = 32
    }

    private enum LineOffset {
        static let sequence = 0
        static let state = 8
        /// Two of 16 bytes each, by turns like the slots.
        static func signature(_ step: UInt64) -> Int { 16 + Int(step % 2) * 16 }
    }

    /// The words behind these two are 8 bytes, aligned, inside the header or a line, and never change from atomic
    /// to plain or back. Zero bytes are an `Atomic(0)`, so a word can be loaded before its creator initialized it.
    @inline(__always) @unsafe
    private func atomic(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always) @unsafe
    private func word(at offset: Int) -> UnsafeMutablePointer<UInt64> {
        unsafe (base + offset).assumingMemoryBound(to: UInt64.self)
    }
}
