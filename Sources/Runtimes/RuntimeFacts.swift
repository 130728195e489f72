import MIGModel

/// Everything that the choice of a route goes by.
public struct RuntimeFacts: Hashable, Sendable {
    /// A GPU that has leaves of the job.
    public struct GPU: Hashable, Sendable {
        public let name: String
        /// nil where the driver does not say.
        public let capability: ComputeCapability?

        public init(name: String, capability: ComputeCapability?) {
            self.name = name
            self.capability = capability
        }
    }

    /// PyTorch, and our backend for it.
    public struct Torch: Hashable, Sendable {
        /// The Python that the program runs in; nil where it is not known to be one.
        public var interpreter: String?
        /// Whether that Python has PyTorch.
        public var hasTorch: Bool
        /// The folder in which our package `flexmig` lies; nil where it is not installed.
        public var packageFolder: String?
        /// Whether that folder is one in which the program's Python looks anyway.
        public var isInstalled: Bool
        /// The engine's library for it; nil where it is not installed, or where the package has its own.
        public var library: String?
        public init(
            interpreter: String?, hasTorch: Bool, packageFolder: String?, isInstalled: Bool = false, library: String?
        ) {
            self.isInstalled = isInstalled
            self.interpreter = interpreter
            self.hasTorch = hasTorch
            self.packageFolder = packageFolder
            self.library = library
        }
    }

    public var ranks: Int
    public var isOneHost: Bool
    /// nil when the driver was not asked.
    public var gpus: [GPU]?
    /// Such as "580.159.04"; nil when the driver was not asked.
    public var driver: String?
    public var nccl: NCCLFinding
    public var plugin: NCCLPluginFile
    public var torch: Torch
    public var settings: [String: UserSetting]
    /// Processors for each rank, beside the others, as far as this process can tell.
    public var processorsPerRank: Int
    /// Threads of each rank that our plugin copies and adds with, where the user has set them (`FLEXMIG_NCCL_WORKERS`).
    public var workers: Int?

    public init(
        ranks: Int, isOneHost: Bool, gpus: [GPU]?, driver: String?, nccl: NCCLFinding, plugin: NCCLPluginFile,
        torch: Torch, settings: [String: UserSetting], processorsPerRank: Int, workers: Int? = nil
    ) {
        self.processorsPerRank = processorsPerRank
        self.workers = workers
        self.ranks = ranks
        self.isOneHost = isOneHost
        self.gpus = gpus
        self.driver = driver
        self.nccl = nccl
        self.plugin = plugin
        self.torch = torch
        self.settings = settings
    }

    /// Whether the answer depends on the GPUs and the driver, so that it is worth asking for them.
    public var needsDriver: Bool {
        guard isOneHost, ranks > 1, case .found(let library) = nccl, let version = library.version else { return false }
        return version >= .firstWithMIG
    }

    /// Whether our plugin will add up all-reduces with two threads of each rank or more; with one, NCCL's rings are
    /// faster.
    ///
    /// Goes by the plugin's own rule, which leaves two processors to each rank's other threads. The plugin knows the
    /// other ranks' processors too: where all share a set that is small beside the machine, it has fewer lanes.
    public var hasLanes: Bool { (workers ?? processorsPerRank - 2) >= 2 }

    /// The version of the NCCL that the program is known to load.
    var version: NCCLVersion? {
        if case .found(let library) = nccl, library.isCertain { library.version } else { nil }
    }
}
