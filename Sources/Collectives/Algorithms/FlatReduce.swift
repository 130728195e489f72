/// The ranks' tensors reduced to one, in a single step: all show theirs whole, and whoever wants the result reduces
/// all of them.
///
/// In rank order, so the bits are those of every other algorithm. Per rank with n bytes and p ranks: n copied in, and
/// p * n read and n written by each that wants the result. Best for small tensors, where the step is the cost.
enum FlatReduce {
    /// - Parameter call: its bytes are no more than a slot has room for.
    /// - Parameter isShowing: whether anybody else reduces this rank's tensor.
    /// - Parameter wantsResult: whether this rank gets the result.
    @inline(__always)
    static func run(
        _ call: Call, isShowing: Bool, wantsResult: Bool, over exchange: Exchange
    ) throws(CollectiveError) -> CollectiveAlgorithm {
        let (bytes, own) = (call.bytes, exchange.rank)
        guard bytes > 0, let input = unsafe call.input else {
            try exchange.step(call.signature)
            return .step
        }
        if bytes >= StorePolicy.SizeClass.leastBytes {
            return try unsafe runLarge(call, input, isShowing: isShowing, wantsResult: wantsResult, over: exchange)
        }
        let isInline = bytes <= Region.inlineBytes
        if isShowing {
            if bytes == 8 {
                // One load and one store instead of a call: whatever comes before the step, the others wait for.
                unsafe exchange.ownNote.storeBytes(of: input.loadUnaligned(as: UInt64.self), as: UInt64.self)
            } else {
                unsafe (isInline ? exchange.ownNote : exchange.ownSlot).copyMemory(from: input, byteCount: bytes)
            }
        }
        try exchange.step(call.signature)
        if wantsResult, let output = unsafe call.output {
            for rank in 0..<exchange.size {
                unsafe exchange.sources[rank] = isInline ? exchange.note(of: rank) : exchange.slot(of: rank)
            }
            unsafe exchange.sources[own] = input
            unsafe exchange.results[0] = output
            exchange.reduce(call, resultCount: 1, bytes: bytes)
        }
        return isInline ? .inline : .flat
    }

    /// The same for a tensor of so many lines that the way they are written counts.
    ///
    /// Tensors in the symmetric heap are not staged, since `DirectReduce.run` is faster when all lie there. When
    /// some don't, a second step stages all: a tensor in place may not be read while its owner writes the result.
    @inline(never) @unsafe
    private static func runLarge(
        _ call: Call, _ input: UnsafeRawPointer, isShowing: Bool, wantsResult: Bool, over exchange: Exchange
    ) throws(CollectiveError) -> CollectiveAlgorithm {
        let bytes = call.bytes
        var (location, result): (UInt64, UInt64) = (0, 0)
        if bytes >= Showing.leastDirectBytes {
            location = unsafe exchange.heap.location(of: input, bytes: bytes)
            result = unsafe call.output.map { unsafe exchange.heap.location(of: $0, bytes: bytes) } ?? .max
        }
        var stores = exchange.beginStores(
            bytes: bytes, slotBytes: bytes, location != 0 ? .direct : .reduced)
        if isShowing, location == 0 { unsafe exchange.store(input, to: exchange.ownSlot, bytes: bytes, stores) }
        stores.pause()
        let views = try exchange.open(call.signature, input: location, output: result, inputBytes: bytes)
        stores.resume()
        if !views.someStaged && views.allOutputsDirect {
            try unsafe DirectReduce.run(call, stores, over: exchange)
            exchange.endStores(stores, note: views.storeNote)
            return .direct
        }
        if views.someDirect {
            if isShowing { unsafe exchange.store(input, to: exchange.ownSlot, bytes: bytes, stores) }
            try exchange.step(call.signature)
        }
        if wantsResult, let output = unsafe call.output {
            for rank in 0..<exchange.size { unsafe exchange.sources[rank] = unsafe exchange.slot(of: rank) }
            unsafe exchange.sources[exchange.rank] = input
            unsafe exchange.results[0] = output
            exchange.reduce(call, resultCount: 1, bytes: bytes)
        }
        exchange.endStores(stores, note: views.storeNote)
        return .flat
    }
}
