/// The collectives over arrays; see the forms over spans.
///
/// Inputs are lent by `withUnsafeBufferPointer`: with `values.span` Swift 6.3.1 finds that nobody reads an array that
/// lives only for the call, and does not fill it in.
extension Communicator {
    /// Overwrites the elements of all ranks with those of one rank.
    public func broadcast<Element: BitwiseCopyable>(
        _ values: inout [Element], from root: Int
    ) throws(CollectiveError) {
        var span = values.mutableSpan
        try broadcast(&span, from: root)
    }

    /// The elements of all ranks, those of rank 0 first. Allocates the result.
    public func allGather<Element: BitwiseCopyable>(_ values: [Element]) throws(CollectiveError) -> [Element] {
        var result = room(values.count * size, like: values)
        var span = result.mutableSpan
        unsafe try values.withUnsafeBufferPointer { values throws(CollectiveError) in
            try unsafe allGather(Span(_unsafeElements: values), into: &span)
        }
        return result
    }

    /// Reduces the elements of all ranks, place by place, in place.
    @inlinable
    public func allReduce<Element: CollectiveElement>(
        _ values: inout [Element], _ reduction: Reduction
    ) throws(CollectiveError) {
        var span = values.mutableSpan
        try allReduce(&span, reduction)
    }

    /// This rank's block of the reduced elements. Allocates the result.
    ///
    /// - Parameter values: a multiple of `size`.
    public func reduceScatter<Element: CollectiveElement>(
        _ values: [Element], _ reduction: Reduction
    ) throws(CollectiveError) -> [Element] {
        var result = room(values.count / size, like: values)
        var span = result.mutableSpan
        unsafe try values.withUnsafeBufferPointer { values throws(CollectiveError) in
            try unsafe reduceScatter(Span(_unsafeElements: values), into: &span, reduction)
        }
        return result
    }

    /// Reduces the elements of all ranks, place by place, in place on one rank.
    public func reduce<Element: CollectiveElement>(
        _ values: inout [Element], _ reduction: Reduction, to root: Int
    ) throws(CollectiveError) {
        var span = values.mutableSpan
        try reduce(&span, reduction, to: root)
    }

    /// On the root the elements of all ranks, elsewhere none. Allocates the result.
    public func gather<Element: BitwiseCopyable>(
        _ values: [Element], to root: Int
    ) throws(CollectiveError) -> [Element] {
        var result = room(rank == root ? values.count * size : 0, like: values)
        var span = result.mutableSpan
        unsafe try values.withUnsafeBufferPointer { values throws(CollectiveError) in
            try unsafe gather(Span(_unsafeElements: values), into: &span, to: root)
        }
        return result
    }

    /// This rank's block of every rank's elements. Allocates the result.
    ///
    /// - Parameter values: a multiple of `size`.
    public func allToAll<Element: BitwiseCopyable>(_ values: [Element]) throws(CollectiveError) -> [Element] {
        var result = room(values.count, like: values)
        var span = result.mutableSpan
        unsafe try values.withUnsafeBufferPointer { values throws(CollectiveError) in
            try unsafe allToAll(Span(_unsafeElements: values), into: &span)
        }
        return result
    }

    /// Sends elements to one rank.
    public func send<Element: BitwiseCopyable>(_ values: [Element], to receiver: Int) throws(CollectiveError) {
        unsafe try values.withUnsafeBufferPointer { values throws(CollectiveError) in
            try unsafe send(Span(_unsafeElements: values), to: receiver)
        }
    }

    /// Receives the next message of one rank.
    public func receive<Element: BitwiseCopyable>(
        _ values: inout [Element], from sender: Int
    ) throws(CollectiveError) {
        var span = values.mutableSpan
        try receive(&span, from: sender)
    }

    /// An array for a result. Any element will do to begin with, so the first one does.
    private func room<Element>(_ count: Int, like values: [Element]) -> [Element] {
        values.first.map { [Element](repeating: $0, count: count) } ?? []
    }
}
