/// What the statistics are made of, in words that an addition changes. Arrays in a class would be checked for other
/// accesses and other owners each time, which took a tenth of a small call.
///
/// Safe as a class: only these functions touch the words, and each checks its place. One thread.
@safe final class CallCounts {
    private static let ways = CollectiveAlgorithm.allCases.count
    /// Of one kind: calls, bytes, and calls for each way.
    private static let stride = 2 + ways
    private static let kinds = CollectiveKind.allCases.count + 1
    private let ranks: Int
    /// The kinds, then for each rank nanoseconds and spins of waiting.
    @unsafe private let words: UnsafeMutablePointer<Int>

    init(ranks: Int) {
        self.ranks = ranks
        let count = Self.kinds * Self.stride + 2 * ranks
        unsafe words = .allocate(capacity: count)
        unsafe words.initialize(repeating: 0, count: count)
    }

    deinit { unsafe words.deallocate() }

    /// Counts a call.
    ///
    /// - Parameter kind: the code of a `CollectiveKind`.
    @inline(__always)
    func add(_ kind: UInt8, bytes: Int, _ algorithm: CollectiveAlgorithm) {
        guard Int(kind) < Self.kinds else { return }
        let calls = unsafe words + Int(kind) * Self.stride
        unsafe calls[0] &+= 1
        unsafe calls[1] &+= bytes
        unsafe calls[2 + Int(algorithm.rawValue)] &+= 1
    }

    /// Counts the waiting for a rank, below the number of ranks.
    @inline(__always)
    func addWaiting(for rank: Int, spins: Int, nanoseconds: Int = 0) {
        precondition(rank >= 0 && rank < ranks)
        let waiting = unsafe words + Self.kinds * Self.stride + 2 * rank
        unsafe waiting[0] &+= nanoseconds
        unsafe waiting[1] &+= spins
    }

    var statistics: CollectiveStatistics {
        var statistics = CollectiveStatistics(ranks: ranks)
        for kind in CollectiveKind.allCases {
            let calls = unsafe words + Int(kind.rawValue) * Self.stride
            unsafe statistics[kind].count = calls[0]
            unsafe statistics[kind].bytes = calls[1]
            for way in 0..<Self.ways { unsafe statistics[kind].algorithms[way] = calls[2 + way] }
        }
        for rank in 0..<ranks {
            let waiting = unsafe words + Self.kinds * Self.stride + 2 * rank
            let spun = unsafe waiting[1] == 0 ? 0 : Double(waiting[1]) * SpinTime.nanoseconds
            statistics.waitedFor[rank] = unsafe UInt64(max(0, waiting[0])) &+ UInt64(spun)
        }
        return statistics
    }
}
