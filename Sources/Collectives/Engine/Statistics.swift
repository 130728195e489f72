/// What a communicator has done so far on this rank.
public struct CollectiveStatistics: Hashable, Sendable {
    /// One kind of call.
    public struct Calls: Hashable, Sendable {
        /// Calls that succeeded.
        public internal(set) var count = 0
        /// Bytes of this rank's tensors in them: the larger one of input and output.
        public internal(set) var bytes = 0
        /// How many took which way; see `CollectiveAlgorithm`.
        public internal(set) var algorithms = [Int](repeating: 0, count: CollectiveAlgorithm.allCases.count)

        /// Calls that took a way.
        public subscript(_ algorithm: CollectiveAlgorithm) -> Int { algorithms[Int(algorithm.rawValue)] }
    }

    private var calls = [Calls](repeating: Calls(), count: CollectiveKind.allCases.count + 1)
    /// Nanoseconds that this rank waited for each rank, by rank; the straggler has the largest number on the others.
    ///
    /// Waits of up to some 20 microseconds are spun: they are counted in spins and turned into time by the measured
    /// time of one, so these are estimates; longer ones are timed by the clock. Its own entry is 0.
    public internal(set) var waitedFor: [UInt64]

    init(ranks: Int) { waitedFor = [UInt64](repeating: 0, count: ranks) }

    /// The calls of one kind.
    public subscript(_ kind: CollectiveKind) -> Calls {
        get { calls[Int(kind.rawValue)] }
        set { calls[Int(kind.rawValue)] = newValue }
    }

    /// All nanoseconds of waiting.
    public var waited: UInt64 { waitedFor.reduce(0, +) }
    /// The rank that this one waited for longest; nil when it waited for none.
    public var straggler: Int? {
        waitedFor.max().flatMap { $0 == 0 ? nil : waitedFor.firstIndex(of: $0) }
    }

}
