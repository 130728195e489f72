extension MIGGeometry {
    /// Returns a valid layout that has the placed instances and, beside them, one more instance for each profile given.
    ///
    /// A legal multiset is never refused because of the order in which its profiles are named: all placements are searched.
    /// Of several layouts the one with the largest sum of `worth` is taken, so that instances that exist can be kept;
    /// between equal ones large profiles go first, each at its last open placement, as drivers were seen to do.
    /// Cost is exponential only in the number of profiles, at most 8 on known GPUs: some hundred steps there. A geometry
    /// that would need more than a million is given up with ``LayoutProblem/noRoom(for:beside:)``.
    /// - Parameter profiles: One ID for each instance whose placement is free; IDs may repeat.
    /// - Parameter worth: What it is worth to have exactly that instance, 0 or more.
    public func placing(
        _ profiles: [MIGProfile.ID], beside placed: [MIGSpec], worth: (MIGSpec) -> Int = { _ in 0 }
    ) -> Result<Layout, LayoutProblem> {
        if let problem = problem(in: Layout(placed)) { return .failure(problem) }
        if let problem = shortage(of: profiles, beside: placed) { return .failure(problem) }
        let ordered = profiles.compactMap { profile(id: $0) }
            .sorted { ($1.memorySlices, $0.id.rawValue) < ($0.memorySlices, $1.id.rawValue) }
        var search = PlacingSearch(geometry: self, placed: placed, profiles: ordered, worth: worth)
        return search.run().map { .success($0) } ?? .failure(.noRoom(for: ordered.map(\.id), beside: Layout(placed)))
    }

    /// What no choice of placements could change: unknown profiles, and too many of one.
    private func shortage(of profiles: [MIGProfile.ID], beside placed: [MIGSpec]) -> LayoutProblem? {
        var counts: [MIGProfile.ID: Int] = [:]
        for spec in placed { counts[spec.profile, default: 0] += 1 }
        var wanted = Dictionary(uniqueKeysWithValues: LayoutResource.allCases.map { ($0, 0) })
        for id in profiles + placed.map(\.profile) {
            guard let profile = profile(id: id) else {
                return .unknownProfile(MIGSpec(profile: id, placement: Placement(start: 0, size: 0)))
            }
            for resource in LayoutResource.allCases { wanted[resource, default: 0] += profile.amount(of: resource) }
        }
        for id in profiles {
            counts[id, default: 0] += 1
            if let maximum = profile(id: id)?.maximumInstances, counts[id, default: 0] > maximum {
                return .tooManyInstances(of: id, maximum: maximum)
            }
        }
        for resource in LayoutResource.allCases {
            guard let available = total(of: resource), let wanted = wanted[resource], wanted > available else {
                continue
            }
            return .notEnough(resource, wanted: wanted, available: available)
        }
        return nil
    }
}

/// A depth-first search for placements, best first found.
private struct PlacingSearch {
    private let placed: [MIGSpec]
    /// For each profile to place its placements, last first, and what each is worth.
    private let choices: [[(spec: MIGSpec, worth: Int)]]
    /// Whether the profile is the one before it: then it takes a later choice, so that no set is met twice.
    private let repeats: [Bool]
    /// The most that the profiles from here on can still be worth.
    private let outlook: [Int]
    private var chosen: [(spec: MIGSpec, choice: Int)] = []
    private var best: (layout: [MIGSpec], worth: Int)?
    private var steps = 0

    init(geometry: MIGGeometry, placed: [MIGSpec], profiles: [MIGProfile], worth: (MIGSpec) -> Int) {
        self.placed = placed
        choices = profiles.map { profile in
            Set(profile.placements).sorted(by: >).map { placement in
                let spec = MIGSpec(profile: profile.id, placement: placement)
                return (spec, max(0, worth(spec)))
            }
        }
        repeats = profiles.indices.map { $0 > 0 && profiles[$0].id == profiles[$0 - 1].id }
        var outlook = [0]
        for choices in choices.reversed() {
            outlook.append(outlook[outlook.count - 1] + (choices.map(\.worth).max() ?? 0))
        }
        self.outlook = outlook.reversed()
    }

    mutating func run() -> Layout? {
        visit(0, worth: 0)
        return best.map { Layout($0.layout) }
    }

    private mutating func visit(_ index: Int, worth: Int) {
        steps += 1
        guard steps < 1_000_000 else { return }
        if let best, best.worth >= worth + outlook[index] { return }
        guard index < choices.count else {
            best = (placed + chosen.map(\.spec), worth)
            return
        }
        let first = repeats[index] ? (chosen.last?.choice ?? -1) + 1 : 0
        for choice in choices[index].indices.dropFirst(first) {
            let candidate = choices[index][choice]
            let overlaps = { (other: MIGSpec) in other.placement.overlaps(candidate.spec.placement) }
            if placed.contains(where: overlaps) || chosen.contains(where: { overlaps($0.spec) }) { continue }
            chosen.append((candidate.spec, choice))
            visit(index + 1, worth: worth + candidate.worth)
            chosen.removeLast()
        }
    }
}
