/// The collectives over raw memory: what the typed forms, tensors and the C interface have in common.
///
/// The callers promise that the bytes are there, aligned for the element type, for as long as the call lasts, that
/// nobody else touches them, and that input and output are the same memory where a comment allows that or else apart.
extension Communicator {
    /// Counts and roots that no tensor has.
    private func check(count: Int, _ element: ElementType, root: Int = 0) throws(CollectiveError) {
        // With strides below 2^24 and 2^10 ranks at most, so few elements always fit: a small call does without divisions.
        guard
            count >= 0,
            count <= 1 << 12
                || count <= SymmetricHeap.largestArena / max(1, element.stride) / size
        else {
            throw CollectiveError(.invalidArgument, "a tensor can't have \(count) elements")
        }
        guard (0..<size).contains(root) else {
            throw CollectiveError(.invalidArgument, "the root is rank \(root); there are ranks 0 to \(size - 1)")
        }
    }

    private func checkReducible(_ element: ElementType) throws(CollectiveError) {
        guard element.code != .other else { throw CollectiveError(.invalidArgument, "\(element) can't be reduced") }
    }

    /// The only rank's collective: its input is its result.
    @unsafe
    private static func copyAlone(_ call: Call) {
        guard let input = unsafe call.input, let output = unsafe call.output, call.bytes > 0,
            unsafe input != UnsafeRawPointer(output)
        else { return }
        unsafe output.copyMemory(from: input, byteCount: call.bytes)
    }

    @inline(__always) @unsafe
    private func run(
        _ call: Call, bytes: Int, _ algorithm: (Call, Exchange) throws(CollectiveError) -> CollectiveAlgorithm
    ) throws(CollectiveError) {
        try run(call.signature, bytes: bytes) { exchange throws(CollectiveError) in
            if exchange.size == 1 {
                unsafe Self.copyAlone(call)
                return .alone
            }
            return try algorithm(call, exchange)
        }
    }

    package func rawBarrier() throws(CollectiveError) {
        let call = unsafe Call(.barrier, .bytes(stride: 0), count: 0, input: nil, output: nil)
        try unsafe run(call, bytes: 0, Barrier.run)
    }

    /// - Parameter tensor: `count` elements; read on the root, written elsewhere.
    @unsafe package func rawBroadcast(
        _ tensor: UnsafeMutableRawPointer?, count: Int, _ element: ElementType, from root: Int
    ) throws(CollectiveError) {
        try check(count: count, element, root: root)
        let call = unsafe Call(
            .broadcast, element, count: count, root: root, input: UnsafeRawPointer(tensor), output: tensor)
        try unsafe run(call, bytes: call.bytes, Broadcast.run)
    }

    /// - Parameter count: elements of `input`; `output` has `size` times as many. In place: `input` is this rank's
    ///   block of `output`.
    @unsafe package func rawAllGather(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType
    ) throws(CollectiveError) {
        try check(count: count, element)
        let call = unsafe Call(.allGather, element, count: count, input: input, output: output)
        try unsafe run(call, bytes: call.bytes * size, AllGather.run)
    }

    /// - Parameter count: elements of each. In place: the same memory.
    @usableFromInline
    @unsafe package func rawAllReduce(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType,
        _ reduction: Reduction
    ) throws(CollectiveError) {
        try check(count: count, element)
        try checkReducible(element)
        let call = unsafe Call(.allReduce, element, count: count, reduction: reduction, input: input, output: output)
        try unsafe run(call, bytes: call.bytes, AllReduce.run)
    }

    /// - Parameter count: elements of `output`; `input` has `size` times as many. In place: `output` is this rank's
    ///   block of `input`.
    @unsafe package func rawReduceScatter(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType,
        _ reduction: Reduction
    ) throws(CollectiveError) {
        try check(count: count, element)
        try checkReducible(element)
        let call = unsafe Call(
            .reduceScatter, element, count: count, reduction: reduction, input: input, output: output)
        try unsafe run(call, bytes: call.bytes * size, ReduceScatter.run)
    }

