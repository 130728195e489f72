/// The ranks' values reduced to one, on all ranks: every rank shows chunk after chunk and reduces everybody's.
///
/// Each rank adds in rank order, 0 + 1 + ... + (p - 1), so the result has the same bits on all ranks and in all runs.
/// Per rank with n bytes: n / slot size steps, n bytes copied in, p * n read, n written. Good for a few ranks and for
/// small values; the p * n is what better algorithms for many ranks save.
enum FlatAllReduce {
    /// Bytes that are reduced over all ranks before the next ones: the partial sums stay in the first-level cache.
    private static let blockBytes = 8192

    /// - Parameter bytes: elements of the kernels' type, aligned for it.
    /// - Parameter result: as long as `bytes`; may be the same memory.
    static func run(
        _ bytes: UnsafeRawBufferPointer, into result: UnsafeMutableRawBufferPointer, reduction: Reduction,
        kernels: ElementKernels, signature: Signature, over exchange: Exchange
    ) throws(CollectiveError) {
        // Slots and blocks are multiples of 128 bytes, so no element is cut.
        for chunk in Chunks.of(bytes.count, size: exchange.slotBytes) {
            unsafe exchange.ownSlot.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[chunk]))
            try exchange.step(signature)
            for block in Chunks.of(chunk.count, size: blockBytes) where !block.isEmpty {
                let place = chunk.lowerBound + block.lowerBound
                // Ours until the next step, and inside the slots: chunks are cut to them.
                unsafe reduce(
                    block, into: UnsafeMutableRawBufferPointer(rebasing: result[place..<place + block.count]),
                    reduction: reduction, kernels: kernels, over: exchange)
            }
        }
    }

    /// Reduces one block of all slots.
    private static func reduce(
        _ block: Range<Int>, into result: UnsafeMutableRawBufferPointer, reduction: Reduction,
        kernels: ElementKernels, over exchange: Exchange
    ) {
        let count = block.count / kernels.type.stride
        guard let target = result.baseAddress else { return }
        func source(_ rank: Int) -> UnsafeRawPointer {
            unsafe exchange.slotStart(of: rank) + block.lowerBound
        }
        if exchange.size == 1 {
            unsafe target.copyMemory(from: source(0), byteCount: block.count)
        } else {
            unsafe kernels.add(source(0), source(1), target, count)
            for rank in 2..<max(2, exchange.size) { unsafe kernels.add(target, source(rank), target, count) }
        }
        if reduction == .mean { unsafe kernels.divide(target, exchange.size, count) }
    }
}
