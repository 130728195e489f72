/// The ranks' tensors reduced to one, on all ranks.
enum AllReduce {
    /// Up to here one step with all the reading costs less than two with a share of it: the more ranks, the more there
    /// is to read. Measured, see docs/measurements/collectives.md.
    @inline(__always)
    static func isFlat(_ call: Call, over exchange: Exchange) -> Bool {
        call.bytes * exchange.size <= 64 * 1024 && call.bytes <= exchange.layout.stageBytes
    }

    @inline(__always)
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        if isFlat(call, over: exchange) {
            return try FlatReduce.run(call, isShowing: true, wantsResult: true, over: exchange)
        }
        return try SharedReduce.run(call, over: exchange)
    }
}