    /// - Parameter count: elements of each; `output` counts on the root only. In place: the same memory.
    @unsafe package func rawReduce(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType,
        _ reduction: Reduction, to root: Int
    ) throws(CollectiveError) {
        try check(count: count, element, root: root)
        try checkReducible(element)
        let call = unsafe Call(
            .reduce, element, count: count, root: root, reduction: reduction, input: input,
            output: rank == root ? output : nil)
        try unsafe run(call, bytes: call.bytes, Reduce.run)
    }

    /// - Parameter count: elements of `input`; on the root `output` has `size` times as many, elsewhere it doesn't
    ///   count. In place on the root: `input` is its block of `output`.
    @unsafe package func rawGather(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType,
        to root: Int
    ) throws(CollectiveError) {
        try check(count: count, element, root: root)
        let call = unsafe Call(.gather, element, count: count, root: root, input: input, output: output)
        try unsafe run(call, bytes: call.bytes * (rank == root ? size : 1), Gather.run)
    }

    /// - Parameter count: elements of `output`; on the root `input` has `size` times as many, elsewhere it doesn't
    ///   count. In place on the root: `output` is its block of `input`.
    @unsafe package func rawScatter(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType,
        from root: Int
    ) throws(CollectiveError) {
        try check(count: count, element, root: root)
        let call = unsafe Call(.scatter, element, count: count, root: root, input: input, output: output)
        try unsafe run(call, bytes: call.bytes * (rank == root ? size : 1), Scatter.run)
    }

    /// - Parameter count: elements of one block; both tensors have `size` blocks. In place: the same memory.
    @unsafe package func rawAllToAll(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType
    ) throws(CollectiveError) {
        try check(count: count, element)
        let call = unsafe Call(.allToAll, element, count: count, input: input, output: output)
        try unsafe run(call, bytes: call.bytes * size, AllToAll.run)
    }

    /// One message out.
    @unsafe package func rawSend(
        _ tensor: UnsafeRawPointer?, count: Int, _ element: ElementType, to receiver: Int
    ) throws(CollectiveError) {
        try check(count: count, element, root: receiver)
        let call = unsafe Call(.send, element, count: count, input: tensor, output: nil)
        try run(call.signature, bytes: call.bytes) { exchange throws(CollectiveError) in
            try PointToPoint.run(send: (call, receiver), receive: nil, over: exchange)
        }
    }

    /// One message in. Both ends of a message have the same signature, that of the sending.
    @unsafe package func rawReceive(
        _ tensor: UnsafeMutableRawPointer?, count: Int, _ element: ElementType, from sender: Int
    ) throws(CollectiveError) {
        try check(count: count, element, root: sender)
        let call = unsafe Call(.send, element, count: count, input: nil, output: tensor)
        try run(Signature(.receive, of: element, count: count), bytes: call.bytes) { exchange throws(CollectiveError) in
            try PointToPoint.run(send: nil, receive: (call, sender), over: exchange)
        }
    }

    /// One message out and one in at the same time.
    @unsafe package func rawSendReceive(
        _ input: UnsafeRawPointer?, count: Int, to receiver: Int, _ output: UnsafeMutableRawPointer?,
        count received: Int,
        from sender: Int, _ element: ElementType
    ) throws(CollectiveError) {
        try check(count: count, element, root: receiver)
        try check(count: received, element, root: sender)
        let out = unsafe Call(.send, element, count: count, input: input, output: nil)
        let into = unsafe Call(.send, element, count: received, input: nil, output: output)
        try run(out.signature, bytes: out.bytes + into.bytes) { exchange throws(CollectiveError) in
            try PointToPoint.run(send: (out, receiver), receive: (into, sender), over: exchange)
        }
    }
}
