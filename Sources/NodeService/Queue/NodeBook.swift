import LeafScheduling
import MIGModel
import NodeAPI

/// The node's GPUs as a pool of leaves: which GPU and leaf the pool's numbers mean, and what jobs may get.
///
/// Made anew when leaves come or go, or when jobs ask for leaves that nobody asked for before; what changes often, who has
/// which leaf, is brought into the pool by `NodeQueue`.
struct NodeBook: Sendable {
    /// What makes a leaf the same leaf. In hybrid mode each legal placement is one.
    struct Key: Hashable {
        var profile: MIGProfile.ID
        var placement: Placement
        var computeInstance: Int
    }

    /// All that a pool's shapes depend on. While this stays equal, the pool stays.
    struct Structure: Hashable {
        struct GPU: Hashable {
            var index: Int
            var geometry: MIGGeometry
            /// Fixed mode: its leaves.
            var leaves: [LeafOfGPU]
        }

        struct LeafOfGPU: Hashable {
            var key: Key
            var name: String
            var memoryMiB: Int
            var multiprocessors: Int
        }

        var gpus: [GPU]
    }

    struct GPU {
        var index: Int
        var kind: Int
        var shape: Int
        /// By unit.
        var keys: [Key]
        var names: [String]
        /// By unit: the leaf that was last seen there, if any.
        var uuids: [MIGDeviceUUID?]
        var unitOf: [Key: Int]
        /// Units that no snapshot has: leaves of running jobs that are gone.
        var ghosts: UInt64 = 0
        /// Idle instances that are no units, such as ones with several compute instances: they are in the way at most.
        var odd: [PlacedLeaf] = []
    }

    /// A kind of job as the book answers it.
    struct Kind {
        var ask: LeafAsk
        var offers: [LeafCatalog.Offer]
    }

    let mode: QueueConfiguration.Mode
    private(set) var structure: Structure
    var gpus: [GPU] = []
    private var geometries: [MIGGeometry] = []
    private(set) var catalog: LeafCatalog
    /// By profile's name: numbers of those that the driver doesn't list.
    private var unknown: [String: MIGProfile.ID] = [:]
    private(set) var shapes: [GPUShape] = []
    /// By shape.
    private(set) var fullMultiprocessors: [Int] = []

    // MARK: Making

    /// - Parameter held: leaves that running jobs have, by GPU's index: they stay, whatever the snapshot says.
    /// - Parameter asks: what jobs ask for.
    init(_ node: NodeSnapshot, mode: QueueConfiguration.Mode, held: [PlacedLeaf], asks: [LeafAsk], expected: [LeafAsk])
    {
        self.mode = mode
        var unknown: [String: MIGProfile.ID] = [:]
        let structure = Self.structure(of: node, mode: mode, unknown: &unknown)
        self.structure = structure
        var profiles: [[MIGProfile]] = []
        var ghosts: [[Structure.LeafOfGPU]] = []
        for gpu in structure.gpus {
            var missing: [Structure.LeafOfGPU] = []
            if mode == .fixed {
                for leaf in held where leaf.gpu == gpu.index {
                    guard !gpu.leaves.contains(where: { Self.isPlace(leaf, of: $0.key, unknown) }),
                        !missing.contains(where: { Self.isPlace(leaf, of: $0.key, unknown) })
                    else { continue }
                    let profile = leaf.profileID.flatMap { gpu.geometry.profile(id: $0) }
                    let id = leaf.profileID ?? Self.number(of: leaf.profile, &unknown)
                    missing.append(
                        .init(
                            key: Key(profile: id, placement: leaf.placement, computeInstance: 0), name: leaf.profile,
                            memoryMiB: profile?.memoryMiB ?? 0, multiprocessors: profile?.multiprocessors ?? 0))
                }
            }
            ghosts.append(missing)
        }
        for gpu in structure.gpus where !geometries.contains(gpu.geometry) {
            geometries.append(gpu.geometry)
            var leaves: [Structure.LeafOfGPU] = []
            for at in structure.gpus.indices where structure.gpus[at].geometry == gpu.geometry {
                leaves += structure.gpus[at].leaves + ghosts[at]
            }
            profiles.append(
                mode == .hybrid
                    ? gpu.geometry.plainProfiles
                    : gpu.geometry.profiles + Self.strangers(leaves, gpu.geometry))
        }
        catalog = LeafCatalog(profiles: profiles)
        self.unknown = unknown
        for (number, gpu) in structure.gpus.enumerated() {
            let leaves = gpu.leaves + ghosts[number]
            let mask = ghosts[number].indices.reduce(UInt64(0)) { $0 | 1 << UInt64(gpu.leaves.count + $1) }
            gpus.append(
                GPU(
                    index: gpu.index, kind: geometries.firstIndex(of: gpu.geometry) ?? 0, shape: 0,
                    keys: leaves.map(\.key), names: leaves.map(\.name), uuids: leaves.map { _ in nil },
                    unitOf: Dictionary(leaves.enumerated().map { ($1.key, $0) }) { first, _ in first }, ghosts: mask))
        }
        // All classes must be known before the shapes are made.
        for ask in (expected.isEmpty && mode == .hybrid ? usualAsks : expected) + asks { _ = kind(for: ask) }
        makeShapes(held: held, ghosts: ghosts)
    }

