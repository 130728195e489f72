import ClusterSimulation

/// All that a report shows: the runs, and everything that they depend on.
public struct ReportContent: Sendable {
    /// A figure or a choice that results depend on.
    public struct Parameter: Hashable, Sendable {
        public var name: String
        public var value: String
        /// Where it comes from: a flag, a default with its source, the trace.
        public var source: String

        public init(_ name: String, _ value: String, source: String) {
            self.name = name
            self.value = value
            self.source = source
        }
    }

    public var title: String
    /// As it was typed, the program first.
    public var command: String
    public var version: String
    public var parameters: [Parameter]
    /// What holds by assumption, a sentence each.
    public var assumptions: [String]
    /// What became of the trace's rows, a line each.
    public var account: [String]
    /// Of every run: by model, queue and seed.
    public var metrics: [RunMetrics]
    /// Every two models' runs under the same queue, of every seed.
    public var pairs: [RunPair]
    /// One for each model and queue, of the first seed.
    public var pictures: [RunPicture]
    /// Compute slices and GPUs of the cluster.
    public var slices: Int
    public var gpus: Int
    /// The cluster as it is written: "a100-40gb:50".
    public var cluster: String

    public init(
        title: String, command: String, version: String, cluster: String, gpus: Int, slices: Int,
        parameters: [Parameter] = [], assumptions: [String] = [], account: [String] = [], metrics: [RunMetrics] = [],
        pairs: [RunPair] = [], pictures: [RunPicture] = []
    ) {
        self.title = title
        self.command = command
        self.version = version
        self.cluster = cluster
        self.gpus = gpus
        self.slices = slices
        self.parameters = parameters
        self.assumptions = assumptions
        self.account = account
        self.metrics = metrics
        self.pairs = pairs
        self.pictures = pictures
    }
}
