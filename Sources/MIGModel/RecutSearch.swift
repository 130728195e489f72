/// A walk over all placements of wanted profiles beside what is busy on one GPU.
///
/// From slice to slice: place an instance that starts there, or go on. So nothing placed overlaps, and no set of places is met
/// twice. What a set costs follows from it: its new instances, and the idle ones that it leaves no room for.
struct RecutSearch {
    private struct Candidate {
        let spec: MIGSpec
        let kind: Int
        let mask: UInt64
        let start: Int
        let end: Int
        /// The idle instance that it is already, or -1.
        let idle: Int
        /// First of its `limits.count` figures in `amounts`.
        let amounts: Int
    }

    /// An instance that may go.
    private struct Movable {
        let spec: MIGSpec
        let mask: UInt64
        let amounts: Int
    }

    private let slices: Int
    private let busy: [MIGSpec]
    private let movable: [Movable]
    /// By first slice: `candidates[firstAt[s]..<firstAt[s + 1]]` start at slice s.
    private let candidates: [Candidate]
    private let firstAt: [Int]
    private let busyMask: UInt64
    /// Instances of each profile, then each resource: how much there may be.
    private let limits: [Int]
    /// What instances use of `limits`, one row after the other.
    private let amounts: [Int]
    private let counts: [Int]
    /// How much one of a kind counts in `key`.
    private let keyStep: [Int]
    private let sizes: [Int]

    private var used: [Int]
    private var left: [Int]
    private var chosen: [Int] = []
    private var chosenMask: UInt64 = 0
    private var created = 0
    private var key = 0
    /// Instances, and their memory slices, that are still missing where everything is wanted.
    private var missing: Int
    private var slicesWanted: Int
    /// The least cost by key; `.max` where there is none yet.
    private var costs: [Int]
    private var best: (chosen: [Int], gone: UInt64)?
    private let wantsAll: Bool

    /// - Parameter kinds: profiles of the geometry, each once.
    /// - Parameter counts: how many of each.
    /// - Parameter wantsAll: false finds the costs of all parts of the wanted multiset as well.
    init(_ state: RecutState, kinds: [MIGProfile.ID], counts: [Int], wantsAll: Bool = true) {
        let geometry = state.geometry
        slices = min(max(geometry.memorySlices, 0), 64)
        let resources = LayoutResource.allCases
        let width = geometry.profiles.count + resources.count
        var amounts: [Int] = []
        amounts.reserveCapacity((geometry.profiles.count + 1) * width)
        for (index, profile) in geometry.profiles.enumerated() {
            for other in geometry.profiles.indices { amounts.append(other == index ? 1 : 0) }
            for resource in resources { amounts.append(profile.amount(of: resource)) }
        }
        // A profile that the geometry lacks takes only its slices.
        let unknown = amounts.count
        for _ in 0..<width { amounts.append(0) }
        func row(_ id: MIGProfile.ID) -> Int {
            geometry.profiles.firstIndex { $0.id == id }.map { $0 * width } ?? unknown
        }

        var busy: [MIGSpec] = []
        var busyMask: UInt64 = 0
        var used = Array(repeating: 0, count: width)
        var existing = used
        var movable: [Movable] = []
        var isFit: [Bool] = []
        for instance in state.instances.sorted(by: { $0.spec < $1.spec }) {
            let row = row(instance.spec.profile)
            let mask = instance.spec.placement.mask
            for limit in 0..<width { existing[limit] += amounts[row + limit] }
            // More movable instances than this no GPU can have; what is beyond stays.
            if instance.use == .busy || movable.count == 64 {
                busy.append(instance.spec)
                busyMask |= mask
                for limit in 0..<width { used[limit] += amounts[row + limit] }
            } else {
                movable.append(Movable(spec: instance.spec, mask: mask, amounts: row))
                isFit.append(instance.use == .idle)
            }
        }
        // What exists is possible, whatever the table says.
        var limits = geometry.profiles.map(\.maximumInstances) + resources.map { geometry.total(of: $0) ?? .max }
        for limit in limits.indices { limits[limit] = max(limits[limit], existing[limit]) }

        var candidates: [Candidate] = []
        for (kind, id) in kinds.enumerated() {
            guard let profile = geometry.profile(id: id) else { continue }
            for placement in profile.placements
            where placement.start >= 0 && placement.size > 0 && placement.end <= slices {
                let spec = MIGSpec(profile: id, placement: placement)
                let mask = placement.mask
                if mask & busyMask != 0 { continue }
                let idle = movable.indices.first { movable[$0].spec == spec && isFit[$0] } ?? -1
                candidates.append(
                    Candidate(
                        spec: spec, kind: kind, mask: mask, start: placement.start, end: placement.end, idle: idle,
                        amounts: row(id)))
            }
        }
        // What is there already is tried first: a good way found early cuts off the others.
        candidates.sort {
            ($0.start, $0.idle < 0 ? 1 : 0, -$0.end, $0.kind) < ($1.start, $1.idle < 0 ? 1 : 0, -$1.end, $1.kind)
        }
        var firstAt = Array(repeating: candidates.count, count: slices + 1)
        for (position, candidate) in candidates.enumerated().reversed() { firstAt[candidate.start] = position }
        for slice in stride(from: slices - 1, through: 0, by: -1) {
            firstAt[slice] = min(firstAt[slice], firstAt[slice + 1])
        }

        var keyStep: [Int] = []
        var keys = 1
        for count in counts where !wantsAll {
            keyStep.append(keys)
            keys *= count + 1
        }
        self.busy = busy
        self.busyMask = busyMask
        self.movable = movable
        self.candidates = candidates
        self.firstAt = firstAt
        self.limits = limits
        self.amounts = amounts
        self.counts = counts
        self.keyStep = keyStep
        self.used = used
        self.wantsAll = wantsAll
        sizes = kinds.map { geometry.profile(id: $0)?.memorySlices ?? 0 }
        left = counts
        missing = counts.reduce(0, +)
        slicesWanted = zip(counts, sizes).reduce(0) { $0 + $1.0 * $1.1 }
        costs = Array(repeating: .max, count: keys)
        chosen.reserveCapacity(slices)
    }