    private var usualAsks: [LeafAsk] {
        catalog.wholeSlices > 0 ? (1...catalog.wholeSlices).map { LeafAsk(leaves: $0) } : []
    }

    /// What a snapshot's pool would be made of.
    static func structure(
        of node: NodeSnapshot, mode: QueueConfiguration.Mode, unknown: inout [String: MIGProfile.ID]
    ) -> Structure {
        var gpus: [Structure.GPU] = []
        for gpu in node.gpus.sorted(by: { $0.index < $1.index }) {
            guard let geometry = gpu.geometry else { continue }
            var leaves: [Structure.LeafOfGPU] = []
            if mode == .fixed {
                for instance in gpu.instances {
                    guard let leaf = instance.leaf else { continue }
                    if case .notOurs = instance.use { continue }
                    let id = instance.profileID ?? number(of: instance.profile, &unknown)
                    leaves.append(
                        .init(
                            key: Key(
                                profile: id, placement: instance.placement,
                                computeInstance: instance.isWhole ? 0 : leaf.computeInstance.rawValue),
                            name: instance.profile, memoryMiB: leaf.memoryMiB, multiprocessors: leaf.multiprocessors))
                }
                leaves.sort {
                    ($0.key.placement, $0.key.computeInstance, $0.key.profile.rawValue)
                        < ($1.key.placement, $1.key.computeInstance, $1.key.profile.rawValue)
                }
                leaves = Array(leaves.prefix(64))
            }
            gpus.append(Structure.GPU(index: gpu.index, geometry: geometry, leaves: leaves))
        }
        return Structure(gpus: gpus)
    }

    /// Whether the pool can stay with another snapshot.
    mutating func isStill(_ node: NodeSnapshot) -> Bool {
        Self.structure(of: node, mode: mode, unknown: &unknown) == structure
    }

    /// A number for a profile that the driver doesn't list: below 0, which no driver gives.
    private static func number(of name: String, _ unknown: inout [String: MIGProfile.ID]) -> MIGProfile.ID {
        if let id = unknown[name] { return id }
        let id = MIGProfile.ID(rawValue: -1 - unknown.count)
        unknown[name] = id
        return id
    }

    private static func isPlace(_ leaf: PlacedLeaf, of key: Key, _ unknown: [String: MIGProfile.ID]) -> Bool {
        key.placement == leaf.placement && key.profile == leaf.profileID ?? unknown[leaf.profile] ?? key.profile
    }

