import MIGModel

/// A kind of leaf that requests name, as a small number: an index into the pool's list of classes.
public typealias LeafClass = Int

/// What the GPUs of one kind can hand out: leaves that are there for good, or whatever can be cut from idle slices.
public struct GPUShape: Sendable {
    /// Something that can be handed out: a leaf of the layout, or a legal placement.
    public struct Unit: Hashable, Sendable {
        public var profile: MIGProfile.ID
        public var placement: Placement
        public var computeSlices: Int
        public var memoryMiB: Int
        public var multiprocessors: Int

        public init(
            profile: MIGProfile.ID, placement: Placement, computeSlices: Int, memoryMiB: Int, multiprocessors: Int
        ) {
            self.profile = profile
            self.placement = placement
            self.computeSlices = computeSlices
            self.memoryMiB = memoryMiB
            self.multiprocessors = multiprocessors
        }

        /// The unit that an instance of the profile makes at a placement.
        public init(_ profile: MIGProfile, at placement: Placement) {
            self.init(
                profile: profile.id, placement: placement, computeSlices: profile.computeSlices,
                memoryMiB: profile.memoryMiB ?? 0, multiprocessors: profile.multiprocessors ?? 0)
        }
    }

    /// At most 64.
    public let units: [Unit]
    /// By class: the units that are of it, as bits.
    package let unitsOfClass: [UInt64]
    /// Nil where the leaves are there for good.
    package let table: CutTable?
    /// By class: the profile in the table, or -1.
    let profileOfClass: [Int]
    let score: PlacementScore
    /// By unit: what it takes of the GPU, in compute slices: the larger of its parts of the compute and of the memory.
    ///
    /// A 3g instance of an A100 has three of seven compute slices and half of the memory: 3.5.
    let takenSlices: [Double]
    /// Compute slices that an idle GPU can hand out.
    package var slices: Int { table?.geometry.computeSlices ?? units.reduce(0) { $0 + $1.computeSlices } }

    /// A GPU with leaves that stay as they are.
    ///
    /// - Parameter classes: for each class whether a unit is of it.
    public init(leaves: [Unit], classes: [(Unit) -> Bool]) {
        self.init(leaves: leaves, unitsOfClass: classes.map { accepts in Self.mask(of: leaves, where: accepts) })
    }

    /// A GPU with leaves that stay as they are.
    ///
    /// - Parameter unitsOfClass: for each class its leaves, as bits.
    public init(leaves: [Unit], unitsOfClass: [UInt64]) {
        precondition(leaves.count <= 64, "more than 64 leaves on one GPU")
        units = leaves
        self.unitsOfClass = unitsOfClass
        table = nil
        profileOfClass = unitsOfClass.map { _ in -1 }
        score = .openness
        takenSlices = Self.takenSlices(
            of: leaves, compute: leaves.reduce(0) { $0 + $1.computeSlices },
            memory: leaves.reduce(0) { $0 + $1.placement.size })
    }

    /// A GPU with a layout that stays as it is. Instances of unknown profiles are left out.
    public init(layout: Layout, of geometry: MIGGeometry, classes: [(Unit) -> Bool]) {
        let leaves = layout.specs.compactMap { spec in
            geometry.profile(id: spec.profile).map { Unit($0, at: spec.placement) }
        }
        self.init(leaves: leaves, classes: classes)
    }

    /// A GPU whose idle slices are cut and merged as jobs need it.
    ///
    /// Of a class's profiles the first in the table is the one that is made.
    public init(recut table: CutTable, score: PlacementScore = .openness, classes: [(Unit) -> Bool]) {
        let units = table.specs.indices.map { spec in
            Unit(table.profiles[table.profileOfSpec[spec]], at: table.specs[spec].placement)
        }
        self.units = units
        let profiles = classes.map { accepts in
            units.indices.first { accepts(units[$0]) }.map { table.profileOfSpec[$0] } ?? -1
        }
        unitsOfClass = profiles.map { profile in
            units.indices.reduce(into: 0) { mask, unit in
                if table.profileOfSpec[unit] == profile { mask |= 1 << UInt64(unit) }
            }
        }
        self.table = table
        profileOfClass = profiles
        self.score = score
        takenSlices = Self.takenSlices(
            of: units, compute: table.geometry.computeSlices, memory: table.geometry.memorySlices)
    }

    /// - Parameter compute: compute slices of the GPU's leaves together; memory: their memory slices.
    private static func takenSlices(of units: [Unit], compute: Int, memory: Int) -> [Double] {
        units.map { unit in
            max(Double(unit.computeSlices), Double(unit.placement.size * compute) / Double(max(memory, 1)))
        }
    }

