/// What `--report` writes, as JSON.
public struct TrainingReport: Hashable, Sendable, Codable {
    public var worldSize: Int
    /// The MIG device of each rank, from its CUDA_VISIBLE_DEVICES; empty where that is not set.
    public var leaves: [String]
    /// As the ranks had them, not made to sum to 1.
    public var shares: [Double]
    public var globalBatch: Int
    public var learningRate: Float
    public var seed: UInt64
    public var epochs: [Training.Epoch]
    /// Of all epochs together, on rank 0.
    public var seconds: Double
    /// The digest of each rank's weights, 16 hexadecimal digits.
    public var digests: [String]

    public init(
        _ training: Training, leaves: [String], shares: [Double], epochs: [Training.Epoch], digests: [UInt64]
    ) {
        worldSize = digests.count
        self.leaves = leaves
        self.shares = shares
        globalBatch = training.globalBatch
        learningRate = training.learningRate
        seed = training.seed
        self.epochs = epochs
        seconds = epochs.reduce(0) { $0 + $1.seconds }
        self.digests = digests.map(Self.hexadecimal)
    }

    /// Whether all ranks ended with the same weights.
    public var isUniform: Bool { digests.allSatisfy { $0 == digests.first } }

    /// 16 lower-case digits.
    public static func hexadecimal(_ digest: UInt64) -> String {
        let digits = String(digest, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
