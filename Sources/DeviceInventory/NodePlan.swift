import MIGModel

/// Who is on a leaf, in plain words.
public struct LeafUse: Hashable, Sendable {
    public let leaf: MIGDeviceUUID
    public let gpu: Int
    public let by: String

    public init(leaf: MIGDeviceUUID, gpu: Int, by: String) {
        self.leaf = leaf
        self.gpu = gpu
        self.by = by
    }
}

/// The way from what is on a node to what is wanted.
public struct NodePlan: Hashable, Sendable {
    /// One GPU's part.
    public struct Part: Hashable, Sendable {
        public let gpu: GPU
        public let outcome: Outcome
        /// Who is on the leaves that are there, the kept ones included.
        public let uses: [LeafUse]
    }

    public enum Outcome: Hashable, Sendable {
        case planned(LayoutPlan)
        /// MIG mode is off, and that is what was asked for.
        case staysOff
        case refused(LayoutRefusal)
        /// Leaves that would have to go are in use.
        case inUse(LayoutPlan, [LeafUse])
    }

    /// What was asked for, in the user's words: a file, or a layout's name.
    public let source: String
    /// The GPUs that are meant, in the node's order.
    public let parts: [Part]
    /// Indices of GPUs that are meant and have fallen off the bus: nothing is known of them, and nothing done.
    public let lost: [Int]
    /// GPUs that are named and are not there, as they were named; a lost one may be among them.
    public let missing: [String]

    init(source: String, parts: [Part], lost: [Int] = [], missing: [String] = []) {
        self.source = source
        self.parts = parts
        self.lost = lost
        self.missing = missing
    }

    /// What would be done, GPU by GPU; empty for a GPU that is as wanted.
    public var plans: [LayoutPlan] {
        parts.compactMap { part in
            switch part.outcome {
            case .planned(let plan), .inUse(let plan, _): plan
            case .staysOff, .refused: nil
            }
        }
    }

    /// Whether every GPU is as wanted already; one that is lost or missing is not.
    public var isDone: Bool {
        lost.isEmpty && missing.isEmpty && isDoneWhereReachable
    }

    /// Whether every GPU that is on the bus is as wanted already.
    var isDoneWhereReachable: Bool {
        parts.allSatisfy { part in
            switch part.outcome {
            case .planned(let plan), .inUse(let plan, _): plan.steps.isEmpty
            case .staysOff: true
            case .refused: false
            }
        }
    }

    /// - Throws: `LayoutRefusal.absent`: the others can have what is wanted, and these can't.
    public func requireAllThere() throws(LayoutRefusal) {
        if !lost.isEmpty || !missing.isEmpty { throw .absent(lost: lost, missing: missing) }
    }

    /// - Throws: `LayoutRefusal`, `LeavesInUse`: why the plan can't be carried out. A layout that a GPU can never have
    ///   comes before leaves that are in use now.
    public func requirePossible() throws {
        var refusals: [LayoutRefusal] = []
        var uses: [LeafUse] = []
        for part in parts {
            switch part.outcome {
            case .planned, .staysOff: break
            case .refused(let refusal): refusals.append(refusal)
            case .inUse(_, let inUse): uses += inUse
            }
        }
        if let first = refusals.first { throw refusals.count == 1 ? first : LayoutRefusal.several(refusals) }
        if !uses.isEmpty { throw LeavesInUse(uses: uses) }
    }
}

extension NodePlan.Part {
    /// Plans one GPU's part.
    ///
    /// - Parameter uses: who is on the GPU's leaves.
    /// - Parameter reasonToStay: why the GPU is not ours to cut; nil when it is.
    init(_ gpu: GPU, _ wanted: WantedInstances, uses: [LeafUse], reasonToStay: String?) {
        self.gpu = gpu
        self.uses = uses
        let used = Set(uses.map(\.leaf))
        let plan: Result<LayoutPlan, LayoutRefusal>
        switch wanted {
        case .migModeOff:
            outcome = gpu.migMode.isOn ? .refused(.migModeOn(gpu: gpu.index, MIGModeSwitch(gpu))) : .staysOff
            return
        case .named(let name): plan = gpu.plan(name)
        case .profiles(let profiles):
            guard gpu.migMode.isOn else {
                plan = gpu.plan(Layout([]))
                break
            }
            let inUse = gpu.instances.filter { $0.devices.contains { used.contains($0.uuid) } }.map(\.spec)
            plan = gpu.layout(for: profiles, inUse: Set(inUse)).flatMap { gpu.plan($0) }
        }
        switch plan {
        case .failure(let refusal): outcome = .refused(refusal)
        case .success(let plan):
            let leaving = Set(plan.destroyedLeaves)
            let inTheWay = uses.filter { leaving.contains($0.leaf) }
            if let reasonToStay, inTheWay.isEmpty, !plan.steps.isEmpty {
                // No leaf has to go, and yet it is somebody else's to cut.
                outcome = .refused(.notOurs(gpu: gpu.index, reason: reasonToStay))
            } else {
                outcome = inTheWay.isEmpty ? .planned(plan) : .inUse(plan, inTheWay)
            }
        }
    }
}
