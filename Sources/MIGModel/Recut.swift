/// What lies on a GPU, seen by somebody who wants room on it: what must stay, and what may go.
public struct RecutState: Hashable, Sendable {
    /// What may be done with an instance.
    public enum Use: Hashable, Sendable {
        /// Stays as it is: something runs there, or it is somebody else's.
        case busy
        /// May serve as it is, or be destroyed to make room.
        case idle
        /// May be destroyed, but can't serve: it is not one whole leaf.
        case unfit
    }

    /// An instance that exists.
    public struct Instance: Hashable, Sendable {
        public var spec: MIGSpec
        public var use: Use

        public init(_ spec: MIGSpec, _ use: Use) {
            self.spec = spec
            self.use = use
        }
    }

    public var geometry: MIGGeometry
    /// In any order. No two overlap on a real GPU.
    public var instances: [Instance]

    public init(geometry: MIGGeometry, instances: [Instance]) {
        self.geometry = geometry
        self.instances = instances
    }

    /// Returns the cheapest way to have one idle instance of each of these profiles at the same time, beside all that is busy.
    ///
    /// The cost of a way is the number of GPU instances that it destroys and creates; no legal way costs less than the one
    /// returned. Idle instances that fit are used as they are, others stay where they are not in the way. Of several
    /// equally cheap ways it is always the same one for the same state.
    ///
    /// Walks over the placed layouts of the wanted profiles: some microseconds for a usual request, less than a millisecond for
    /// the largest of an A100. Memory slices from 64 on are not used.
    /// - Parameter wanted: profile IDs, several times for several instances. Nothing wanted costs nothing.
    public func recut(toFree wanted: [MIGProfile.ID]) -> Result<Recut, RecutImpossible> {
        var kinds: [MIGProfile.ID] = []
        var counts: [Int] = []
        for id in wanted {
            if let kind = kinds.firstIndex(of: id) {
                counts[kind] += 1
            } else {
                guard geometry.profile(id: id) != nil else { return .failure(.unknownProfile(id)) }
                kinds.append(id)
                counts.append(1)
            }
        }
        var search = RecutSearch(self, kinds: kinds, counts: counts)
        if let found = search.cheapest() { return .success(found) }
        let busy = instances.filter { $0.use == .busy }.map(\.spec).sorted()
        if !busy.isEmpty {
            var empty = RecutSearch(RecutState(geometry: geometry, instances: []), kinds: kinds, counts: counts)
            if empty.cheapest() != nil { return .failure(.busy(busy)) }
        }
        return .failure(.tooMuch)
    }
}

/// A way to instances of the wanted profiles: what to destroy, then what to create.
public struct Recut: Hashable, Sendable {
    /// One step of it.
    public enum Step: Hashable, Sendable {
        case destroy(MIGSpec)
        case create(MIGSpec)
    }

    /// The wanted instances, ascending: idle ones that fit, and new ones.
    public let free: [MIGSpec]
    /// Idle instances that have to go, ascending.
    public let destroyed: [MIGSpec]
    /// New instances, each at its place, ascending.
    public let created: [MIGSpec]
    /// Everything that is on the GPU afterwards.
    public let layout: Layout

    /// GPU instances destroyed and created.
    public var cost: Int { destroyed.count + created.count }

    /// What to do, in this order: all room is made before anything is created, so that each step is legal.
    public var steps: [Step] { destroyed.map(Step.destroy) + created.map(Step.create) }
}

/// Why there is no way to the wanted instances.
public enum RecutImpossible: Error, Hashable, Sendable {
    /// The GPU has no profile of that ID.
    case unknownProfile(MIGProfile.ID)
    /// No GPU, or no part of the node, offers a profile of that name.
    case unknownName(String)
    /// Not even on an empty GPU, or on a node of empty GPUs.
    case tooMuch
    /// There would be a way if these were not busy.
    case busy([MIGSpec])
    /// There would be a way on the node if nothing were busy on it.
    case nodeBusy
    /// The wanted multiset has more parts than can be looked at: millions.
    case tooLarge
}

extension RecutImpossible: CustomStringConvertible {
    /// The reason in words, profiles by ID.
    public var description: String {
        switch self {
        case .unknownProfile(let id): "this GPU has no profile \(id)"
        case .unknownName(let name): "no GPU of this node offers the profile \(name)"
        case .tooMuch: "so much does not fit, not even where nothing is busy"
        case .busy(let specs):
            "it would fit without what is busy: \(specs.map(\.description).joined(separator: ", "))"
        case .nodeBusy: "it would fit if nothing were busy on this node"
        case .tooLarge: "so many instances of so many profiles can't be looked for at once; ask for fewer"
        }
    }
}
