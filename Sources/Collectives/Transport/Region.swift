import Platform
import Synchronization

/// The memory that the ranks share, by meaning instead of by offset.
///
/// Safe, and Sendable, under two rules. Its maker keeps `layout.totalBytes` bytes at `base` mapped for as long as the value is in
/// use; the header and line words are touched through this type only. Each line has a single writer, the rank
/// itself, but for a rank's doorbell, which the others ring, and the header's words of refusal; the rest of the header is
/// written before it is published. docs/design/collectives.md tells which store pairs with
/// which load.
@safe package struct Region: @unchecked Sendable {
    /// "FLEXMIG" and a zero byte.
    static let magic: UInt64 = 0x0047_494d_5845_4c46
    /// Bytes of a small tensor that travel inside a step line.
    static let inlineBytes = 40
    /// Bytes of a small message that travel inside a mailbox.
    static let inlineMessageBytes = 32

    let base: UnsafeMutableRawPointer
    package let layout: RegionLayout

    /// - Parameter base: aligned to 128 bytes, zero bytes when new.
    @unsafe package init(base: UnsafeMutableRawPointer, layout: RegionLayout) {
        unsafe self.base = unsafe base
        self.layout = layout
    }

    // MARK: Header

    /// Writes the header of a new region and makes its atomics, all but the magic. Only its creator may call it,
    /// once, before anybody else can see the region as published.
    func initialize() {
        unsafe word(at: HeaderOffset.version).pointee = RegionLayout.version
        unsafe word(at: HeaderOffset.worldSize).pointee = UInt64(layout.worldSize)
        unsafe word(at: HeaderOffset.stageBytes).pointee = UInt64(layout.stageBytes)
        unsafe word(at: HeaderOffset.messageSlots).pointee = UInt64(layout.messageSlots)
        unsafe atomic(at: HeaderOffset.isUnnamed).initialize(to: Atomic(0))
        unsafe atomic(at: HeaderOffset.refusal).initialize(to: Atomic(0))
        unsafe atomic(at: HeaderOffset.refusals).initialize(to: Atomic(0))
        for rank in 0..<layout.worldSize {
            let life = layout.lifeLine(of: rank)
            unsafe atomic(at: life + LifeOffset.state).initialize(to: Atomic(0))
            unsafe atomic(at: life + LifeOffset.isAsleep).initialize(to: Atomic(0))
            for step in UInt64(0)...1 {
                unsafe atomic(at: layout.stepLine(of: rank, step: step)).initialize(to: Atomic(0))
            }
            for receiver in 0..<layout.worldSize {
                let box = layout.mailbox(from: rank, to: receiver)
                unsafe atomic(at: box).initialize(to: Atomic(0))
                unsafe atomic(at: box + RegionLayout.unit).initialize(to: Atomic(0))
            }
        }
    }

    /// Shows the region to the others. Release: pairs with the acquire in `publishedMagic`, so that who sees the
    /// magic sees the header and the atomics too.
    func publish() { unsafe atomic(at: HeaderOffset.magic).pointee.store(Self.magic, ordering: .releasing) }

    /// The magic; 0 while the creator is not done. Acquire: pairs with the release in `publish`.
    var publishedMagic: UInt64 { unsafe atomic(at: HeaderOffset.magic).pointee.load(ordering: .acquiring) }

    /// Version, ranks, stage size and slots of messages as the creator wrote them. Only after the magic was seen.
    var headerWords: (version: UInt64, worldSize: UInt64, stageBytes: UInt64, messageSlots: UInt64) {
        unsafe (
            word(at: HeaderOffset.version).pointee, word(at: HeaderOffset.worldSize).pointee,
            word(at: HeaderOffset.stageBytes).pointee, word(at: HeaderOffset.messageSlots).pointee
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

    /// The first rank that could not join, because its version or number of ranks is another one; nil for none. Any rank
    /// may refuse, of any version, so what these words mean never changes. Acquire: pairs with `refuse`.
    var refusal: Refusal? {
        Refusal(word: unsafe atomic(at: HeaderOffset.refusal).pointee.load(ordering: .acquiring))
    }

    /// How many ranks could not join. Acquire: pairs with `refuse`, so whoever sees the last one sees the first one too.
    var refusals: Int { Int(unsafe atomic(at: HeaderOffset.refusals).pointee.load(ordering: .acquiring)) }

    func refuse(_ refusal: Refusal) {
        _ = unsafe atomic(at: HeaderOffset.refusal).pointee.compareExchange(
            expected: 0, desired: refusal.word, ordering: .acquiringAndReleasing)
        unsafe atomic(at: HeaderOffset.refusals).pointee.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    // MARK: Step lines

    /// Whether a rank has published a step. Acquire: pairs with the store in `publish(_:by:)`, so that who sees step
    /// n sees the rank's line and slot of step n, and knows it done with reading step n - 1.
    @inline(__always)
    func hasPublished(_ step: UInt64, _ rank: Int) -> Bool {
        unsafe atomic(at: layout.stepLine(of: rank, step: step)).pointee.load(ordering: .acquiring) >= step
    }

    /// The same, in one total order with the stores of `publish` and `setAsleep`: for who is about to sleep.
    func hasPublishedBeforeSleep(_ step: UInt64, _ rank: Int) -> Bool {
        unsafe atomic(at: layout.stepLine(of: rank, step: step)).pointee
            .load(ordering: .sequentiallyConsistent) >= step
    }

    /// Publishes a rank's step. A release for `hasPublished`; sequentially consistent because the publisher looks
    /// for sleepers next: either it sees the sleeper's mark, or the sleeper sees this store.
    @inline(__always)
    func publish(_ step: UInt64, by rank: Int) {
        unsafe atomic(at: layout.stepLine(of: rank, step: step)).pointee
            .store(step, ordering: .sequentiallyConsistent)
    }

    /// A rank's signature of a step. Plain memory, kept in order by the step's number exactly as the slots are.
    @inline(__always)
    func signature(of rank: Int, step: UInt64) -> Signature {
        let line = layout.stepLine(of: rank, step: step)
        return unsafe Signature(words: word(at: line + 8).pointee, word(at: line + 16).pointee)
    }

    @inline(__always)
    func set(_ signature: Signature, of rank: Int, step: UInt64) {
        let line = layout.stepLine(of: rank, step: step)
        unsafe word(at: line + 8).pointee = signature.what
        unsafe word(at: line + 16).pointee = signature.count
    }

    /// The 40 bytes of a step line behind the signature: a small tensor, or where a larger one lies.
    @inline(__always) @unsafe
    func note(of rank: Int, step: UInt64) -> UnsafeMutableRawPointer {
        unsafe base + layout.stepLine(of: rank, step: step) + 24
    }

    // MARK: Life lines

    /// What a rank says about itself. An acquire for `set(_:of:)`, so that who sees a rank attached sees its record
    /// lock taken, and who sees it gone sees the last step that it published; sequentially consistent for
    /// `leaveAttached`, see `Exchange.lastStep`.
    func state(of rank: Int) -> RankState {
        let word = unsafe atomic(at: layout.lifeLine(of: rank) + LifeOffset.state).pointee
            .load(ordering: .sequentiallyConsistent)
        return RankState(word: word, of: rank)
    }

    /// Whether a rank has failed: `state(of:)` without its decoding. Sequentially consistent likewise.
    @inline(__always)
    func hasFailed(_ rank: Int) -> Bool {
        let word = unsafe atomic(at: layout.lifeLine(of: rank) + LifeOffset.state).pointee
            .load(ordering: .sequentiallyConsistent)
        return word & 0xff > 2
    }

    /// Changes a rank's state, before others know it; only the rank itself may. Release: pairs with the acquire in `state(of:)`.
    func set(_ state: RankState, of rank: Int) {
        unsafe atomic(at: layout.lifeLine(of: rank) + LifeOffset.state).pointee.store(state.word, ordering: .releasing)
    }

    /// Changes a rank's state from attached, and does nothing when it is another one already: the first cause stays,
    /// also when two threads of the rank have one. Sequentially consistent, see `Exchange.lastStep`.
    func leaveAttached(_ state: RankState, of rank: Int) {
        _ = unsafe atomic(at: layout.lifeLine(of: rank) + LifeOffset.state).pointee.compareExchange(
            expected: RankState.attached.word, desired: state.word, ordering: .sequentiallyConsistent)
    }

    /// Whether a rank is asleep or about to be. Sequentially consistent on both sides, see `publish(_:by:)`.
    @inline(__always)
    func isAsleep(_ rank: Int) -> Bool {
        unsafe atomic(at: layout.lifeLine(of: rank) + LifeOffset.isAsleep).pointee
            .load(ordering: .sequentiallyConsistent) != 0
    }

    func setAsleep(_ isAsleep: Bool, _ rank: Int) {
        unsafe atomic(at: layout.lifeLine(of: rank) + LifeOffset.isAsleep).pointee
            .store(isAsleep ? 1 : 0, ordering: .sequentiallyConsistent)
    }

    /// What a rank sleeps on; the others ring it. The one word of a line that others write, when its rank is asleep or
    /// a communicator is aborted.
    func doorbell(of rank: Int) -> Doorbell {
        unsafe Doorbell(at: base + layout.lifeLine(of: rank) + LifeOffset.doorbell)
    }

    /// Wakes the ranks that are asleep. Comes after a sequentially consistent store of what they may wait for.
    @inline(__always)
    func wakeSleepers(but own: Int) {
        for rank in 0..<layout.worldSize where rank != own && isAsleep(rank) { doorbell(of: rank).ring() }
    }

    // MARK: Mailboxes

    /// The number of message parts that a sender has put into a mailbox. Pairs with `post`; sequentially
    /// consistent, which costs a load nothing, so that it serves before sleeping too.
    func posted(from sender: Int, to receiver: Int) -> UInt64 {
        unsafe atomic(at: layout.mailbox(from: sender, to: receiver)).pointee.load(ordering: .sequentiallyConsistent)
    }

    /// The number of message parts that the receiver has taken. Pairs with `take`, as above.
    func taken(from sender: Int, by receiver: Int) -> UInt64 {
        unsafe atomic(at: layout.mailbox(from: sender, to: receiver) + RegionLayout.unit).pointee
            .load(ordering: .sequentiallyConsistent)
    }

    /// Shows a message part to its receiver: what it is part of, and where it lies (see `PointToPoint`).
    /// The count is a release for `posted`, sequentially consistent as in `publish(_:by:)`.
    func post(_ signature: Signature, place: UInt64, count: UInt64, from sender: Int, to receiver: Int) {
        let box = layout.mailbox(from: sender, to: receiver)
        // The receiver reads these after it saw the count, and has taken the part before they change again.
        unsafe word(at: box + 8).pointee = signature.what
        unsafe word(at: box + 16).pointee = signature.count
        unsafe word(at: box + 24).pointee = place
        unsafe atomic(at: box).pointee.store(count, ordering: .sequentiallyConsistent)
    }

    /// The 32 bytes of a mailbox behind its words: a small message. The sender's until it posts, then the receiver's until
    /// it takes.
    @inline(__always) @unsafe
    func messageNote(from sender: Int, to receiver: Int) -> UnsafeMutableRawPointer {
        unsafe base + layout.mailbox(from: sender, to: receiver) + 32
    }

    func message(from sender: Int, to receiver: Int) -> (signature: Signature, place: UInt64) {
        let box = layout.mailbox(from: sender, to: receiver)
        return unsafe (
            Signature(words: word(at: box + 8).pointee, word(at: box + 16).pointee), word(at: box + 24).pointee
        )
    }

    /// Tells the sender that parts have been taken. A release for `taken`, sequentially consistent as above.
    func take(_ count: UInt64, from sender: Int, by receiver: Int) {
        unsafe atomic(at: layout.mailbox(from: sender, to: receiver) + RegionLayout.unit).pointee
            .store(count, ordering: .sequentiallyConsistent)
    }

    // MARK: Slots

    /// The slot of a rank for a step. Plain memory: see `Exchange` for who may touch it when.
    @inline(__always) @unsafe
    func slot(of rank: Int, step: UInt64, slotBytes: Int) -> UnsafeMutableRawPointer {
        unsafe base + layout.slot(of: rank, step: step, slotBytes: slotBytes)
    }

    /// The slot of a message part. Plain memory, the sender's until it posts it, then the receiver's until it took it.
    @unsafe
    func messageSlot(of rank: Int, part: UInt64, bytes: Int) -> UnsafeMutableRawPointer {
        unsafe base + layout.messageSlot(of: rank, part: part, bytes: bytes)
    }

    private enum HeaderOffset {
        static let magic = 0
        static let version = 8
        static let worldSize = 16
        static let stageBytes = 24
        static let isUnnamed = 32
        static let refusal = 40
        static let refusals = 48
        static let messageSlots = 56
    }

    private enum LifeOffset {
        static let state = 0
        static let isAsleep = 8
        static let doorbell = 16
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
