/// All ranks' tensors on all ranks, in rank order: everybody shows, everybody copies.
///
/// Per rank with n bytes each and p ranks: n copied in (none when direct), p * n out.
enum AllGather {
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        try Showing.run(call, blocks: 1, resultBlocks: exchange.size, over: exchange) { showing in
            for turn in 0..<exchange.size {
                // Each rank begins with another one, so that they don't all read the same memory at once.
                let rank = (exchange.rank + turn) % exchange.size
                if rank == exchange.rank {
                    unsafe showing.copyOwn(0, of: call.input, to: call.output, at: rank)
                } else {
                    unsafe showing.copy(0, of: rank, to: call.output, at: rank)
                }
            }
        }
    }
}
