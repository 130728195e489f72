/// The ranks' tensors reduced to one where all of them lie in the symmetric heap: each rank reads its share of all inputs
/// and writes it to all results.
///
/// In rank order and in one pass over all inputs, so the bits are those of every other algorithm. Two steps, the first
/// of which the caller has taken: there all show where their tensors lie. Per rank with n bytes: n read, n written, which
/// is the least that any algorithm moves.
enum DirectReduce {
    /// Reads this rank's share of all inputs, and writes it to all results, after a step in which all were shown.
    @unsafe
    static func run(
        _ call: Call, _ stores: Exchange.Stores, over exchange: Exchange
    ) throws(CollectiveError) {
        let own = Shares(of: call.bytes, ranks: exchange.size)[exchange.rank]
        var resultCount = 0
        for rank in 0..<exchange.size {
            if let tensor = unsafe exchange.inputs[rank] { unsafe exchange.sources[rank] = tensor + own.lowerBound }
            if let output = unsafe exchange.outputs[rank] {
                unsafe exchange.results[resultCount] = output + own.lowerBound
                resultCount += 1
            }
        }
        unsafe exchange.reduceForOthers(
            call, own: call.output.map { unsafe $0 + own.lowerBound }, resultCount: resultCount, bytes: own.count,
            stores)
        try exchange.lastStep(call.signature)
    }
}
