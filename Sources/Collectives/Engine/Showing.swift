/// The rounds in which ranks show their inputs to the others, who take what they need.
///
/// It is the frame of every collective without a reduction of many inputs to all: an algorithm says who shows what,
/// and what to take in a round. An input is a number of equal blocks. It is shown in one of four ways:
/// - *inline*, up to 40 bytes, in the step's own cache line;
/// - *staged*, copied into the slot, in as many rounds as that takes;
/// - *direct*, where the input lies in the symmetric heap: the others take it from there;
/// - *single-copy*, where it is large and private, and the ranks may read each other's memory (see `SingleCopy`).
///
/// When nobody stages there is a single round. When not all stage, a last step tells everybody that the inputs are
/// their owners' again.
package struct Showing {
    let exchange: Exchange
    /// Bytes of a whole block, and of the part of it that a slot has room for.
    private let blockBytes: Int
    private let partBytes: Int
    /// Bytes of a whole result.
    private let resultBytes: Int
    private let isInline: Bool
    /// What the present round is about: the same bytes of every block.
    private(set) var range: Range<Int>

    /// Below this, staging costs less than a second step.
    static let leastDirectBytes = 8192
    /// What a rank shows instead of a location in the heap: that it shows nothing, or with this bit the address of
    /// its private tensor.
    private static let nothing: UInt64 = .max
    static let privateBit: UInt64 = 1 << 63

    /// Bytes of a block that a slot has room for, beside the other blocks.
    private static func room(blocks: Int, _ layout: RegionLayout) -> Int {
        layout.stageBytes / blocks / RegionLayout.unit * RegionLayout.unit
    }

    /// Bytes of a call's slots, on ranks that show something and on the others.
    package static func slotBytes(blocks: Int, of bytes: Int, _ layout: RegionLayout) -> Int {
        blocks * min(RegionLayout.rounded(bytes), room(blocks: blocks, layout))
    }

    /// Runs all rounds.
    ///
    /// - Parameter blocks: of this rank's input; the same number on all ranks that show.
    /// - Parameter isShowing: whether this rank shows anything; `isStaged` forbids direct showing.
    /// - Parameter isCopied: whether `take` copies and does nothing else, so that a single copy will do.
    /// - Parameter omitted: the block that nobody else takes from this rank.
    /// - Parameter resultBlocks: of a result.
    /// - Parameter take: what this rank does in a round. Not called for empty blocks.
    /// - Returns: the way that was taken.
    @inline(__always)
    static func run(
        _ call: Call, blocks: Int, isShowing: Bool = true, isStaged: Bool = false, isCopied: Bool = true,
        omitted: Int? = nil, resultBlocks: Int = 1, over exchange: Exchange, take: (Showing) -> Void
    ) throws(CollectiveError) -> CollectiveAlgorithm {
        let bytes = call.bytes
        guard bytes > 0 else {
            try exchange.step(call.signature)
            return .step
        }
        let total = blocks * bytes
        let isInline = total <= Region.inlineBytes
        let room = Self.room(blocks: blocks, exchange.layout)
        var showing = Showing(
            exchange: exchange, blockBytes: bytes, partBytes: isInline ? bytes : min(RegionLayout.rounded(bytes), room),
            resultBytes: resultBlocks * bytes, isInline: isInline,
            range: 0..<min(bytes, isInline ? bytes : room))
        if isInline {
            if isShowing, let input = unsafe call.input {
                unsafe exchange.ownNote.copyMemory(from: input, byteCount: total)
            }
            try exchange.step(call.signature)
            take(showing)
            return .inline
        }
        var location: UInt64 = isShowing ? 0 : nothing
        if isShowing, !isStaged, total >= leastDirectBytes, let input = unsafe call.input {
            location = unsafe exchange.heap.location(of: input, bytes: total)
        }
        // Asked for by all ranks alike: the bytes are the same everywhere.
        if isCopied, bytes >= SingleCopy.leastBytes, let single = try exchange.singleCopy(call.signature),
            location == 0, !isStaged, let input = unsafe call.input, unsafe single.pays(for: input)
        {
            location = privateBit | UInt64(UInt(bitPattern: input))
        }
        var stores = exchange.beginStores(
            bytes: total, slotBytes: Self.slotBytes(blocks: blocks, of: bytes, exchange.layout), .shown)
        if location == 0 { unsafe showing.stage(call.input, blocks: blocks, omitted: omitted, stores) }
        stores.pause()
        let views = try exchange.open(call.signature, input: location, output: 0, inputBytes: total)
        stores.resume()
        if !views.someStaged { showing.range = 0..<bytes }
        while true {
            take(showing)
            if showing.range.upperBound == bytes { break }
            showing.range = showing.range.upperBound..<min(bytes, showing.range.upperBound + room)
            if location == 0 { unsafe showing.stage(call.input, blocks: blocks, omitted: omitted, stores) }
            try exchange.step(call.signature)
        }
        exchange.endStores(stores, note: views.storeNote)
        if views.someDirect || views.someSingle {
            try exchange.lastStep(call.signature, readsPrivate: views.someSingle)
        }
        if views.someStaged { return total <= exchange.layout.stageBytes ? .flat : .staged }
        return views.someSingle ? .singleCopy : .direct
    }

    /// Where the present range of a rank's block can be read.
    @inline(__always) @unsafe
    func block(_ block: Int, of rank: Int) -> UnsafeRawPointer {
        if isInline { return unsafe exchange.note(of: rank) + block * blockBytes }
        if let input = unsafe exchange.inputs[rank] { return unsafe input + block * blockBytes + range.lowerBound }
        return unsafe exchange.slot(of: rank) + block * partBytes
    }

    /// Copies the present range of a rank's block to a tensor of whole blocks.
    @inline(__always) @unsafe
    func copy(_ block: Int, of rank: Int, to output: UnsafeMutableRawPointer?, at place: Int) {
        guard let output = unsafe output else { return }
        let target = unsafe output + place * blockBytes + range.lowerBound
        // An inline call has no `open`, so what that told the last time does not count.
        if !isInline, let address = unsafe exchange.addresses[rank] {
            let from = address + UInt64(block * blockBytes + range.lowerBound)
            return unsafe exchange.copySingly(rank, from, to: target, count: range.count)
        }
        unsafe exchange.keep(self.block(block, of: rank), in: target, bytes: range.count, of: resultBytes)
    }

    /// Copies the present range of this rank's own block, which nobody shows it, unless it is there already.
    @inline(__always) @unsafe
    func copyOwn(_ block: Int, of input: UnsafeRawPointer?, to output: UnsafeMutableRawPointer?, at place: Int) {
        guard let input = unsafe input, let output = unsafe output else { return }
        let from = unsafe input + block * blockBytes + range.lowerBound
        let to = unsafe output + place * blockBytes + range.lowerBound
        if unsafe from != UnsafeRawPointer(to) {
            unsafe exchange.keep(from, in: to, bytes: range.count, of: resultBytes)
        }
    }

    @unsafe
    private func stage(_ input: UnsafeRawPointer?, blocks: Int, omitted: Int?, _ stores: Exchange.Stores) {
        guard let input = unsafe input else { return }
        for block in 0..<blocks where block != omitted {
            unsafe exchange.store(
                input + block * blockBytes + range.lowerBound, to: exchange.ownSlot + block * partBytes,
                bytes: range.count, stores)
        }
    }
}
