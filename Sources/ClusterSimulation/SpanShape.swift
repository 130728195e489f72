/// What a job's pace depends on when it runs over several leaves.
public struct SpanShape: Hashable, Sendable {
    /// Leaves, one rank each; 1 or more.
    public var leaves: Int
    /// Compute slices and SMs of the slowest leaf decide the pace unless shares are proportional.
    public var slowest: LeafPower
    /// Sum of all leaves' power, for proportional shares: multiprocessors.
    public var totalMultiprocessors: Int
    /// The most leaves of this job on one GPU: they share its PCIe link.
    public var mostLeavesOnOneGPU: Int
    /// GPUs touched.
    public var gpus: Int
    /// Nodes touched.
    public var nodes: Int
    /// Use of the busiest of these GPUs' links by other jobs at the start, as a fraction of its bandwidth: 0 is idle.
    public var foreignLinkLoad: Double

    public init(
        leaves: Int, slowest: LeafPower, totalMultiprocessors: Int? = nil, mostLeavesOnOneGPU: Int? = nil,
        gpus: Int = 1, nodes: Int = 1, foreignLinkLoad: Double = 0
    ) {
        self.leaves = leaves
        self.slowest = slowest
        self.totalMultiprocessors = totalMultiprocessors ?? slowest.multiprocessors * leaves
        self.mostLeavesOnOneGPU = mostLeavesOnOneGPU ?? leaves
        self.gpus = gpus
        self.nodes = nodes
        self.foreignLinkLoad = foreignLinkLoad
    }
}

/// What makes an instance fast: its SMs, as a share of the SMs of a 7g instance of its GPU, and its compute slices.
public struct LeafPower: Hashable, Sendable {
    public var computeSlices: Int
    public var multiprocessors: Int
    /// SMs of the instance that spans the whole GPU.
    public var fullMultiprocessors: Int

    public init(computeSlices: Int, multiprocessors: Int, fullMultiprocessors: Int) {
        self.computeSlices = computeSlices
        self.multiprocessors = multiprocessors
        self.fullMultiprocessors = fullMultiprocessors
    }
}
