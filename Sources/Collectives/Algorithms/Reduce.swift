/// The ranks' tensors reduced to one, on one rank.
enum Reduce {
    /// - Parameter call: `output` is nil on all ranks but the root.
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        let isRoot = exchange.rank == call.root
        if AllReduce.isFlat(call, over: exchange) {
            return try FlatReduce.run(call, isShowing: !isRoot, wantsResult: isRoot, over: exchange)
        }
        return try SharedReduce.run(call, over: exchange)
    }
}
