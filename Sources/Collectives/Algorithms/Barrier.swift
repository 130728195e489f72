/// Every rank waits until all have come: one step with nothing to show.
enum Barrier {
    @inline(__always)
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        try exchange.step(call.signature)
        return .step
    }
}