    /// The cheapest way to all that is wanted; nil where there is none.
    mutating func cheapest() -> Recut? {
        // No GPU has so many slices; and what is wanted could be any number.
        guard slicesWanted <= slices else { return nil }
        visit(slice: 0)
        guard let best else { return nil }
        let free = best.chosen.map { candidates[$0].spec }.sorted()
        let created = best.chosen.filter { candidates[$0].idle < 0 }.map { candidates[$0].spec }.sorted()
        var destroyed: [MIGSpec] = []
        var kept: [MIGSpec] = []
        for (position, instance) in movable.enumerated() {
            if best.gone & 1 << UInt64(position) != 0 {
                destroyed.append(instance.spec)
            } else {
                kept.append(instance.spec)
            }
        }
        return Recut(free: free, destroyed: destroyed, created: created, layout: Layout(busy + kept + created))
    }

    /// The least cost of each part of the wanted multiset, by key.
    mutating func allCosts() -> [Int] {
        visit(slice: 0)
        return costs
    }

    private mutating func visit(slice: Int) {
        if wantsAll {
            if created >= costs[0] || slicesWanted > slices - slice { return }
            if missing == 0 { return consider() }
            if slice == slices { return }
        } else if slice == slices {
            return consider()
        }
        for position in firstAt[slice]..<firstAt[slice + 1] {
            let candidate = candidates[position]
            guard left[candidate.kind] > 0, allows(candidate) else { continue }
            use(candidate, sign: 1)
            chosen.append(position)
            chosenMask |= candidate.mask
            visit(slice: candidate.end)
            chosenMask &= ~candidate.mask
            chosen.removeLast()
            use(candidate, sign: -1)
        }
        visit(slice: slice + 1)
    }

    private func allows(_ candidate: Candidate) -> Bool {
        if candidate.mask & busyMask != 0 { return false }
        for limit in limits.indices where used[limit] + amounts[candidate.amounts + limit] > limits[limit] {
            return false
        }
        return true
    }

    private mutating func use(_ candidate: Candidate, sign: Int) {
        for limit in limits.indices { used[limit] += sign * amounts[candidate.amounts + limit] }
        left[candidate.kind] -= sign
        if candidate.idle < 0 { created += sign }
        if wantsAll {
            missing -= sign
            slicesWanted -= sign * sizes[candidate.kind]
        } else {
            key += sign * keyStep[candidate.kind]
        }
    }

    /// Takes in what is chosen now, if it costs less than what was found before.
    private mutating func consider() {
        if created >= costs[key] { return }
        var serving: UInt64 = 0
        for position in chosen where candidates[position].idle >= 0 {
            serving |= 1 << UInt64(candidates[position].idle)
        }
        var gone: UInt64 = 0
        for (position, instance) in movable.enumerated()
        where serving & 1 << UInt64(position) == 0 && instance.mask & chosenMask != 0 {
            gone |= 1 << UInt64(position)
        }
        let most = costs[key] - created
        guard gone.nonzeroBitCount < most else { return }
        // Those that serve are counted in `used` already; the others use what they use while they stay.
        for (position, instance) in movable.enumerated()
        where (serving | gone) & 1 << UInt64(position) == 0 {
            for limit in limits.indices { used[limit] += amounts[instance.amounts + limit] }
        }
        let removed = removal(from: ~(serving | gone), atMost: most - 1 - gone.nonzeroBitCount)
        for (position, instance) in movable.enumerated()
        where (serving | gone) & 1 << UInt64(position) == 0 {
            for limit in limits.indices { used[limit] -= amounts[instance.amounts + limit] }
        }
        guard let removed else { return }
        gone |= removed
        costs[key] = created + gone.nonzeroBitCount
        if wantsAll { best = (chosen, gone) }
    }

    /// The fewest instances that have to go because of limits other than the slices; nil where that takes more than `most`.
    private mutating func removal(from staying: UInt64, atMost most: Int) -> UInt64? {
        guard let broken = limits.indices.first(where: { used[$0] > limits[$0] }) else { return 0 }
        if most <= 0 { return nil }
        var best: UInt64?
        var most = most
        for (position, instance) in movable.enumerated()
        where staying & 1 << UInt64(position) != 0 && amounts[instance.amounts + broken] > 0 {
            for limit in limits.indices { used[limit] -= amounts[instance.amounts + limit] }
            let rest = removal(from: staying & ~(1 << UInt64(position)), atMost: most - 1)
            for limit in limits.indices { used[limit] += amounts[instance.amounts + limit] }
            if let rest {
                let found = rest | 1 << UInt64(position)
                most = found.nonzeroBitCount - 1
                best = found
            }
        }
        return best
    }
}

extension Placement {
    /// A bit for each slice; slices outside 0..<64 have none.
    fileprivate var mask: UInt64 {
        var mask: UInt64 = 0
        var slice = max(start, 0)
        while slice < min(end, 64) {
            mask |= 1 << UInt64(slice)
            slice += 1
        }
        return mask
    }
}
