extension MIGGeometry {
    /// Returns whether a GPU of this geometry can have all instances of the layout at once. The empty layout is valid.
    ///
    /// O(n^2) in the number of instances, at most 8 on known GPUs.
    public func isValid(_ layout: Layout) -> Bool {
        problem(in: layout) == nil
    }

    /// Returns the first reason why a GPU of this geometry cannot have the layout, or nil if it can.
    ///
    /// Instances are looked at in the layout's order, each for: unknown profile, illegal placement, overlap with an earlier one,
    /// too many of its profile. Compute slices and media engines are added up last, where ``total(of:)`` knows the whole.
    /// The engine rule is what keeps two +me instances of different profiles apart on A30; it is inferred, not seen.
    /// O(n^2) in the number of instances.
    public func problem(in layout: Layout) -> LayoutProblem? {
        var placed: [(spec: MIGSpec, profile: MIGProfile)] = []
        for spec in layout.specs {
            guard let profile = profile(id: spec.profile) else { return .unknownProfile(spec) }
            guard profile.placements.contains(spec.placement) else {
                return .illegalPlacement(spec, legal: profile.placements)
            }
            if let other = placed.first(where: { $0.spec.placement.overlaps(spec.placement) }) {
                return .overlap(other.spec, spec)
            }
            placed.append((spec, profile))
            if placed.count(where: { $0.profile.id == profile.id }) > profile.maximumInstances {
                return .tooManyInstances(of: profile.id, maximum: profile.maximumInstances)
            }
        }
        for resource in LayoutResource.allCases {
            guard let available = total(of: resource) else { continue }
            let wanted = placed.reduce(0) { $0 + $1.profile.amount(of: resource) }
            if wanted > available { return .notEnough(resource, wanted: wanted, available: available) }
        }
        return nil
    }

    /// Returns the placements at which one more instance of the profile fits beside the layout, ascending.
    ///
    /// Empty for an unknown profile and for a layout that is not valid itself. O(placements x n^2).
    public func openPlacements(for id: MIGProfile.ID, in layout: Layout) -> [Placement] {
        (profile(id: id)?.placements ?? []).filter { placement in
            isValid(layout.adding(MIGSpec(profile: id, placement: placement)))
        }
    }

    /// Returns how many more instances of the profile fit beside the layout, all at once.
    ///
    /// This is NVML's remaining capacity: 3 for the 1g profile of an A100 that has a 3g instance at slice 0.
    /// 0 for an unknown profile and for a layout that is not valid itself. O(placements x n^2).
    public func remainingCapacity(for id: MIGProfile.ID, in layout: Layout) -> Int {
        // All placements of a profile have one size, so taking the lowest open one first never costs a later one.
        var layout = layout
        var count = 0
        for placement in profile(id: id)?.placements.sorted() ?? [] {
            let fuller = layout.adding(MIGSpec(profile: id, placement: placement))
            guard isValid(fuller) else { continue }
            layout = fuller
            count += 1
        }
        return count
    }
}
