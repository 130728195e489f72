import LeafScheduling
import MIGModel
import Traces

/// What jobs may get on a cluster under a model: the classes of leaves, and each kind of job's options.
struct JobCatalog {
    /// What an option means for a job's pace.
    enum Serving: UInt8 {
        /// One instance, or whole GPUs.
        case one
        /// One rank per leaf.
        case many
    }

    /// A kind of job and what is to be known of its options.
    struct Entry {
        /// Index of the scheduler's kind; -1 for jobs that are refused.
        var kind: Int
        var serving: [Serving]
        var refusal: JobOutcome.Refusal
        /// No way to serve it is faster than this pace.
        var bestPace = 1.0
    }

    private struct Key: Hashable {
        var slices: Int32
        var memoryMiB: Int32
        var model: Int32
    }

    private let cluster: SimulatedCluster
    private let model: any ClusterModel
    private let paces: any JobPaces
    private let profiles: [MIGProfile]
    /// By part: what the model can cut.
    let cuts: [[GPUCut]]
    private var leaves: LeafCatalog
    /// By class, then by part: the profiles that are of it.
    var classes: [[[MIGProfile.ID]]] { leaves.classes }
    private(set) var kinds: [JobKind] = []
    private(set) var entries: [Entry] = []
    private var known: [Key: Int32] = [:]

    init(cluster: SimulatedCluster, model: any ClusterModel, paces: any JobPaces) {
        self.cluster = cluster
        self.model = model
        self.paces = paces
        profiles = cluster.parts.flatMap { $0.model.geometry.plainProfiles }
        leaves = LeafCatalog(profiles: cluster.parts.map { $0.model.geometry.plainProfiles })
        cuts = cluster.parts.map { model.cuts(of: $0) }
    }

    /// The place in ``entries`` of a job's kind.
    mutating func entry(of job: Job) -> Int32 {
        let key = Key(slices: job.slices, memoryMiB: job.memoryMiB, model: job.model)
        if let found = known[key] { return found }
        entries.append(makeEntry(job))
        known[key] = Int32(entries.count - 1)
        return Int32(entries.count - 1)
    }

    private mutating func makeEntry(_ job: Job) -> Entry {
        var bestPace = 0.0
        let (cluster, model, paces, cuts, whole) = (cluster, model, paces, cuts, leaves)
        let answer = leaves.offers(
            for: model.wishes(slices: Int(job.slices), profiles: profiles),
            // Jobs of several GPUs lie where there are GPUs, in every model; others stay on a node.
            spansNodes: Int(job.slices) > whole.wholeSlices,
            memoryMiB: { paces.rankMemoryMiB(of: job, ranks: whole.isWhole($0) ? 1 : $0.count) },
            whenIdle: { Self.whenIdle($0, cluster: cluster, model: model, cuts: cuts) },
            accepts: { wish, members in
                // At its best: every leaf on a link of its own. All GPUs must be known, since any may be the one.
                let known = Self.powers(of: members, cluster: cluster).map { power in
                    whole.isWhole(wish)
                        ? paces.pace(of: job, onOne: power)
                        : paces.pace(
                            of: job,
                            over: SpanShape(leaves: wish.count, slowest: power, mostLeavesOnOneGPU: 1, gpus: wish.count)
                        )
                }
                guard let pace = known.compactMap({ $0 }).max(), pace > 0, !known.contains(nil) else { return false }
                bestPace = max(bestPace, pace)
                return true
            })
        guard !answer.offers.isEmpty else {
            let refusal: JobOutcome.Refusal
            switch (answer.sawSize, answer.sawRoom, answer.sawMemory) {
            case (false, _, _): refusal = .noInstance
            case (_, false, _): refusal = answer.sawRoomOnNodes ? .largerThanNode : .largerThanCluster
            case (_, _, false): refusal = .memory
            default: refusal = memoryOrSpeed(job)
            }
            return Entry(kind: -1, serving: [], refusal: refusal)
        }
        let kind = JobKind(options: answer.offers.map(\.option), slices: Int(job.slices))
        let place = kinds.firstIndex(of: kind) ?? kinds.count
        if place == kinds.count { kinds.append(kind) }
        return Entry(
            kind: place, serving: answer.offers.map { $0.isWhole ? .one : .many }, refusal: .none, bestPace: bestPace)
    }

    /// Why a job has no option although there are instances of its size and some have the memory.
    private func memoryOrSpeed(_ job: Job) -> JobOutcome.Refusal {
        for wish in model.wishes(slices: Int(job.slices), profiles: profiles) {
            let memory = paces.rankMemoryMiB(of: job, ranks: wish.count)
            let idle = Self.whenIdle(
                leaves.members(of: wish, memoryMiB: memory), cluster: cluster, model: model, cuts: cuts)
            let most = Int(job.slices) > leaves.wholeSlices ? idle.total : idle.bestNode
            if most >= wish.count { return .speedUnknown }
        }
        return .memory
    }

    /// How many such leaves an idle cluster has, and its best node. Models that drain can have any of their layouts everywhere.
    private static func whenIdle(
        _ members: [[MIGProfile.ID]], cluster: SimulatedCluster, model: any ClusterModel, cuts: [[GPUCut]]
    ) -> (total: Int, bestNode: Int) {
        var (total, best) = (0, 0)
        for (part, item) in cluster.parts.enumerated() where !members[part].isEmpty {
            let counts = cuts[part].map { cut -> Int in
                switch cut {
                case .layout(let layout): layout.specs.count { members[part].contains($0.profile) }
                case .asNeeded:
                    members[part].map { item.model.geometry.remainingCapacity(for: $0, in: Layout([])) }.max() ?? 0
                }
            }
            if model.drains {
                let most = counts.max() ?? 0
                total += most * item.count
                best = max(best, most * min(item.count, cluster.gpusPerNode))
            } else {
                var node = 0
                for gpu in 0..<item.count {
                    let here = counts[model.cut(ofGPU: gpu, in: item)]
                    total += here
                    node = gpu.isMultiple(of: cluster.gpusPerNode) ? here : node + here
                    best = max(best, node)
                }
            }
        }
        return (total, best)
    }

    /// The leaves that are meant, each kind once.
    private static func powers(of members: [[MIGProfile.ID]], cluster: SimulatedCluster) -> Set<LeafPower> {
        var powers: Set<LeafPower> = []
        for (part, ids) in members.enumerated() {
            let geometry = cluster.parts[part].model.geometry
            for id in ids {
                if let profile = geometry.profile(id: id) { powers.insert(LeafPower(profile, of: geometry)) }
            }
        }
        return powers
    }
}

extension LeafPower {
    init(_ profile: MIGProfile, of geometry: MIGGeometry) {
        self.init(
            computeSlices: profile.computeSlices, multiprocessors: profile.multiprocessors ?? 0,
            fullMultiprocessors: geometry.fullMultiprocessors)
    }

    init(_ unit: GPUShape.Unit, fullMultiprocessors: Int) {
        self.init(
            computeSlices: unit.computeSlices, multiprocessors: unit.multiprocessors,
            fullMultiprocessors: fullMultiprocessors)
    }
}
