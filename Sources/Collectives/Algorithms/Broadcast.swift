/// One rank's tensor on all ranks: the root shows it, the others copy it.
///
/// Per rank with n bytes: the root copies n (none when direct), the others n.
enum Broadcast {
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        let isRoot = exchange.rank == call.root
        return try Showing.run(call, blocks: 1, isShowing: isRoot, over: exchange) { showing in
            if !isRoot { unsafe showing.copy(0, of: call.root, to: call.output, at: 0) }
        }
    }
}