    /// Profiles for leaves that the geometry has none for: they serve jobs that take any leaf.
    private static func strangers(_ leaves: [Structure.LeafOfGPU], _ geometry: MIGGeometry) -> [MIGProfile] {
        var found: [MIGProfile] = []
        for leaf in leaves where geometry.profile(id: leaf.key.profile) == nil {
            guard !found.contains(where: { $0.id == leaf.key.profile }) else { continue }
            let slices = Int(leaf.name.prefix { $0.isNumber }) ?? 1
            found.append(
                MIGProfile(
                    name: leaf.name.contains("+") ? leaf.name : leaf.name + "+unknown", id: leaf.key.profile, index: -1,
                    computeSlices: max(1, slices), memorySlices: leaf.key.placement.size,
                    memoryMiB: leaf.memoryMiB > 0 ? leaf.memoryMiB : nil,
                    multiprocessors: leaf.multiprocessors > 0 ? leaf.multiprocessors : nil, engines: Engines(copy: 0),
                    placements: [leaf.key.placement], maximumInstances: 1, computeInstanceProfile: 0, evidence: .driver)
            )
        }
        return found
    }

    private mutating func makeShapes(held: [PlacedLeaf], ghosts: [[Structure.LeafOfGPU]]) {
        let classes = catalog.classes
        var shapeOf: [[Key]: Int] = [:]
        var shapeOfKind: [Int: Int] = [:]
        for at in gpus.indices {
            let kind = gpus[at].kind
            let accepts = classes.map { members in { (unit: GPUShape.Unit) in members[kind].contains(unit.profile) } }
            switch mode {
            case .fixed:
                // GPUs of one kind with equal leaves share a shape; a key alone says nothing of the kind.
                let signature =
                    gpus[at].keys + [
                        Key(profile: -1_000_000, placement: Placement(start: kind, size: 0), computeInstance: 0)
                    ]
                if let shape = shapeOf[signature] {
                    gpus[at].shape = shape
                    continue
                }
                let leaves = structure.gpus[at].leaves + ghosts[at]
                let units = leaves.map { leaf in
                    GPUShape.Unit(
                        profile: leaf.key.profile, placement: leaf.key.placement,
                        computeSlices: catalog.profiles[kind].first { $0.id == leaf.key.profile }?.computeSlices ?? 1,
                        memoryMiB: leaf.memoryMiB, multiprocessors: leaf.multiprocessors)
                }
                gpus[at].shape = shapes.count
                shapeOf[signature] = shapes.count
                shapes.append(GPUShape(leaves: units, classes: accepts))
                fullMultiprocessors.append(geometries[kind].fullMultiprocessors)
            case .hybrid:
                if shapeOfKind[kind] == nil {
                    // Only what somebody can ask for, or has, is ever cut.
                    let indexes = Set(gpus.filter { $0.kind == kind }.map(\.index))
                    let has = held.filter { indexes.contains($0.gpu) }.compactMap(\.profileID)
                    let asked = Set(classes.flatMap { $0[kind] } + has)
                    let table = CutTable(
                        geometries[kind], using: geometries[kind].plainProfiles.map(\.id).filter { asked.contains($0) })
                    shapeOfKind[kind] = shapes.count
                    shapes.append(GPUShape(recut: table, classes: accepts))
                    fullMultiprocessors.append(geometries[kind].fullMultiprocessors)
                }
                let shape = shapeOfKind[kind] ?? 0
                gpus[at].shape = shape
                gpus[at].keys = shapes[shape].units.map {
                    Key(profile: $0.profile, placement: $0.placement, computeInstance: 0)
                }
                gpus[at].names = gpus[at].keys.map { geometries[kind].profile(id: $0.profile)?.name ?? "\($0.profile)" }
                gpus[at].uuids = gpus[at].keys.map { _ in nil }
                gpus[at].unitOf = Dictionary(gpus[at].keys.enumerated().map { ($1, $0) }) { first, _ in first }
            }
        }
    }

    /// - Parameter numa: by GPU's index.
    func makePool(numa: [Int: Int]) -> LeafPool {
        var pool = LeafPool(
            shapes: shapes, nodes: [gpus.map(\.shape)], numa: [gpus.map { numa[$0.index] ?? -1 }])
        pool.keepsCuts = mode == .hybrid
        return pool
    }

    // MARK: Asking

    /// SMs of the largest instance of a kind of GPU; 0 where unknown.
    func fullMultiprocessors(ofKind kind: Int) -> Int { geometries[kind].fullMultiprocessors }

