/// What a node's GPUs should have, as people write it: by GPU, with profiles by name, placed or not.
///
/// Whether a GPU can have it shows only on the GPU: there it becomes a ``Layout``.
public struct WantedNode: Hashable, Sendable {
    /// Which of several entries that name one GPU counts.
    public enum Precedence: Hashable, Sendable {
        /// The narrowest: UUID or index before model before all. Two equally narrow ones are a mistake.
        case narrowest
        /// The last one.
        case last
    }

    /// In the order they were written.
    public var entries: [WantedEntry]
    public var precedence: Precedence
    /// Where it was written, for people: a file's path, or the flag.
    public var source: String
    /// Whether the rest counts where a GPU that is named is not there: at boot, when it has been waited for.
    public var skipsMissing = false

    public init(entries: [WantedEntry], precedence: Precedence = .narrowest, source: String) {
        self.entries = entries
        self.precedence = precedence
        self.source = source
    }

    /// The same for every GPU.
    public init(all instances: WantedInstances, source: String) {
        self.init(entries: [WantedEntry(gpus: [.all], instances: instances, line: nil)], source: source)
    }
}

/// What some GPUs should have.
public struct WantedEntry: Hashable, Sendable {
    /// A GPU has the entry when one of these names it.
    public var gpus: [GPUSelector]
    /// PCI device and vendor IDs, one of which the GPU must have as well; nil for any GPU.
    public var pciDeviceIDs: [UInt32]?
    public var instances: WantedInstances
    /// The line of the file, counted from 1.
    public var line: Int?

    public init(gpus: [GPUSelector], pciDeviceIDs: [UInt32]? = nil, instances: WantedInstances, line: Int?) {
        self.gpus = gpus
        self.pciDeviceIDs = pciDeviceIDs
        self.instances = instances
        self.line = line
    }
}

/// Which GPUs an entry is for.
public enum GPUSelector: Hashable, Sendable, CustomStringConvertible {
    case all
    /// By the driver's index, from 0.
    case index(Int)
    case uuid(GPUUUID)
    /// Every GPU of a model.
    case model(GPUModel.ID)

    /// How narrow it is: 2 for one GPU, 1 for those of a model, 0 for all.
    public var rank: Int {
        switch self {
        case .all: 0
        case .model: 1
        case .index, .uuid: 2
        }
    }

    public var description: String {
        switch self {
        case .all: "all"
        case .index(let index): "\(index)"
        case .uuid(let uuid): uuid.rawValue
        case .model(let model): model.rawValue
        }
    }
}

/// What one GPU should have.
public enum WantedInstances: Hashable, Sendable {
    case named(LayoutName)
    /// Exactly these instances and no others; empty for a GPU without instances.
    case profiles([WantedProfile])
    /// MIG mode off. Nobody here switches it: the GPU is as wanted, or it is not.
    case migModeOff
}

/// An instance that should be there.
public struct WantedProfile: Hashable, Sendable {
    /// Such as "1g.5gb".
    public var name: String
    /// nil where any placement does.
    public var placement: Placement?

    public init(name: String, placement: Placement? = nil) {
        self.name = name
        self.placement = placement
    }
}

extension WantedProfile: CustomStringConvertible {
    /// `1g.5gb@0:1`, or `1g.5gb` without a placement.
    public var description: String { placement.map { "\(name)@\($0)" } ?? name }
}
