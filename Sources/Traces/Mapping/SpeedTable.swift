/// Measured step times of training programs on MIG profiles, and what a worker of each holds and exchanges.
public struct SpeedTable: Hashable, Sendable {
    /// One model at one batch size.
    public struct Entry: Hashable, Sendable {
        /// Such as "resnet".
        public var family: String
        /// Samples of a step of the whole job.
        public var batch: Int
        /// What one worker holds.
        public var memoryMiB: Int
        /// What each worker gives and takes in a step, in millions of bytes.
        public var gradientMB: Double
        /// Seconds of a step on 1g, 2g, 3g, 4g and 7g; nil where it is not known.
        public var seconds: [Double?]
        /// Whether its measurements scatter so much that no job should be given it by drawing.
        public var isNoisy: Bool

        /// As traces name it: `resnet_train256`.
        public var key: String { "\(family)_train\(batch)" }

        public init(
            _ family: String, batch: Int, memoryMiB: Int, gradientMB: Double, _ seconds: [Double?],
            isNoisy: Bool = false
        ) {
            self.family = family
            self.batch = batch
            self.memoryMiB = memoryMiB
            self.gradientMB = gradientMB
            self.seconds = seconds
            self.isNoisy = isNoisy
        }
    }

    /// Compute slices of the profiles whose times an entry has, in their order.
    public static let sizes = [1, 2, 3, 4, 7]

    /// Where the figures come from, for reports.
    public var source: String
    public var entries: [Entry]

    public init(source: String, entries: [Entry]) {
        self.source = source
        self.entries = entries
    }

    /// The entries that a job without a model may be given.
    public var drawable: [Int] { entries.indices.filter { !entries[$0].isNoisy && entries[$0].seconds[4] != nil } }

    public func index(ofKey key: String) -> Int? { entries.firstIndex { $0.key == key } }

    /// What each of several ranks holds that share the batch: the entry of the same family with the smallest batch that is
    /// not below the rank's; an upper bound.
    public func memoryMiB(of entry: Int, ranks: Int) -> Int {
        let own = entries[entry]
        let share = (own.batch + ranks - 1) / ranks
        let same = entries.filter { $0.family == own.family && $0.batch >= share && $0.batch <= own.batch }
        return min(own.memoryMiB, same.map(\.memoryMiB).min() ?? own.memoryMiB)
    }
}
