/// All ranks' values on all ranks, in rank order: every rank shows chunk after chunk, and copies everybody's.
///
/// Per rank with n bytes each and p ranks: n / slot size steps, n bytes copied in and p * n out.
enum FlatAllGather {
    /// - Parameter result: as long as `bytes` times the number of ranks, and apart from it.
    static func run(
        _ bytes: UnsafeRawBufferPointer, into result: UnsafeMutableRawBufferPointer, signature: Signature,
        over exchange: Exchange
    ) throws(CollectiveError) {
        let count = bytes.count
        for chunk in Chunks.of(count, size: exchange.slotBytes) {
            unsafe exchange.ownSlot.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[chunk]))
            try exchange.step(signature)
            for rank in 0..<exchange.size {
                let place = rank * count + chunk.lowerBound
                // Ours until the next step, and as long as the slot at most: chunks are cut to it.
                unsafe UnsafeMutableRawBufferPointer(rebasing: result[place..<place + chunk.count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: exchange.slot(of: rank)[..<chunk.count]))
            }
        }
    }
}
