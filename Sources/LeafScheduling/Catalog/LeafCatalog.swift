import MIGModel

/// The classes of leaves that jobs ask for, over all kinds of GPU that there are: what a wish means.
///
/// The simulator and a node's service get their jobs' options here, so that both offer a job the same.
public struct LeafCatalog: Sendable {
    /// By kind of GPU: the profiles that leaves may have.
    public let profiles: [[MIGProfile]]
    /// By class, then by kind of GPU: the profiles that are of it. Numbered as they were first asked for.
    public private(set) var classes: [[[MIGProfile.ID]]] = []
    /// Compute slices of the largest profile.
    public let wholeSlices: Int

    public init(profiles: [[MIGProfile]]) {
        self.profiles = profiles
        wholeSlices = profiles.joined().map(\.computeSlices).max() ?? 0
    }

    /// One way to serve a job.
    public struct Offer: Hashable, Sendable {
        public var option: GangOption
        /// One instance, or whole GPUs; else one rank for each of several leaves.
        public var isWhole: Bool
        /// By kind of GPU: the profiles of its leaves.
        public var members: [[MIGProfile.ID]]
    }

    /// The ways to serve a job, best first, and what was met on the way there.
    public struct Answer: Sendable {
        public var offers: [Offer] = []
        /// Whether there are leaves of a wished size at all; so many of them as the job wants; some with the memory; and
        /// enough with the memory, which nevertheless were not accepted.
        public var sawSize = false, sawRoom = false, sawMemory = false
        /// Whether there are so many leaves of a wished size, on however many nodes.
        public var sawRoomOnNodes = false
        /// The most leaves that any wish could have, and what that wish wanted.
        public var most = 0
    }

    /// Whether a wish is one instance or whole GPUs.
    public func isWhole(_ wish: GangWish) -> Bool { wish.count == 1 || wish.computeSlices == wholeSlices }

    /// The ways to serve a job among its wishes.
    ///
    /// - Parameter spansNodes: whether the job may lie on several nodes, whatever it is served with. It is for the job to
    ///   decide and not for a wish or a layout: where several leaves might use gaps that whole GPUs have to leave, or a
    ///   layout without a whole node would free its jobs to lie anywhere, a laxer rule would look like a gain.
    /// - Parameter memoryMiB: what each leaf must have.
    /// - Parameter whenIdle: how many leaves with these profiles an idle cluster has, and its best node.
    /// - Parameter accepts: whether the job can be served so, such as that its speed there is known.
    public mutating func offers(
        for wishes: [GangWish], spansNodes: Bool, arrangement: Arrangement = .pack, memoryMiB: (GangWish) -> Int,
        whenIdle: ([[MIGProfile.ID]]) -> (total: Int, bestNode: Int),
        accepts: (GangWish, [[MIGProfile.ID]]) -> Bool = { _, _ in true }
    ) -> Answer {
        var answer = Answer()
        for wish in wishes {
            if wish.isLastResort, !answer.offers.isEmpty { continue }
            let members = members(of: wish, memoryMiB: memoryMiB(wish))
            func most(_ idle: (total: Int, bestNode: Int)) -> Int { spansNodes ? idle.total : idle.bestNode }
            // What it would be without a demand for memory tells why it is refused.
            let anyMemory = whenIdle(self.members(of: wish, memoryMiB: 0))
            if anyMemory.total > 0 { answer.sawSize = true }
            if most(anyMemory) >= wish.count { answer.sawRoom = true }
            if anyMemory.total >= wish.count { answer.sawRoomOnNodes = true }
            let idle = whenIdle(members)
            guard idle.total > 0 else { continue }
            answer.sawMemory = true
            answer.most = max(answer.most, most(idle))
            guard most(idle) >= wish.count, accepts(wish, members) else { continue }
            let option = GangOption(
                number(of: members), count: wish.count, arrangement: arrangement,
                maximumNodes: spansNodes && wish.count > 1 && idle.total > idle.bestNode ? Int.max : 1)
            guard !answer.offers.contains(where: { $0.option == option }) else { continue }
            answer.offers.append(Offer(option: option, isWhole: isWhole(wish), members: members))
        }
        return answer
    }

    /// By kind of GPU: the profiles that a wish means.
    public func members(of wish: GangWish, memoryMiB: Int) -> [[MIGProfile.ID]] {
        profiles.map { profiles in
            let sized = profiles.filter {
                wish.computeSlices == GangWish.anySize || $0.computeSlices == wish.computeSlices
            }
            .sorted { ($0.memoryMiB ?? 0, $0.id.rawValue) < ($1.memoryMiB ?? 0, $1.id.rawValue) }
            func isEnough(_ profile: MIGProfile) -> Bool { (profile.memoryMiB ?? .max) >= memoryMiB }
            // Profiles with attributes are leaves like others only where anything will do.
            let plain = sized.filter(\.attributes.isEmpty)
            switch wish.memory {
            case .mixed: return sized.filter(isEnough).map(\.id)
            case .least: return plain.filter(isEnough).prefix(1).map(\.id)
            case .single: return plain.prefix(1).filter(isEnough).map(\.id)
            case .double: return plain.dropFirst().filter(isEnough).prefix(1).map(\.id)
            }
        }
    }

    private mutating func number(of members: [[MIGProfile.ID]]) -> LeafClass {
        if let found = classes.firstIndex(of: members) { return found }
        classes.append(members)
        return classes.count - 1
    }
}

extension MIGGeometry {
    /// The profiles that jobs get: those without attributes.
    package var plainProfiles: [MIGProfile] { profiles.filter(\.attributes.isEmpty) }

    /// SMs of the instance with everything; 0 where unknown.
    package var fullMultiprocessors: Int {
        let whole = plainProfiles.max { ($0.computeSlices, $0.memorySlices) < ($1.computeSlices, $1.memorySlices) }
        return whole?.multiprocessors ?? 0
    }
}
