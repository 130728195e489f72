/// The collectives over spans.
///
/// A span that lies in a tensor of `makeTensor` takes the direct path like the tensor itself. All collectives throw
/// `mismatch`, `rankDied`, `rankLeft`, `timedOut`, `aborted` or `closed`, and then the elements of their results are
/// undefined; they throw `invalidArgument` for lengths and roots that can't be, and then nothing was sent.
///
/// "n bytes" in the costs are a rank's tensor, p is the number of ranks.
extension Communicator {
    /// Waits until all ranks have called it.
    ///
    /// What a rank did before its call is done when any rank's call returns. One step: less than a microsecond when
    /// all ranks run and come at once.
    public func barrier() throws(CollectiveError) { try rawBarrier() }

    /// Overwrites the elements of all ranks with those of one rank. Costs reading and writing n bytes.
    ///
    /// - Parameter values: the same number on all ranks, 0 included.
    /// - Parameter root: the rank whose values count, 0 to `size` - 1; the same on all ranks.
    public func broadcast<Element: BitwiseCopyable>(
        _ values: inout MutableSpan<Element>, from root: Int
    ) throws(CollectiveError) {
        let count = values.count
        // The bytes are valid for the closure's time, which is the collective's; so in all functions below.
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            try unsafe rawBroadcast(bytes.baseAddress, count: count, .of(Element.self), from: root)
        }
    }

    /// Collects the elements of all ranks on all ranks, those of rank 0 first. Costs writing p * n bytes.
    ///
    /// - Parameter values: this rank's; the same number on all ranks, 0 included.
    /// - Parameter result: `size` times as many.
    public func allGather<Element: BitwiseCopyable>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>
    ) throws(CollectiveError) {
        try expect(result.count, times: size, values.count, "the result")
        let count = values.count
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe rawAllGather(bytes.baseAddress, result.baseAddress, count: count, .of(Element.self))
            }
        }
    }

    /// Collects in place: this rank's elements are the `rank`-th block of `values` already.
    ///
    /// - Parameter values: a multiple of `size` elements, the same number on all ranks.
    public func allGather<Element: BitwiseCopyable>(_ values: inout MutableSpan<Element>) throws(CollectiveError) {
        let count = try blocks(of: values.count)
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            let own = unsafe bytes.baseAddress.map { unsafe $0 + rank * count * MemoryLayout<Element>.stride }
            try unsafe rawAllGather(own, bytes.baseAddress, count: count, .of(Element.self))
        }
    }

    /// Reduces the elements of all ranks, place by place, and gives every rank the result in their place.
    ///
    /// The result has the same bits on all ranks and in every run with the same values and number of ranks: it is
    /// reduced in rank order, whatever way the bytes take. Costs from 2n bytes of reading and writing (tensors of
    /// `makeTensor`) to 5n.
    ///
    /// - Parameter values: the same number on all ranks, 0 included.
    @inlinable
    public func allReduce<Element: CollectiveElement>(
        _ values: inout MutableSpan<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        let count = values.count
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            try unsafe rawAllReduce(
                bytes.baseAddress, bytes.baseAddress, count: count, Element.collectiveType, reduction)
        }
    }

    /// Reduces into another span; otherwise as the form in place.
    ///
    /// - Parameter result: as many as `values`.
    public func allReduce<Element: CollectiveElement>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        try expect(result.count, times: 1, values.count, "the result")
        let count = values.count
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe rawAllReduce(
                    bytes.baseAddress, result.baseAddress, count: count, Element.collectiveType, reduction)
            }
        }
    }

    /// Reduces the elements of all ranks, place by place, and gives each rank its block of the result. In rank order,
    /// as `allReduce`. Costs reading n and writing n / p bytes, and n more of each for spans that are in no tensor.
    ///
    /// - Parameter values: `size` blocks, that for rank 0 first; the same number on all ranks.
    /// - Parameter result: as many as a block.
    public func reduceScatter<Element: CollectiveElement>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        try expect(values.count, times: size, result.count, "the input")
        let count = result.count
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe rawReduceScatter(
                    bytes.baseAddress, result.baseAddress, count: count, Element.collectiveType, reduction)
            }
        }
    }

    /// Reduces in place: this rank's block of the result takes the place of the `rank`-th block of `values`; the other
    /// blocks stay as they are.
    ///
    /// - Parameter values: a multiple of `size` elements, the same number on all ranks.
    public func reduceScatter<Element: CollectiveElement>(
        _ values: inout MutableSpan<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        let count = try blocks(of: values.count)
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            let own = unsafe bytes.baseAddress.map { unsafe $0 + rank * count * MemoryLayout<Element>.stride }
            try unsafe rawReduceScatter(
                UnsafeRawPointer(bytes.baseAddress), own, count: count, Element.collectiveType, reduction)
        }
    }

    /// Reduces the elements of all ranks, place by place, and gives one rank the result in their place; the other
    /// ranks' stay as they are. In rank order, as `allReduce`.
    ///
    /// - Parameter values: the same number on all ranks, 0 included.
    /// - Parameter root: the rank that gets the result; the same on all ranks.
    public func reduce<Element: CollectiveElement>(
        _ values: inout MutableSpan<Element>, _ reduction: Reduction, to root: Int
    ) throws(CollectiveError) {
        let count = values.count
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            try unsafe rawReduce(
                bytes.baseAddress, bytes.baseAddress, count: count, Element.collectiveType, reduction, to: root)
        }
    }

    /// Reduces into another span; otherwise as the form in place.
    ///
    /// - Parameter result: on the root as many as `values`; elsewhere it is not touched and may be empty.
    public func reduce<Element: CollectiveElement>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>, _ reduction: Reduction, to root: Int
    ) throws(CollectiveError) {
        if rank == root { try expect(result.count, times: 1, values.count, "the result") }
        let count = values.count
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe rawReduce(
                    bytes.baseAddress, result.baseAddress, count: count, Element.collectiveType, reduction, to: root)
            }
        }
    }

    /// Collects the elements of all ranks on one rank, those of rank 0 first.
    ///
    /// - Parameter values: this rank's; the same number on all ranks, 0 included.
    /// - Parameter result: on the root `size` times as many; elsewhere it is not touched and may be empty.
    /// - Parameter root: the rank that collects; the same on all ranks.
    public func gather<Element: BitwiseCopyable>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>, to root: Int
    ) throws(CollectiveError) {
        if rank == root { try expect(result.count, times: size, values.count, "the result") }
        let count = values.count
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe rawGather(
                    bytes.baseAddress, result.baseAddress, count: count, .of(Element.self), to: root)
            }
        }
    }

    /// Gives each rank its block of one rank's elements.
    ///
    /// - Parameter values: on the root `size` blocks, that for rank 0 first; elsewhere it is not touched and may be
    ///   empty.
    /// - Parameter result: as many as a block; the same number on all ranks.
    /// - Parameter root: the rank whose elements are given out; the same on all ranks.
    public func scatter<Element: BitwiseCopyable>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>, from root: Int
    ) throws(CollectiveError) {
        if rank == root { try expect(values.count, times: size, result.count, "the input") }
        let count = result.count
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe rawScatter(
                    bytes.baseAddress, result.baseAddress, count: count, .of(Element.self), from: root)
            }
        }
    }

    /// Gives each rank its block of every rank's elements: block s of rank r becomes block r of rank s.
    ///
    /// - Parameter values: `size` blocks, that for rank 0 first; the same number on all ranks.
    /// - Parameter result: as many; the block from rank 0 first.
    public func allToAll<Element: BitwiseCopyable>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>
    ) throws(CollectiveError) {
        try expect(result.count, times: 1, values.count, "the result")
        let count = try blocks(of: values.count)
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe rawAllToAll(bytes.baseAddress, result.baseAddress, count: count, .of(Element.self))
            }
        }
    }

    /// The same in place. Always staged.
    public func allToAll<Element: BitwiseCopyable>(_ values: inout MutableSpan<Element>) throws(CollectiveError) {
        let count = try blocks(of: values.count)
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            try unsafe rawAllToAll(
                UnsafeRawPointer(bytes.baseAddress), bytes.baseAddress, count: count, .of(Element.self))
        }
    }

    // MARK: Messages

    /// Sends elements to one rank, which has to receive as many of the same type.
    ///
    /// Returns when `values` may be changed again: for up to 64 KiB at once, if the receiver has taken this rank's
    /// messages before it and at most three others of this rank are under way; else when enough was taken. Messages of
    /// one rank to another are received in the order in which they were sent. Not a collective: the other ranks may do
    /// something else meanwhile.
    ///
    /// - Parameter receiver: 0 to `size` - 1. Two ranks that send each other large messages at the same time wait
    ///   until the time-out: they use `sendReceive`.
    public func send<Element: BitwiseCopyable>(_ values: Span<Element>, to receiver: Int) throws(CollectiveError) {
        let count = values.count
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe rawSend(bytes.baseAddress, count: count, .of(Element.self), to: receiver)
        }
    }

    /// Receives the next message of one rank.
    ///
    /// - Parameter values: as many elements as were sent, of the same type; else it is a `mismatch` on both ranks.
    public func receive<Element: BitwiseCopyable>(
        _ values: inout MutableSpan<Element>, from sender: Int
    ) throws(CollectiveError) {
        let count = values.count
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            try unsafe rawReceive(bytes.baseAddress, count: count, .of(Element.self), from: sender)
        }
    }

    /// Sends to one rank and receives from another, or the same, at the same time.
    public func sendReceive<Element: BitwiseCopyable>(
        _ values: Span<Element>, to receiver: Int, into result: inout MutableSpan<Element>, from sender: Int
    ) throws(CollectiveError) {
        let (sent, received) = (values.count, result.count)
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe rawSendReceive(
                    bytes.baseAddress, count: sent, to: receiver, result.baseAddress, count: received, from: sender,
                    .of(Element.self))
            }
        }
    }

    // MARK: Lengths

    private func expect(_ count: Int, times factor: Int, _ part: Int, _ what: String) throws(CollectiveError) {
        if count == part * factor { return }
        let reason = factor == 1 ? "\(part) are needed" : "\(part) for each of \(size) ranks are \(part * factor)"
        throw CollectiveError(.invalidArgument, "\(what) has \(count) elements; \(reason)")
    }

    private func blocks(of count: Int) throws(CollectiveError) -> Int {
        if count % size == 0 { return count / size }
        throw CollectiveError(.invalidArgument, "\(count) elements are not a block for each of \(size) ranks")
    }
}
