/// All ranks' tensors reduced to one, of which each rank gets its block: all show, each reduces its own block of all.
///
/// Per rank with n bytes a block and p ranks: (p - 1) * n copied in (none when direct), p * n read, n written. In rank
/// order, so the bits are those of every other algorithm.
enum ReduceScatter {
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        let own = exchange.rank
        return try Showing.run(call, blocks: exchange.size, isCopied: false, omitted: own, over: exchange) { showing in
            guard let input = unsafe call.input, let output = unsafe call.output else { return }
            for rank in 0..<exchange.size { unsafe exchange.sources[rank] = unsafe showing.block(own, of: rank) }
            unsafe exchange.sources[own] = input + own * call.bytes + showing.range.lowerBound
            unsafe exchange.results[0] = output + showing.range.lowerBound
            exchange.reduce(call, resultCount: 1, bytes: showing.range.count)
        }
    }
}