    /// How a job can be served, with all GPUs idle; empty offers for one that can't.
    ///
    /// Where it needs leaves that nobody asked for before, the catalogue has more classes afterwards.
    mutating func kind(for ask: LeafAsk) -> (kind: Kind, answer: LeafCatalog.Answer) {
        let (mode, gpus, geometries) = (mode, gpus, geometries)
        var answer = catalog.offers(
            for: ask.wishes(mode, profiles: catalog.profiles.flatMap { $0 }), spansNodes: false,
            arrangement: ask.arrangement == .spread ? .spread : .pack, memoryMiB: { _ in ask.memoryMiB },
            whenIdle: { members in
                let total = gpus.reduce(0) { sum, gpu in
                    switch mode {
                    case .fixed:
                        let real = gpu.keys.indices.count { unit in
                            gpu.ghosts & 1 << UInt64(unit) == 0 && members[gpu.kind].contains(gpu.keys[unit].profile)
                        }
                        return sum + real
                    case .hybrid:
                        let most = members[gpu.kind].map {
                            geometries[gpu.kind].remainingCapacity(for: $0, in: Layout([]))
                        }.max()
                        return sum + (most ?? 0)
                    }
                }
                return (total, total)
            })
        if mode == .fixed {
            // Classes of the same leaves here are one option.
            let there = gpus.reduce(into: Array(repeating: Set<MIGProfile.ID>(), count: geometries.count)) {
                sets, gpu in
                for key in gpu.keys { sets[gpu.kind].insert(key.profile) }
            }
            var seen: Set<[AnyOption]> = []
            answer.offers = answer.offers.filter { offer in
                let leaves = offer.members.enumerated().map { kind, ids in
                    AnyOption(ids: Set(ids).intersection(there[kind]), count: offer.option.count)
                }
                return seen.insert(leaves).inserted
            }
        }
        return (Kind(ask: ask, offers: answer.offers), answer)
    }

    private struct AnyOption: Hashable {
        var ids: Set<MIGProfile.ID>
        var count: Int
    }

    /// The pool's number of a GPU by the driver's.
    func gpu(index: Int) -> Int? { gpus.firstIndex { $0.index == index } }

    /// The unit that a placed leaf is.
    func unit(of leaf: PlacedLeaf) -> LeafUnit? {
        guard let gpu = gpu(index: leaf.gpu) else { return nil }
        if let uuid = leaf.uuid, let unit = gpus[gpu].uuids.firstIndex(of: uuid), isPlace(leaf, gpu, unit) {
            return LeafUnit(gpu: gpu, unit: unit)
        }
        return gpus[gpu].keys.indices.first { isPlace(leaf, gpu, $0) }.map { LeafUnit(gpu: gpu, unit: $0) }
    }

    private func isPlace(_ leaf: PlacedLeaf, _ gpu: Int, _ unit: Int) -> Bool {
        Self.isPlace(leaf, of: gpus[gpu].keys[unit], unknown)
    }

    /// The leaf that a unit is now.
    func leaf(_ unit: LeafUnit) -> PlacedLeaf {
        let gpu = gpus[Int(unit.gpu)]
        let key = gpu.keys[Int(unit.unit)]
        return PlacedLeaf(
            gpu: gpu.index, profile: gpu.names[Int(unit.unit)],
            profileID: key.profile.rawValue < 0 ? nil : key.profile, placement: key.placement,
            uuid: gpu.uuids[Int(unit.unit)])
    }

    /// Units that cover an instance which is no unit itself, so that its slices are not handed out: the smallest that will do.
    func cover(_ placement: Placement, profile: MIGProfile.ID?, on gpu: Int) -> Int? {
        let keys = gpus[gpu].keys
        if let profile, let unit = gpus[gpu].unitOf[Key(profile: profile, placement: placement, computeInstance: 0)] {
            return unit
        }
        return keys.indices.filter {
            keys[$0].placement.start <= placement.start && placement.end <= keys[$0].placement.end
        }
        .min { (keys[$0].placement.size, $0) < (keys[$1].placement.size, $1) }
    }
}
