extension Communicator {
    /// Waits until all ranks have called it.
    ///
    /// What a rank did before its call is done when any rank's call returns. One step: about a microsecond when all
    /// ranks run and come at once.
    ///
    /// - Throws: `mismatch`, `rankDied`, `rankLeft`, `closed`; as every collective.
    public func barrier() throws(CollectiveError) {
        try run { exchange throws(CollectiveError) in try Barrier.run(over: exchange) }
    }

    /// Overwrites the values of all ranks with those of one rank.
    ///
    /// - Parameter values: the same number on all ranks, 0 included.
    /// - Parameter root: the rank whose values count, 0 to `size` - 1; the same on all ranks.
    /// - Throws: `invalidArgument` for a root out of range; otherwise as `barrier`, and then the values of the others
    ///   are partly overwritten.
    public func broadcast<Element: BitwiseCopyable>(
        _ values: inout MutableSpan<Element>, from root: Int
    ) throws(CollectiveError) {
        guard (0..<size).contains(root) else {
            throw CollectiveError(.invalidArgument, "the root is rank \(root); there are ranks 0 to \(size - 1)")
        }
        let signature = Signature(.broadcast, of: .of(Element.self), count: values.count, root: root)
        // The bytes are valid for the closure's time, which is the collective's.
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            try run { exchange throws(CollectiveError) in
                try unsafe FlatBroadcast.run(bytes, root: root, signature: signature, over: exchange)
            }
        }
    }

    /// Collects the values of all ranks on all ranks, those of rank 0 first.
    ///
    /// - Parameter values: this rank's; the same number on all ranks, 0 included.
    /// - Parameter result: `size` times as many.
    /// - Throws: `invalidArgument` when the result has another length; otherwise as `barrier`.
    public func allGather<Element: BitwiseCopyable>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>
    ) throws(CollectiveError) {
        guard result.count == values.count * size else {
            throw CollectiveError(
                .invalidArgument,
                "the result has room for \(result.count) elements; \(values.count) from each of \(size) ranks need "
                    + "\(values.count * size)")
        }
        let signature = Signature(.allGather, of: .of(Element.self), count: values.count)
        // The bytes are valid for the closures' time, which is the collective's; a span and a mutable span never
        // overlap.
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try run { exchange throws(CollectiveError) in
                    try unsafe FlatAllGather.run(bytes, into: result, signature: signature, over: exchange)
                }
            }
        }
    }

    /// Reduces the values of all ranks, element by element, and gives every rank the result in their place.
    ///
    /// The result has the same bits on all ranks and in every run with the same values and number of ranks: it is
    /// added up in rank order. Costs reading the values of all ranks on each rank.
    ///
    /// - Parameter values: the same number on all ranks, 0 included.
    /// - Throws: as `barrier`, and then the values are partly reduced.
    public func allReduce<Element: CollectiveElement>(
        _ values: inout MutableSpan<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        // The bytes are valid for the closure's time, which is the collective's; the algorithm allows one memory for
        // both.
        try unsafe values.withUnsafeMutableBytes { bytes throws(CollectiveError) in
            try unsafe allReduce(UnsafeRawBufferPointer(bytes), into: bytes, reduction, Element.collectiveKernels)
        }
    }

    /// Reduces the values of all ranks, element by element, into another buffer; otherwise as the form in place.
    ///
    /// - Parameter result: as many as `values`.
    /// - Throws: `invalidArgument` when the result has another length; otherwise as `barrier`.
    public func allReduce<Element: CollectiveElement>(
        _ values: Span<Element>, into result: inout MutableSpan<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        guard result.count == values.count else {
            throw CollectiveError(
                .invalidArgument, "the result has room for \(result.count) elements; the values are \(values.count)")
        }
        // The bytes are valid for the closures' time, which is the collective's.
        try unsafe values.withUnsafeBytes { bytes throws(CollectiveError) in
            try unsafe result.withUnsafeMutableBytes { result throws(CollectiveError) in
                try unsafe allReduce(bytes, into: result, reduction, Element.collectiveKernels)
            }
        }
    }

    private func allReduce(
        _ bytes: UnsafeRawBufferPointer, into result: UnsafeMutableRawBufferPointer, _ reduction: Reduction,
        _ kernels: ElementKernels
    ) throws(CollectiveError) {
        let count = bytes.count / kernels.type.stride
        let signature = Signature(.allReduce, of: kernels.type, count: count, reduction: reduction)
        try run { exchange throws(CollectiveError) in
            try unsafe FlatAllReduce.run(
                bytes, into: result, reduction: reduction, kernels: kernels, signature: signature, over: exchange)
        }
    }
}

/// The same for arrays.
extension Communicator {
    /// Overwrites the values of all ranks with those of one rank.
    public func broadcast<Element: BitwiseCopyable>(
        _ values: inout [Element], from root: Int
    ) throws(CollectiveError) {
        var span = values.mutableSpan
        try broadcast(&span, from: root)
    }

    /// The values of all ranks, those of rank 0 first. Allocates the result.
    public func allGather<Element: BitwiseCopyable>(_ values: [Element]) throws(CollectiveError) -> [Element] {
        guard let first = values.first else {
            var none: [Element] = []
            var span = none.mutableSpan
            try allGather(values.span, into: &span)
            return []
        }
        var result = [Element](repeating: first, count: values.count * size)
        var span = result.mutableSpan
        try allGather(values.span, into: &span)
        return result
    }

    /// Reduces the values of all ranks, element by element, in place.
    public func allReduce<Element: CollectiveElement>(
        _ values: inout [Element], _ reduction: Reduction
    ) throws(CollectiveError) {
        var span = values.mutableSpan
        try allReduce(&span, reduction)
    }
}
