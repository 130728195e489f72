/// One rank's values on all ranks: the root shows chunk after chunk, the others copy.
///
/// Per rank: bytes / slot size steps; the root copies the bytes once, the others once.
enum FlatBroadcast {
    /// - Parameter bytes: sent by the root, overwritten elsewhere. The same number on all ranks, which the signature
    ///   ensures before a byte is read.
    static func run(
        _ bytes: UnsafeMutableRawBufferPointer, root: Int, signature: Signature, over exchange: Exchange
    ) throws(CollectiveError) {
        for chunk in Chunks.of(bytes.count, size: exchange.slotBytes) {
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[chunk])
            if exchange.rank == root { unsafe exchange.ownSlot.copyMemory(from: UnsafeRawBufferPointer(part)) }
            try exchange.step(signature)
            if exchange.rank != root {
                // Ours until the next step, and as long as the slot at most: chunks are cut to it.
                unsafe part.copyMemory(from: UnsafeRawBufferPointer(rebasing: exchange.slot(of: root)[..<chunk.count]))
            }
        }
    }
}
