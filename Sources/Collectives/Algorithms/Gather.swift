/// All ranks' tensors on one rank, in rank order: the others show, the root copies.
///
/// Per rank with n bytes each and p ranks: the root copies p * n, the others n (none when direct).
enum Gather {
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        let isRoot = exchange.rank == call.root
        return try Showing.run(call, blocks: 1, isShowing: !isRoot, resultBlocks: exchange.size, over: exchange) {
            showing in
            guard isRoot else { return }
            for rank in 0..<exchange.size {
                if rank == call.root {
                    unsafe showing.copyOwn(0, of: call.input, to: call.output, at: rank)
                } else {
                    unsafe showing.copy(0, of: rank, to: call.output, at: rank)
                }
            }
        }
    }
}
