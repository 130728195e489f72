/// One rank's tensor in parts, one for each rank: the root shows, everybody copies the own part.
///
/// Per rank with n bytes a part and p ranks: the root copies p * n (n when direct), the others n.
enum Scatter {
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        let (rank, isRoot) = (exchange.rank, exchange.rank == call.root)
        return try Showing.run(
            call, blocks: exchange.size, isShowing: isRoot, omitted: call.root, over: exchange
        ) { showing in
            if isRoot {
                unsafe showing.copyOwn(rank, of: call.input, to: call.output, at: 0)
            } else {
                unsafe showing.copy(rank, of: call.root, to: call.output, at: 0)
            }
        }
    }
}
