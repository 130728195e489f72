extension MIGGeometry {
    /// Returns every valid placed layout but the empty one, using only the profiles given; all profiles where none are given.
    ///
    /// Each layout appears once. The order is fixed: at the lowest slice where two layouts differ, an instance comes before a gap.
    /// Cost grows with the number of layouts, which is small on real GPUs: 722 on an A100 without +me, 2318 with it.
    /// IDs that the geometry lacks are ignored, and so are placements outside its memory slices.
    public func placedLayouts(using profiles: [MIGProfile.ID]? = nil) -> [Layout] {
        var layouts: [Layout] = []
        var search = LayoutSearch(geometry: self, profiles: profiles)
        search.run { specs, _ in layouts.append(Layout(specs)) }
        return layouts
    }

    /// Returns the valid placed layouts to which no further instance of the profiles given can be added; all profiles where none are given.
    ///
    /// Same order and same search as ``placedLayouts(using:)``; each layout found is also tried with every placement of every profile.
    public func maximalLayouts(using profiles: [MIGProfile.ID]? = nil) -> [Layout] {
        var layouts: [Layout] = []
        var search = LayoutSearch(geometry: self, profiles: profiles)
        search.run { specs, isMaximal in
            if isMaximal() { layouts.append(Layout(specs)) }
        }
        return layouts
    }
}

/// A depth-first walk over the memory slices of a geometry: at each slice place an instance that starts there, or go on.
///
/// Later instances start behind earlier ones, so nothing can overlap and no layout is met twice.
private struct LayoutSearch {
    private struct Candidate {
        let spec: MIGSpec
        /// Which of `instancesLeft` it uses.
        let profile: Int
        /// How much it uses of each of `resourcesLeft`.
        let amounts: [Int]
    }

    /// By first memory slice.
    private var candidates: [[Candidate]]
    private var chosen: [MIGSpec] = []
    private var instancesLeft: [Int] = []
    private var resourcesLeft: [Int]

    init(geometry: MIGGeometry, profiles: [MIGProfile.ID]?) {
        candidates = Array(repeating: [], count: max(geometry.memorySlices, 0))
        resourcesLeft = LayoutResource.allCases.map { geometry.total(of: $0) ?? .max }
        var seen: Set<MIGProfile.ID> = []
        for profile in geometry.profiles
        where profiles?.contains(profile.id) ?? true && seen.insert(profile.id).inserted {
            let amounts = LayoutResource.allCases.map { profile.amount(of: $0) }
            for placement in Set(profile.placements).sorted()
            where placement.start >= 0 && placement.size > 0 && placement.end <= geometry.memorySlices {
                let spec = MIGSpec(profile: profile.id, placement: placement)
                candidates[placement.start].append(
                    Candidate(spec: spec, profile: instancesLeft.count, amounts: amounts))
            }
            instancesLeft.append(profile.maximumInstances)
        }
    }

    /// Calls `found` with each layout but the empty one, and with a test whether nothing more fits.
    mutating func run(_ found: ([MIGSpec], () -> Bool) -> Void) {
        visit(slice: 0, found)
    }

    private mutating func visit(slice: Int, _ found: ([MIGSpec], () -> Bool) -> Void) {
        guard slice < candidates.count else {
            if !chosen.isEmpty { found(chosen, isMaximal) }
            return
        }
        for candidate in candidates[slice] where allows(candidate) {
            use(candidate, sign: 1)
            chosen.append(candidate.spec)
            visit(slice: candidate.spec.placement.end, found)
            chosen.removeLast()
            use(candidate, sign: -1)
        }
        visit(slice: slice + 1, found)
    }

    /// Whether counts and resources, not the slices, leave room for the candidate.
    private func allows(_ candidate: Candidate) -> Bool {
        instancesLeft[candidate.profile] > 0
            && zip(candidate.amounts, resourcesLeft).allSatisfy { $0 <= $1 }
    }

    private mutating func use(_ candidate: Candidate, sign: Int) {
        instancesLeft[candidate.profile] -= sign
        for resource in resourcesLeft.indices { resourcesLeft[resource] -= sign * candidate.amounts[resource] }
    }

    private func isMaximal() -> Bool {
        !candidates.joined().contains { candidate in
            allows(candidate) && !chosen.contains { $0.placement.overlaps(candidate.spec.placement) }
        }
    }
}
