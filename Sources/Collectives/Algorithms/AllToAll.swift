/// Every rank has a block for every rank: all show theirs, each copies those that are for it.
///
/// Per rank with n bytes a block and p ranks: (p - 1) * n copied in (none when direct), p * n out.
enum AllToAll {
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        let own = exchange.rank
        // In place the input is overwritten while others read it, so it has to be staged.
        let isInPlace = unsafe call.input == UnsafeRawPointer(call.output)
        return try Showing.run(
            call, blocks: exchange.size, isStaged: isInPlace, omitted: own, resultBlocks: exchange.size, over: exchange
        ) { showing in
            for turn in 0..<exchange.size {
                let rank = (own + turn) % exchange.size
                if rank == own {
                    unsafe showing.copyOwn(own, of: call.input, to: call.output, at: own)
                } else {
                    unsafe showing.copy(own, of: rank, to: call.output, at: rank)
                }
            }
        }
    }
}
