/// The collectives over tensors, on the direct path; see the forms over spans.
extension Communicator {
    /// Overwrites the elements of all ranks with those of one rank.
    public func broadcast<Element: BitwiseCopyable>(
        _ tensor: Tensor<Element>, from root: Int
    ) throws(CollectiveError) {
        try tensor.withMutableSpan { span throws(CollectiveError) in try broadcast(&span, from: root) }
    }

    /// Collects the elements of all ranks on all ranks.
    ///
    /// - Parameter result: `size` times as many; another tensor.
    public func allGather<Element: BitwiseCopyable>(
        _ tensor: Tensor<Element>, into result: Tensor<Element>
    ) throws(CollectiveError) {
        try apart(tensor, result)
        try tensor.withSpan { values throws(CollectiveError) in
            try result.withMutableSpan { span throws(CollectiveError) in try allGather(values, into: &span) }
        }
    }

    /// Reduces the elements of all ranks, place by place, in place.
    public func allReduce<Element: CollectiveElement>(
        _ tensor: Tensor<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        try tensor.withMutableSpan { span throws(CollectiveError) in try allReduce(&span, reduction) }
    }

    /// Reduces into another tensor.
    public func allReduce<Element: CollectiveElement>(
        _ tensor: Tensor<Element>, into result: Tensor<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        try apart(tensor, result)
        try tensor.withSpan { values throws(CollectiveError) in
            try result.withMutableSpan { span throws(CollectiveError) in
                try allReduce(values, into: &span, reduction)
            }
        }
    }

    /// Reduces, and gives each rank its block.
    ///
    /// - Parameter result: one block; another tensor.
    public func reduceScatter<Element: CollectiveElement>(
        _ tensor: Tensor<Element>, into result: Tensor<Element>, _ reduction: Reduction
    ) throws(CollectiveError) {
        try apart(tensor, result)
        try tensor.withSpan { values throws(CollectiveError) in
            try result.withMutableSpan { span throws(CollectiveError) in
                try reduceScatter(values, into: &span, reduction)
            }
        }
    }

    /// Reduces in place on one rank.
    public func reduce<Element: CollectiveElement>(
        _ tensor: Tensor<Element>, _ reduction: Reduction, to root: Int
    ) throws(CollectiveError) {
        try tensor.withMutableSpan { span throws(CollectiveError) in try reduce(&span, reduction, to: root) }
    }

    /// Gives each rank its block of every rank's elements.
    ///
    /// - Parameter result: as many; another tensor.
    public func allToAll<Element: BitwiseCopyable>(
        _ tensor: Tensor<Element>, into result: Tensor<Element>
    ) throws(CollectiveError) {
        try apart(tensor, result)
        try tensor.withSpan { values throws(CollectiveError) in
            try result.withMutableSpan { span throws(CollectiveError) in try allToAll(values, into: &span) }
        }
    }

    /// Sends elements to one rank; returns when they were received.
    public func send<Element: BitwiseCopyable>(_ tensor: Tensor<Element>, to receiver: Int) throws(CollectiveError) {
        try tensor.withSpan { span throws(CollectiveError) in try send(span, to: receiver) }
    }

    /// Receives the next message of one rank.
    public func receive<Element: BitwiseCopyable>(
        _ tensor: Tensor<Element>, from sender: Int
    ) throws(CollectiveError) {
        try tensor.withMutableSpan { span throws(CollectiveError) in try receive(&span, from: sender) }
    }

    private func apart<Element>(_ one: Tensor<Element>, _ other: Tensor<Element>) throws(CollectiveError) {
        if one === other {
            throw CollectiveError(.invalidArgument, "input and result are the same tensor; use the form in place")
        }
    }
}
