/// The node as one picture: the answer of `GET /v1/node`.
public struct NodeStatus: Hashable, Sendable, Codable {
    public struct Driver: Hashable, Sendable, Codable {
        public var library: String
        public var version: String
        /// "simulated driver" or "real driver": how far anything shown here can be trusted to hold on MIG hardware.
        public var grade: String

        public init(library: String, version: String, grade: String) {
            self.library = library
            self.version = version
            self.grade = grade
        }
    }

    /// The daemon's version, as `flexmig --version` shows it.
    public var version: String
    public var host: String
    public var driver: Driver
    /// "fixed" or "hybrid".
    public var mode: String
    public var gpus: [GPUStatus]
    public var queued: Int
    public var running: Int
    /// Seconds since 1970.
    public var startedAt: Double
    /// What is wrong with the node, in plain words; empty where nothing is.
    public var troubles: [String]

    public init(
        version: String, host: String, driver: Driver, mode: String, gpus: [GPUStatus], queued: Int, running: Int,
        startedAt: Double, troubles: [String]
    ) {
        self.version = version
        self.host = host
        self.driver = driver
        self.mode = mode
        self.gpus = gpus
        self.queued = queued
        self.running = running
        self.startedAt = startedAt
        self.troubles = troubles
    }
}

public struct GPUStatus: Hashable, Sendable, Codable {
    public var index: Int
    public var uuid: String
    public var model: String
    public var migEnabled: Bool
    public var computeSlices: Int
    public var memorySlices: Int
    public var numaNode: Int?
    public var leaves: [LeafStatus]
    /// What keeps the whole GPU from being used; nil for nothing.
    public var trouble: String?

    public init(
        index: Int, uuid: String, model: String, migEnabled: Bool, computeSlices: Int, memorySlices: Int,
        numaNode: Int?, leaves: [LeafStatus], trouble: String?
    ) {
        self.index = index
        self.uuid = uuid
        self.model = model
        self.migEnabled = migEnabled
        self.computeSlices = computeSlices
        self.memorySlices = memorySlices
        self.numaNode = numaNode
        self.leaves = leaves
        self.trouble = trouble
    }
}

public struct LeafStatus: Hashable, Sendable, Codable {
    public enum State: String, Hashable, Sendable, Codable, CaseIterable {
        case free
        /// A job of the daemon's has it.
        case job
        /// `flexmig run` has it, or a process without a lease is on it.
        case foreign
        /// Its job died with everybody who looked after it; it is being cleaned up.
        case orphaned
        case quarantined
        /// It belongs to Slurm, Kubernetes or nobody.
        case notOurs = "not-ours"
    }

    public var uuid: String
    public var profile: String
    /// Memory slices: first and how many.
    public var start: Int
    public var size: Int
    public var computeSlices: Int
    public var memoryMiB: Int
    public var multiprocessors: Int
    public var state: State
    /// The job's id where `state` is `job`, and the rank there.
    public var job: String?
    public var rank: Int?
    /// Who has it, or why it is not handed out, in plain words.
    public var detail: String?

    public init(
        uuid: String, profile: String, start: Int, size: Int, computeSlices: Int, memoryMiB: Int, multiprocessors: Int,
        state: State, job: String?, rank: Int?, detail: String?
    ) {
        self.uuid = uuid
        self.profile = profile
        self.start = start
        self.size = size
        self.computeSlices = computeSlices
        self.memoryMiB = memoryMiB
        self.multiprocessors = multiprocessors
        self.state = state
        self.job = job
        self.rank = rank
        self.detail = detail
    }
}

/// The node at one moment, for charts: an item of `GET /v1/history`.
public struct NodeSample: Hashable, Sendable, Codable {
    /// Seconds since 1970.
    public var at: Double
    /// Compute slices in all, those that jobs hold, and those that are free.
    public var slices: Int
    public var held: Int
    public var free: Int
    /// Free slices that are of no use to jobs of the sizes that came lately. 0 to `free`.
    public var fragmented: Double
    public var queued: Int
    public var running: Int

    public init(at: Double, slices: Int, held: Int, free: Int, fragmented: Double, queued: Int, running: Int) {
        self.at = at
        self.slices = slices
        self.held = held
        self.free = free
        self.fragmented = fragmented
        self.queued = queued
        self.running = running
    }
}

/// Something that has changed: one server-sent event of `GET /v1/events`.
public struct NodeEvent: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// `job` is as it is now.
        case job
        /// Leaves, layouts, quarantines or the mode have changed: ask for `/v1/node` again.
        case node
        /// `sample` was added to the history.
        case sample
        /// Events were left out, because the reader was too slow or came back too late: read everything again.
        case reset
    }

    /// Grows by one with each event while the daemon lives.
    public var id: Int
    public var kind: Kind
    public var job: Job?
    public var sample: NodeSample?

    public init(id: Int, kind: Kind, job: Job? = nil, sample: NodeSample? = nil) {
        self.id = id
        self.kind = kind
        self.job = job
        self.sample = sample
    }
}

/// A page of a longer list. `next` is what to give as `cursor` for the page after it; nil on the last.
public struct Page<Item: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    public var items: [Item]
    public var next: String?

    public init(items: [Item], next: String?) {
        self.items = items
        self.next = next
    }
}
