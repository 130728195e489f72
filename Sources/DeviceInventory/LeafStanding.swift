import FoundationEssentials
import MIGModel

/// Who may hand a leaf out.
public enum LeafOwner: String, Hashable, Sendable, Codable, CaseIterable {
    /// `flexmig run`; what nobody has assigned is flexmig's.
    case flexmig
    case slurm, kubernetes
    /// Nobody: what runs there may end, and nothing new begins.
    case none
}

/// Why a leaf or a GPU is not handed out, since when, and who said so.
public struct Quarantine: Hashable, Sendable, Codable {
    public var reason: String
    /// Seconds since 1970.
    public var since: Int
    /// The user's name.
    public var by: String

    /// A reason longer than 300 characters is cut; control characters become "?".
    public init(reason: String, since: Int, by: String) {
        let plain = reason.unicodeScalars.map { scalar in
            [.control, .format].contains(scalar.properties.generalCategory) ? "?" : String(scalar)
        }.joined()
        self.reason = plain.count <= 300 ? plain : plain.prefix(297) + "..."
        self.since = since
        self.by = by
    }
}

/// What holds for one leaf.
public struct LeafStanding: Hashable, Sendable {
    public var owner: LeafOwner
    /// The leaf's own, else its GPU's.
    public var quarantine: Quarantine?

    public init(owner: LeafOwner = .flexmig, quarantine: Quarantine? = nil) {
        self.owner = owner
        self.quarantine = quarantine
    }

    /// Whether `flexmig run` may hand the leaf out, as far as owner and quarantine go.
    public var isAvailable: Bool { owner == .flexmig && quarantine == nil }

    /// Why `flexmig run` doesn't hand the leaf out, in plain words; nil when it does.
    public var refusal: String? {
        if let quarantine { return "quarantined: \(quarantine.reason)" }
        return switch owner {
        case .flexmig: nil
        case .none: "assigned to nobody"
        case .slurm, .kubernetes: "assigned to \(owner.rawValue)"
        }
    }

    /// Why flexmig must not change the layout under the leaf, in plain words; nil when it may.
    ///
    /// What belongs to another manager is his to cut. A quarantined leaf keeps its place, because a new leaf there would be
    /// handed out. A leaf that is nobody's may go.
    public var reasonToStay: String? {
        if let quarantine {
            return "quarantined (\(quarantine.reason)); give it back first with: flexmig node restore"
        }
        return owner == .slurm || owner == .kubernetes
            ? "assigned to \(owner.rawValue); take it back first with: flexmig node assign --owner flexmig" : nil
    }
}

/// Owners and quarantines of a node's GPUs and leaves, as the ledger keeps them.
///
/// What is said of a leaf goes with the leaf: a new one in its place begins clean. What is said of a GPU stays whatever becomes of
/// its leaves, and holds for new ones too.
public struct LeafStandings: Hashable, Sendable, Codable {
    /// What has been said of one GPU or leaf; nil for nothing.
    public struct Entry: Hashable, Sendable, Codable {
        /// Of a leaf, its GPU.
        public var gpu: GPUUUID?
        public var owner: LeafOwner?
        public var quarantine: Quarantine?
    }

    /// The format's version; readers refuse others.
    public private(set) var version = 1
    /// By the UUID of the GPU.
    public private(set) var gpus: [String: Entry] = [:]
    /// By the UUID of the leaf.
    public private(set) var leaves: [String: Entry] = [:]

    public init() {}

    /// What holds for a leaf: its own owner before its GPU's, and either quarantine.
    public func standing(of leaf: MIGDeviceUUID, on gpu: GPUUUID) -> LeafStanding {
        let own = leaves[leaf.rawValue]
        let whole = gpus[gpu.rawValue]
        return LeafStanding(
            owner: own?.owner ?? whole?.owner ?? .flexmig, quarantine: own?.quarantine ?? whole?.quarantine)
    }

    /// What holds for a GPU as a whole, and so for instances that are yet to be made there.
    public func standing(of gpu: GPUUUID) -> LeafStanding {
        LeafStanding(
            owner: gpus[gpu.rawValue]?.owner ?? .flexmig, quarantine: gpus[gpu.rawValue]?.quarantine)
    }

    /// What a command can speak of.
    public enum Subject: Hashable, Sendable {
        /// With its leaves, also those to come.
        case gpu(GPUUUID)
        case leaf(MIGDeviceUUID, on: GPUUUID)
    }

    /// Assigns a GPU or a leaf. An assigned GPU's leaves follow it: what was said of them before is forgotten.
    public mutating func assign(_ subject: Subject, to owner: LeafOwner) {
        change(subject) { $0.owner = owner }
        guard case .gpu(let gpu) = subject else { return }
        for leaf in leaves.keys where leaves[leaf]?.gpu == gpu {
            leaves[leaf]?.owner = nil
            tidy(leaf)
        }
    }

    /// Quarantines; a second time, the first reason stays.
    public mutating func quarantine(_ subject: Subject, _ quarantine: Quarantine) {
        change(subject) { $0.quarantine = $0.quarantine ?? quarantine }
    }

    /// Ends a quarantine: a GPU's, with those of its leaves; or a leaf's own.
    ///
    /// - Returns: false when there was none to end.
    @discardableResult
    public mutating func restore(_ subject: Subject) -> Bool {
        let before = self
        change(subject) { $0.quarantine = nil }
        if case .gpu(let gpu) = subject {
            for leaf in leaves.keys where leaves[leaf]?.gpu == gpu {
                leaves[leaf]?.quarantine = nil
                tidy(leaf)
            }
        }
        return self != before
    }

    /// Forgets leaves.
    public mutating func forget(_ gone: some Sequence<MIGDeviceUUID>) {
        for leaf in gone { leaves[leaf.rawValue] = nil }
    }

    /// Forgets leaves that their GPU no longer has. Of GPUs that are not in the inventory, nothing is known and nothing forgotten.
    public mutating func forgetMissing(in inventory: NodeInventory) {
        let there = Set(inventory.leaves.map(\.uuid.rawValue))
        let seen = Set(inventory.gpus.map(\.uuid))
        leaves = leaves.filter { leaf, entry in there.contains(leaf) || !(entry.gpu.map(seen.contains) ?? true) }
    }

    private mutating func change(_ subject: Subject, _ body: (inout Entry) -> Void) {
        switch subject {
        case .gpu(let gpu):
            body(&gpus[gpu.rawValue, default: Entry()])
            if gpus[gpu.rawValue]?.isEmpty == true { gpus[gpu.rawValue] = nil }
        case .leaf(let leaf, let gpu):
            body(&leaves[leaf.rawValue, default: Entry(gpu: gpu)])
            tidy(leaf.rawValue)
        }
    }

    private mutating func tidy(_ leaf: String) {
        if leaves[leaf]?.isEmpty == true { leaves[leaf] = nil }
    }
}

extension LeafStandings.Entry {
    fileprivate var isEmpty: Bool { owner == nil && quarantine == nil }
}
