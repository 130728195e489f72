import Collectives

/// Each kind of call in which a rank waits for others, in as many steps as it can take with a stage of 1024 bytes.
enum AnyCall: CaseIterable {
    case barrier, broadcast, allGather, smallAllReduce, flatAllReduce, stagedAllReduce, reduceScatter, reduce, gather,
        scatter, allToAll, sendReceive, split, makeTensor, work

    /// Elements of a tensor that takes many steps.
    private static let many = 6000

    /// - Parameter root: the rank that sends or collects.
    func make(on communicator: Communicator, root: Int = 0) throws {
        let (rank, size) = (communicator.rank, communicator.size)
        var values = [Float](repeating: 1, count: Self.many)
        switch self {
        case .barrier: try communicator.barrier()
        case .broadcast: try communicator.broadcast(&values, from: root)
        case .allGather: _ = try communicator.allGather(values)
        case .smallAllReduce:
            var few: [Float] = [1, 2]
            try communicator.allReduce(&few, .sum)
        case .flatAllReduce:
            var some = [Double](repeating: 1, count: 128)
            try communicator.allReduce(&some, .sum)
        case .stagedAllReduce: try communicator.allReduce(&values, .sum)
        case .reduceScatter: _ = try communicator.reduceScatter(values, .sum)
        case .reduce: try communicator.reduce(&values, .sum, to: root)
        case .gather: _ = try communicator.gather(values, to: root)
        case .scatter:
            let all = [Float](repeating: 1, count: Self.many * size)
            var span = values.mutableSpan
            try communicator.scatter(all.span, into: &span, from: root)
        case .allToAll: _ = try communicator.allToAll(values)
        case .sendReceive:
            let own = values
            var span = values.mutableSpan
            try communicator.sendReceive(own.span, to: (rank + 1) % size, into: &span, from: (rank + size - 1) % size)
        case .split: _ = try communicator.split(color: 0)
        case .makeTensor: _ = try communicator.makeTensor(of: Float.self, count: Self.many)
        case .work:
            try communicator.start { communicator throws(CollectiveError) in
                var values = [Float](repeating: 1, count: Self.many)
                try communicator.allReduce(&values, .sum)
            }.wait()
        }
    }
}
