/// How the ranks of a job exchange their gradients.
public enum ExchangeAlgorithm: String, Hashable, Sendable, Codable, CaseIterable {
    /// Each rank sends and receives 2(n-1)/n times the gradients.
    case ring
    /// Each rank sends its gradients to host memory once and fetches the sum once.
    case host
}

/// What it costs a job to span leaves: figures that a run is given, and reports print.
public struct SpanningModel: Hashable, Sendable {
    public var algorithm = ExchangeAlgorithm.ring
    /// Bytes a second, each way, of the PCIe link that all instances of a GPU share.
    public var linkBytesPerSecond = 25e9
    /// Bytes a second, each way, of a node's network.
    public var networkBytesPerSecond = 25e9
    /// Seconds that each exchange takes however small it is.
    public var latencySeconds = 20e-6
    /// The part of an exchange that passes while the ranks compute, 0 to 1.
    public var overlap = 0.0
    /// Whether ranks on unequal leaves get work in proportion to their SMs; else all go at the slowest one's pace.
    public var proportionalShares = false
    /// Whether a rank holds what its share of the batch needs; else what the whole job's batch does.
    public var memoryByShare = false
    /// Whether a job may run faster over several leaves than at the size it asks for.
    ///
    /// By MISO's step times some models do: small batches leave a large instance unsaturated, and two ranks on two 3g
    /// instances are then faster than one process on 7g. Two processes on the large instance would be so as well, which
    /// needs no cutting; so this is not counted unless asked for.
    public var creditsSplitting = false

    public init() {}

    /// Seconds of one exchange alone, and the part of it that the busiest GPU's link is busy.
    func exchange(bytes: Double, over shape: SpanShape) -> (seconds: Double, linkSeconds: Double) {
        let ranks = Double(shape.leaves)
        guard ranks > 1 else { return (0, 0) }
        let perRank = algorithm == .ring ? 2 * (ranks - 1) / ranks * bytes : bytes
        let link = perRank * Double(shape.mostLeavesOnOneGPU) / linkBytesPerSecond
        // A transfer meets others' transfers for the part of the time that they take.
        let shared = link * (1 + shape.foreignLinkLoad)
        let nodes = Double(shape.nodes)
        let network = nodes > 1 ? 2 * (nodes - 1) / nodes * bytes / networkBytesPerSecond : 0
        return (max(shared, network) + latencySeconds, link)
    }
}

/// What a program was seen to do on several leaves: a measured substitute for the model above.
public struct MeasuredSpanning: Hashable, Sendable {
    public struct Point: Hashable, Sendable {
        public var leaves: Int
        /// Work a second relative to `leaves` times one leaf.
        public var relativeSpeed: Double
        /// 0 to 1, 0 where it is not known.
        public var communicationShare: Double

        public init(leaves: Int, relativeSpeed: Double, communicationShare: Double) {
            self.leaves = leaves
            self.relativeSpeed = relativeSpeed
            self.communicationShare = communicationShare
        }
    }

    /// By leaves, the first with one.
    public var points: [Point]

    public init(points: [Point]) { self.points = points }

    /// The values at a number of leaves: between the nearest two points on a line, beyond the last one as there.
    func at(_ leaves: Int) -> Point {
        guard let above = points.firstIndex(where: { $0.leaves >= leaves }) else {
            return points.last ?? Point(leaves: leaves, relativeSpeed: 1, communicationShare: 0)
        }
        let high = points[above]
        guard above > 0, high.leaves != leaves else { return high }
        let low = points[above - 1]
        let part = Double(leaves - low.leaves) / Double(high.leaves - low.leaves)
        return Point(
            leaves: leaves, relativeSpeed: low.relativeSpeed + part * (high.relativeSpeed - low.relativeSpeed),
            communicationShare: low.communicationShare + part * (high.communicationShare - low.communicationShare))
    }
}
