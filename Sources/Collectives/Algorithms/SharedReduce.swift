/// The ranks' tensors reduced to one by all ranks together: each reduces its share, and hands it to those who want it.
///
/// In rank order and in one pass over all inputs, so the bits are those of every other algorithm.
///
/// Chunk by chunk through the slots, with the results of one chunk taken after the next one is shown, so
/// that there is one step a chunk and one more. Per rank with p ranks: (3 - 2/p) * n read, 2n written. An input in the
/// heap is not copied in, and when all tensors lie there it is `DirectReduce` after the first step.
enum SharedReduce {
    /// - Parameter call: `output` is nil on ranks that don't get the result.
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        guard let input = unsafe call.input else {
            try exchange.step(call.signature)
            return .step
        }
        let (bytes, stageBytes) = (call.bytes, exchange.layout.stageBytes)
        let location = unsafe exchange.heap.location(of: input, bytes: bytes)
        var stores = exchange.beginStores(bytes: bytes, location != 0 ? .direct : .reduced)
        let result: UInt64 = unsafe call.output.map { unsafe exchange.heap.location(of: $0, bytes: bytes) } ?? .max
        var chunk = 0..<min(bytes, stageBytes)
        if location == 0 { unsafe stage(chunk, of: input, stores, over: exchange) }
        stores.pause()
        let views = try exchange.open(call.signature, input: location, output: result, inputBytes: bytes)
        stores.resume()
        if !views.someStaged && views.allOutputsDirect {
            try unsafe DirectReduce.run(call, stores, over: exchange)
            exchange.endStores(stores, note: views.storeNote)
            return .direct
        }
        while true {
            unsafe reduce(chunk, of: call, input, stores, over: exchange)
            let reduced = chunk
            chunk = chunk.upperBound..<min(bytes, chunk.upperBound + stageBytes)
            if location == 0, !chunk.isEmpty { unsafe stage(chunk, of: input, stores, over: exchange) }
            if chunk.isEmpty, views.someDirect {
                try exchange.lastStep(call.signature)
            } else {
                try exchange.step(call.signature)
            }
            unsafe take(reduced, of: call, over: exchange)
            if chunk.isEmpty { break }
        }
        exchange.endStores(stores, note: views.storeNote)
        return .staged
    }

    /// Shows a chunk, but for this rank's own share of it.
    @unsafe
    private static func stage(
        _ chunk: Range<Int>, of input: UnsafeRawPointer, _ stores: Exchange.Stores, over exchange: Exchange
    ) {
        let own = Shares(of: chunk.count, ranks: exchange.size)[exchange.rank]
        let (slot, from) = unsafe (exchange.ownSlot, input + chunk.lowerBound)
        unsafe exchange.store(from, to: slot, bytes: own.lowerBound, stores)
        unsafe exchange.store(
            from + own.upperBound, to: slot + own.upperBound, bytes: chunk.count - own.upperBound, stores)
    }

    /// Reduces this rank's share of a chunk, for itself and for showing it.
    @unsafe
    private static func reduce(
        _ chunk: Range<Int>, of call: Call, _ input: UnsafeRawPointer, _ stores: Exchange.Stores,
        over exchange: Exchange
    ) {
        let own = Shares(of: chunk.count, ranks: exchange.size)[exchange.rank]
        let place = chunk.lowerBound + own.lowerBound
        for rank in 0..<exchange.size {
            if let tensor = unsafe exchange.inputs[rank] {
                unsafe exchange.sources[rank] = tensor + place
            } else {
                unsafe exchange.sources[rank] = exchange.slot(of: rank) + own.lowerBound
            }
        }
        unsafe exchange.sources[exchange.rank] = input + place
        unsafe exchange.results[0] = exchange.ownShare
        if let output = unsafe call.output { unsafe exchange.results[1] = output + place }
        unsafe exchange.reduceForOthers(
            call, own: call.output.map { unsafe $0 + place }, resultCount: unsafe call.output == nil ? 1 : 2,
            bytes: own.count, stores)
    }

    /// Takes the other ranks' shares of a chunk that has been reduced.
    @unsafe
    private static func take(_ chunk: Range<Int>, of call: Call, over exchange: Exchange) {
        guard let output = unsafe call.output else { return }
        let shares = Shares(of: chunk.count, ranks: exchange.size)
        for turn in 1..<exchange.size {
            let rank = (exchange.rank + turn) % exchange.size
            unsafe (output + chunk.lowerBound + shares[rank].lowerBound)
                .copyMemory(from: exchange.share(of: rank), byteCount: shares[rank].count)
        }
    }
}