    private static func mask(of units: [Unit], where accepts: (Unit) -> Bool) -> UInt64 {
        units.indices.reduce(into: 0) { mask, unit in
            if accepts(units[unit]) { mask |= 1 << UInt64(unit) }
        }
    }

    /// How many leaves of a class an idle GPU of this shape has.
    public func leaves(of leafClass: LeafClass) -> Int { capacity(of: leafClass, busy: 0, state: 0) }

    /// How many of a class can be had at once from a GPU with these units busy.
    func capacity(of leafClass: LeafClass, busy: UInt64, state: Int) -> Int {
        guard let table else { return (unitsOfClass[leafClass] & ~busy).nonzeroBitCount }
        let profile = profileOfClass[leafClass]
        return profile < 0 ? 0 : table.capacity(of: profile, in: state)
    }
}

/// One leaf, or one instance to be cut, of one GPU.
public struct LeafUnit: Hashable, Sendable {
    /// The GPU's number in the pool.
    public var gpu: Int32
    /// Its number in ``GPUShape/units``.
    public var unit: UInt8

    public init(gpu: Int, unit: Int) {
        self.gpu = Int32(gpu)
        self.unit = UInt8(unit)
    }
}

/// One way to serve a job: so many leaves of one class, all or none.
public struct GangOption: Hashable, Sendable {
    public var leafClass: LeafClass
    /// 1 or more.
    public var count: Int
    public var arrangement: Arrangement
    /// Over how many nodes it may lie, 1 or more. Fewer are always preferred.
    public var maximumNodes: Int

    public init(_ leafClass: LeafClass, count: Int, arrangement: Arrangement = .pack, maximumNodes: Int = 1) {
        self.leafClass = leafClass
        self.count = count
        self.arrangement = arrangement
        self.maximumNodes = maximumNodes
    }
}

/// How a job's leaves are spread over the GPUs.
public enum Arrangement: Hashable, Sendable {
    /// As few GPUs as possible, and of those the fullest: keeps room together for others.
    case pack
    /// As many GPUs as possible: each GPU's PCIe link serves fewer ranks.
    case spread
    /// What costs least by these weights.
    case cost(PlacementCost)
}

/// What a gang's place is judged by, each in the same unit, such as seconds lost per step or any price. Nodes have no
/// price: the fewest are always taken.
public struct PlacementCost: Hashable, Sendable {
    /// For each leaf that shares the busiest link of the job, the other jobs' load on it included.
    public var perLeafOnLink: Double
    /// For each GPU touched.
    public var perGPU: Double
    /// For each NUMA node touched beyond the first.
    public var perNUMANode: Double

    public init(perLeafOnLink: Double, perGPU: Double, perNUMANode: Double = 0) {
        self.perLeafOnLink = perLeafOnLink
        self.perGPU = perGPU
        self.perNUMANode = perNUMANode
    }
}

/// What is to be known of where a gang lies.
public struct GangFacts: Hashable, Sendable {
    public var leaves = 0
    public var gpus = 0
    public var nodes = 0
    /// NUMA nodes touched; a GPU of unknown NUMA node counts as one of its node's first.
    public var numaNodes = 0
    public var mostLeavesOnOneGPU = 0
    /// Other jobs' load on the busiest of its links, in millionths of its bandwidth.
    public var foreignLinkLoad = 0
    /// Whether idle slices have to be cut or merged for it.
    public var recuts = false
    /// The slowest leaf, by its SMs: the shape of its GPU and its number in ``GPUShape/units``.
    public var slowestShape = 0
    public var slowestUnit = 0
    /// SMs and compute slices of all leaves together.
    public var multiprocessors = 0
    public var computeSlices = 0
    /// What they take of their GPUs, in compute slices: of each leaf the larger of its parts of compute and memory.
    public var takenSlices = 0.0

    public init() {}
}

extension GPUShape {
    /// The shares of a demand by profile, for `setDemand`; nil for GPUs that aren't cut as needed.
    ///
    /// - Parameter counts: by kind: how many jobs asked lately. Each counts for the profile of its first option.
    public func weights(of counts: [Int32], kinds: [JobKind]) -> [Double]? {
        guard let table else { return nil }
        var weights = [Double](repeating: 0, count: table.profiles.count)
        var total = 0.0
        for (kind, count) in counts.enumerated() where count > 0 {
            guard let option = kinds[kind].options.first(where: { profileOfClass[$0.leafClass] >= 0 }) else { continue }
            weights[profileOfClass[option.leafClass]] += Double(count)
            total += Double(count)
        }
        return total > 0 ? weights.map { $0 / total } : nil
    }
}
