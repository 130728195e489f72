import MIGModel

/// The node's GPUs at one moment, as driver and ledger tell.
public struct NodeSnapshot: Hashable, Sendable {
    /// In any order; each index once.
    public var gpus: [GPU]

    public init(gpus: [GPU] = []) { self.gpus = gpus }

    public struct GPU: Hashable, Sendable {
        /// The driver's index.
        public var index: Int
        public var uuid: GPUUUID
        /// What can be cut, by the driver's answer; nil where MIG is off or unknown: nothing is handed out then.
        public var geometry: MIGGeometry?
        public var numaNode: Int?
        /// What keeps the whole GPU from being used, such as "GPU 1 has fallen off the bus"; nil for nothing.
        public var trouble: String?
        public var instances: [Instance]

        public init(
            index: Int, uuid: GPUUUID, geometry: MIGGeometry?, numaNode: Int? = nil, trouble: String? = nil,
            instances: [Instance] = []
        ) {
            self.index = index
            self.uuid = uuid
            self.geometry = geometry
            self.numaNode = numaNode
            self.trouble = trouble
            self.instances = instances
        }
    }

    /// Who has an instance.
    public enum Use: Hashable, Sendable {
        /// Nobody.
        case idle
        /// A lease that names this job of ours. Where the queue doesn't know it, it is taken for somebody else's.
        case job(String)
        /// `flexmig run`, or a process without a lease; the text says who, for people.
        case foreign(String)
        /// The text says why.
        case quarantined(String)
        /// It belongs to Slurm, Kubernetes or nobody.
        case notOurs(String)
    }

    /// A leaf that exists, or a GPU instance without one.
    public struct Instance: Hashable, Sendable {
        /// Nil for a GPU instance without a compute instance.
        public var leaf: Leaf?
        /// Such as "1g.5gb".
        public var profile: String
        /// Nil for a profile that the geometry doesn't list.
        public var profileID: MIGProfile.ID?
        public var placement: Placement
        /// Whether the leaf is the whole GPU instance, so that it can be handed out in hybrid mode.
        public var isWhole: Bool
        public var use: Use

        public init(
            leaf: Leaf?, profile: String, profileID: MIGProfile.ID?, placement: Placement, isWhole: Bool = true,
            use: Use = .idle
        ) {
            self.leaf = leaf
            self.profile = profile
            self.profileID = profileID
            self.placement = placement
            self.isWhole = isWhole
            self.use = use
        }
    }
}
