/// How to train, and what comes of it.
public struct Training: Sendable {
    /// Passes over the training digits, at least 1.
    public var epochs = 40
    /// Digits per step over all ranks together, at least 1. The last batch of an epoch has what is left.
    public var globalBatch = 64
    public var learningRate: Float = 0.2
    /// Of the first weights and of the order of the digits.
    public var seed: UInt64 = 1

    public init() {}

    /// What came of an epoch; the same on all ranks but for the time.
    public struct Epoch: Hashable, Sendable, Codable {
        /// From 1.
        public var epoch: Int
        /// Mean cross-entropy of the training digits as they came along, in nats.
        public var loss: Double
        /// Part of the held-out digits that were classified rightly, 0 to 1.
        public var accuracy: Double
        public var seconds: Double

        public init(epoch: Int, loss: Double, accuracy: Double, seconds: Double) {
            self.epoch = epoch
            self.loss = loss
            self.accuracy = accuracy
            self.seconds = seconds
        }
    }
}
