/// The ranks' tensors reduced to one by all ranks together: each reduces its share, and hands it to those who want it.
///
/// In rank order and in one pass over all inputs, so the bits are those of every other algorithm.
///
/// Chunk by chunk through the slots, with the results of one chunk taken after the next one is shown, so
/// that there is one step a chunk and one more. Per rank with p ranks: (3 - 2/p) * n read, 2n written. An input in the
/// heap is not copied in, and when all tensors lie there it is `DirectReduce` after the first step.
package enum SharedReduce {
    /// - Parameter call: `output` is nil on ranks that don't get the result.
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        guard let input = unsafe call.input else {
            try exchange.step(call.signature)
            return .step
        }
        let (bytes, stageBytes) = (call.bytes, exchange.layout.stageBytes)
        let location = unsafe exchange.heap.location(of: input, bytes: bytes)
        let chunkBytes = min(bytes, stageBytes)
        let slots = Slots(chunkBytes: chunkBytes, ranks: exchange.size)
        var stores = exchange.beginStores(
            bytes: bytes, slotBytes: slots.bytes, location != 0 ? .direct : .reduced)
        let result: UInt64 = unsafe call.output.map { unsafe exchange.heap.location(of: $0, bytes: bytes) } ?? .max
        var chunk = 0..<chunkBytes
        if location == 0 { unsafe stage(chunk, of: input, in: slots, stores, over: exchange) }
        stores.pause()
        let views = try exchange.open(call.signature, input: location, output: result, inputBytes: bytes)
        stores.resume()
        if !views.someStaged && views.allOutputsDirect {
            try unsafe DirectReduce.run(call, stores, over: exchange)
            exchange.endStores(stores, note: views.storeNote)
            return .direct
        }
        while true {
            unsafe reduce(chunk, of: call, input, in: slots, stores, over: exchange)
            let reduced = chunk
            chunk = chunk.upperBound..<min(bytes, chunk.upperBound + stageBytes)
            if location == 0, !chunk.isEmpty { unsafe stage(chunk, of: input, in: slots, stores, over: exchange) }
            if chunk.isEmpty, views.someDirect {
                try exchange.lastStep(call.signature)
            } else {
                try exchange.step(call.signature)
            }
            unsafe take(reduced, of: call, in: slots, over: exchange)
            if chunk.isEmpty { break }
        }
        exchange.endStores(stores, note: views.storeNote)
        return .staged
    }

    /// Bytes of a call's slots, whatever the memory its tensors lie in.
    package static func slotBytes(for bytes: Int, _ layout: RegionLayout) -> Int {
        Slots(chunkBytes: min(bytes, layout.stageBytes), ranks: layout.worldSize).bytes
    }

    /// How a call uses its slots: a chunk's share for each other rank, then this rank's share of the results.
    private struct Slots {
        private let shareBytes: Int
        private let ranks: Int

        init(chunkBytes: Int, ranks: Int) {
            shareBytes = Shares(of: chunkBytes, ranks: ranks)[0].count
            self.ranks = ranks
        }

        var bytes: Int { ranks * shareBytes }

        /// Where a rank shows what another one will reduce.
        @inline(__always)
        func input(from shower: Int, to reducer: Int) -> Int {
            (reducer < shower ? reducer : reducer - 1) * shareBytes
        }

        /// Where a rank shows what it has reduced.
        var result: Int { (ranks - 1) * shareBytes }
    }

    /// Shows a chunk, but for this rank's own share of it.
    @unsafe
    private static func stage(
        _ chunk: Range<Int>, of input: UnsafeRawPointer, in slots: Slots, _ stores: Exchange.Stores,
        over exchange: Exchange
    ) {
        let shares = Shares(of: chunk.count, ranks: exchange.size)
        let (slot, from, own) = unsafe (exchange.ownSlot, input + chunk.lowerBound, exchange.rank)
        for rank in 0..<exchange.size where rank != own {
            unsafe exchange.store(
                from + shares[rank].lowerBound, to: slot + slots.input(from: own, to: rank),
                bytes: shares[rank].count, stores)
        }
    }

    /// Reduces this rank's share of a chunk, for itself and for showing it.
    @unsafe
    private static func reduce(
        _ chunk: Range<Int>, of call: Call, _ input: UnsafeRawPointer, in slots: Slots, _ stores: Exchange.Stores,
        over exchange: Exchange
    ) {
        let rank = exchange.rank
        let own = Shares(of: chunk.count, ranks: exchange.size)[rank]
        let place = chunk.lowerBound + own.lowerBound
        for other in 0..<exchange.size where other != rank {
            if let tensor = unsafe exchange.inputs[other] {
                unsafe exchange.sources[other] = tensor + place
            } else {
                unsafe exchange.sources[other] = exchange.slot(of: other) + slots.input(from: other, to: rank)
            }
        }
        unsafe exchange.sources[rank] = input + place
        unsafe exchange.results[0] = exchange.ownSlot + slots.result
        if let output = unsafe call.output { unsafe exchange.results[1] = output + place }
        unsafe exchange.reduceForOthers(
            call, own: call.output.map { unsafe $0 + place }, resultCount: unsafe call.output == nil ? 1 : 2,
            bytes: own.count, stores)
    }

    /// Takes the other ranks' shares of a chunk that has been reduced.
    @unsafe
    private static func take(_ chunk: Range<Int>, of call: Call, in slots: Slots, over exchange: Exchange) {
        guard let output = unsafe call.output else { return }
        let shares = Shares(of: chunk.count, ranks: exchange.size)
        for turn in 1..<exchange.size {
            let rank = (exchange.rank + turn) % exchange.size
            unsafe (output + chunk.lowerBound + shares[rank].lowerBound)
                .copyMemory(from: exchange.slot(of: rank) + slots.result, byteCount: shares[rank].count)
        }
    }
}
