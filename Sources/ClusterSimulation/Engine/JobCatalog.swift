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
    /// By class, then by part: the profiles that are of it.
    private(set) var classes: [[[MIGProfile.ID]]] = []
    private(set) var kinds: [JobKind] = []
    private(set) var entries: [Entry] = []
    private var known: [Key: Int32] = [:]

    init(cluster: SimulatedCluster, model: any ClusterModel, paces: any JobPaces) {
        self.cluster = cluster
        self.model = model
        self.paces = paces
        profiles = cluster.parts.flatMap { $0.model.geometry.plainProfiles }
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
        var options: [GangOption] = []
        var serving: [Serving] = []
        var bestPace = 0.0
        var (sawInstance, sawMemory, sawRoom) = (false, false, false)
        for wish in model.wishes(slices: Int(job.slices), profiles: profiles) {
            if wish.isLastResort, !options.isEmpty { continue }
            let isWhole = wish.count == 1 || wish.computeSlices == wholeSlices
            let memory = paces.rankMemoryMiB(of: job, ranks: isWhole ? 1 : wish.count)
            let members = members(of: wish, memoryMiB: memory)
            // What it would be without a demand for memory tells why it is refused.
            let total = whenIdle(self.members(of: wish, memoryMiB: 0)).total
            if total > 0 { sawInstance = true }
            if total >= wish.count { sawRoom = true }
            let idle = whenIdle(members)
            guard idle.total > 0 else { continue }
            sawMemory = true
            guard idle.total >= wish.count else { continue }
            // At its best: every leaf on a link of its own. All GPUs must be known, since any may be the one.
            let known = powers(of: members).map { power in
                isWhole
                    ? paces.pace(of: job, onOne: power)
                    : paces.pace(
                        of: job,
                        over: SpanShape(leaves: wish.count, slowest: power, mostLeavesOnOneGPU: 1, gpus: wish.count))
            }
            guard let pace = known.compactMap({ $0 }).max(), pace > 0, !known.contains(nil) else { continue }
            bestPace = max(bestPace, pace)
            let leafClass = number(of: members)
            let option = GangOption(
                leafClass, count: wish.count, maximumNodes: wish.count <= idle.bestNode ? 1 : Int.max)
            guard !options.contains(option) else { continue }
            options.append(option)
            serving.append(isWhole ? .one : .many)
        }
        guard !options.isEmpty else {
            let refusal: JobOutcome.Refusal =
                if !sawInstance { .noInstance } else if !sawRoom { .largerThanCluster } else if !sawMemory {
                    .memory
                } else { memoryOrSpeed(job) }
            return Entry(kind: -1, serving: [], refusal: refusal)
        }
        let kind = JobKind(options: options, slices: Int(job.slices))
        let place = kinds.firstIndex(of: kind) ?? kinds.count
        if place == kinds.count { kinds.append(kind) }
        return Entry(kind: place, serving: serving, refusal: .none, bestPace: bestPace)
    }

    /// Why a job has no option although there are instances of its size and some have the memory.
    private func memoryOrSpeed(_ job: Job) -> JobOutcome.Refusal {
        for wish in model.wishes(slices: Int(job.slices), profiles: profiles) {
            let memory = paces.rankMemoryMiB(of: job, ranks: wish.count)
            if whenIdle(members(of: wish, memoryMiB: memory)).total >= wish.count { return .speedUnknown }
        }
        return .memory
    }

    private var wholeSlices: Int { profiles.map(\.computeSlices).max() ?? 0 }

    /// By part: the profiles that a wish means.
    private func members(of wish: GangWish, memoryMiB: Int) -> [[MIGProfile.ID]] {
        cluster.parts.map { part in
            let sized = part.model.geometry.plainProfiles.filter { $0.computeSlices == wish.computeSlices }
                .sorted { ($0.memoryMiB ?? 0, $0.id.rawValue) < ($1.memoryMiB ?? 0, $1.id.rawValue) }
            let fitting = sized.filter { ($0.memoryMiB ?? .max) >= memoryMiB }
            switch wish.memory {
            case .mixed: return fitting.map(\.id)
            case .least: return fitting.prefix(1).map(\.id)
            case .double: return fitting.filter { $0.id != sized.first?.id }.prefix(1).map(\.id)
            }
        }
    }

    private mutating func number(of members: [[MIGProfile.ID]]) -> Int {
        if let found = classes.firstIndex(of: members) { return found }
        classes.append(members)
        return classes.count - 1
    }

    /// How many such leaves an idle cluster has, and its best node. Models that drain can have any of their layouts everywhere.
    private func whenIdle(_ members: [[MIGProfile.ID]]) -> (total: Int, bestNode: Int) {
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
    private func powers(of members: [[MIGProfile.ID]]) -> Set<LeafPower> {
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

extension MIGGeometry {
    /// SMs of the instance with everything; 0 where unknown.
    var fullMultiprocessors: Int {
        let whole = plainProfiles.max { ($0.computeSlices, $0.memorySlices) < ($1.computeSlices, $1.memorySlices) }
        return whole?.multiprocessors ?? 0
    }
}
