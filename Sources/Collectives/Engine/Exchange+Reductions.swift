import CReduction

extension Exchange {
    /// Reduces what `sources` point to into the first `resultCount` of `results`; see `CReduction.h`.
    ///
    /// - Parameter bytes: of one tensor, whole elements.
    @inline(__always)
    func reduce(_ call: Call, resultCount: Int, bytes: Int) {
        guard bytes > 0 else { return }
        unsafe kernel(call)(sources, Int32(size), results, Int32(resultCount), bytes / call.element.stride)
    }

    @inline(__always)
    private func kernel(_ call: Call) -> creduction_kernel {
        let number = Int32(call.element.code.rawValue) << 8 | call.operation
        if number == lastKernelNumber, let kernel = unsafe lastKernel { return unsafe kernel }
        return unsafe findKernel(call, number)
    }

    @inline(never)
    private func findKernel(_ call: Call, _ number: Int32) -> creduction_kernel {
        guard let kernel = unsafe creduction_find(Int32(call.element.code.rawValue), call.operation, vectorLevel) else {
            preconditionFailure("\(call.element) can't be reduced")
        }
        unsafe (lastKernelNumber, lastKernel) = (number, kernel)
        return unsafe kernel
    }

    /// Reduces what `sources` point to into the first `resultCount` of `results`, which other ranks will read.
    ///
    /// Past the caches it goes block by block: into this rank's own result, or into a block of its own where it has
    /// none, and from there, still in the first-level cache, to where the others read. The blocks are so small that the
    /// core writes one while it waits for the next one's sources, and only the last is waited for; see
    /// docs/measurements/collectives.md.
    ///
    /// - Parameter own: that of `results` which only this rank reads; nil for none.
    @unsafe
    func reduceForOthers(
        _ call: Call, own: UnsafeMutableRawPointer?, resultCount: Int, bytes: Int, _ stores: Stores
    ) {
        guard stores.areStreamed else { return reduce(call, resultCount: resultCount, bytes: bytes) }
        let (kernel, stride) = unsafe (kernel(call), call.element.stride)
        // The kernel writes to the first of `results` alone, so the others are kept beside it meanwhile.
        let first = unsafe results[0]
        var done = 0
        while done < bytes {
            let length = min(Self.blockBytes, bytes - done)
            let target = unsafe own.map { unsafe $0 + done } ?? block
            unsafe results[0] = target
            unsafe kernel(sources, Int32(size), results, 1, length / stride)
            unsafe results[0] = first
            for index in 0..<resultCount {
                let result = unsafe results[index] + done
                if unsafe result != target { unsafe creduction_copy_streaming(result, target, length, vectorLevel) }
            }
            for rank in 0..<size { unsafe sources[rank] += length }
            done += length
        }
        creduction_end_streaming()
    }
}
