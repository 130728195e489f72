/// Every rank waits until all have come: one step with nothing to show.
enum Barrier {
    static func run(over exchange: Exchange) throws(CollectiveError) {
        try exchange.step(Signature(.barrier))
    }
}
