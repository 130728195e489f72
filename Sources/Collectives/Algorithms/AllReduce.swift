/// The ranks' tensors reduced to one, on all ranks.
enum AllReduce {
    /// Up to here one step with all the reading costs less than two with a share of it; measured, see
    /// docs/measurements/collectives.md.
    static let largestFlat = 16 * 1024

    @inline(__always)
    static func run(_ call: Call, over exchange: Exchange) throws(CollectiveError) -> CollectiveAlgorithm {
        if call.bytes <= min(largestFlat, exchange.layout.stageBytes) {
            return try FlatReduce.run(call, isShowing: true, wantsResult: true, over: exchange)
        }
        return try SharedReduce.run(call, over: exchange)
    }
}
