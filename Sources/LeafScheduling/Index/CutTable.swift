import MIGModel

/// All states of a GPU whose idle slices may be cut and merged at will, as small numbers.
///
/// It never changes, and is a class only so that all GPUs of a kind share one. A state is the set of busy instances; 0 is the idle GPU. Every question about a state is a look into a table: 723
/// states on GPUs with 8 memory slices (without media profiles), made once for a geometry in a few milliseconds.
public final class CutTable: Sendable {
    public let geometry: MIGGeometry
    /// The profiles that may be made, in the geometry's order.
    public let profiles: [MIGProfile]
    /// Every legal placement of these profiles. The place in this list is the unit's number, at most 64.
    public let specs: [MIGSpec]
    /// For each of ``specs`` the place in ``profiles``.
    public let profileOfSpec: [Int]
    /// The units of a state, as bits.
    public let busy: [UInt64]

    /// states x specs: the state with that instance more, or -1 where it can't be added.
    private let added: [Int32]
    /// states x specs: the state without that instance, or -1 where it isn't there.
    private let removed: [Int32]
    /// states x profiles.
    private let capacities: [UInt8]
    private let openings: [UInt8]
    /// By unit: the units that share a slice with it, itself among them.
    let overlaps: [UInt64]

    /// The table for a geometry.
    ///
    /// - Parameter using: the profiles that may be made. Attributes (`+me`) make a GPU's states many more, and jobs
    ///   don't ask for them, so that they are left out where this is nil.
    public init(_ geometry: MIGGeometry, using ids: [MIGProfile.ID]? = nil) {
        let wanted = ids ?? geometry.profiles.filter(\.attributes.isEmpty).map(\.id)
        let profiles = geometry.profiles.filter { wanted.contains($0.id) }
        let specs = profiles.flatMap { profile in
            profile.placements.map { MIGSpec(profile: profile.id, placement: $0) }
        }
        precondition(specs.count <= 64, "a geometry with more than 64 placements")
        var unit: [MIGSpec: Int] = [:]
        for (number, spec) in specs.enumerated() { unit[spec] = number }
        let masks =
            [0]
            + geometry.placedLayouts(using: profiles.map(\.id)).map { layout in
                layout.specs.reduce(into: UInt64(0)) { mask, spec in mask |= 1 << UInt64(unit[spec] ?? 0) }
            }.sorted { ($0.nonzeroBitCount, $0) < ($1.nonzeroBitCount, $1) }
        var number: [UInt64: Int32] = [:]
        for (state, mask) in masks.enumerated() { number[mask] = Int32(state) }

        var added = [Int32](repeating: -1, count: masks.count * specs.count)
        var removed = added
        for (state, mask) in masks.enumerated() {
            for spec in specs.indices {
                let bit = UInt64(1) << UInt64(spec)
                if mask & bit == 0 {
                    added[state * specs.count + spec] = number[mask | bit] ?? -1
                } else {
                    removed[state * specs.count + spec] = number[mask & ~bit] ?? -1
                }
            }
        }
        var capacities: [UInt8] = []
        var openings: [UInt8] = []
        let unitsOfProfile = profiles.map { profile in specs.indices.filter { specs[$0].profile == profile.id } }
        for state in masks.indices {
            for units in unitsOfProfile {
                // All placements of a profile have one size, so that taking the first open one never costs a later one.
                var (at, count) = (state, 0)
                for unit in units where added[at * specs.count + unit] >= 0 {
                    at = Int(added[at * specs.count + unit])
                    count += 1
                }
                capacities.append(UInt8(count))
                openings.append(UInt8(units.count { added[state * specs.count + $0] >= 0 }))
            }
        }
        self.geometry = geometry
        self.profiles = profiles
        self.specs = specs
        profileOfSpec = specs.map { spec in profiles.firstIndex { $0.id == spec.profile } ?? 0 }
        busy = masks
        self.added = added
        self.removed = removed
        self.capacities = capacities
        self.openings = openings
        overlaps = specs.map { spec in
            specs.indices.reduce(into: UInt64(0)) { mask, other in
                if spec.placement.overlaps(specs[other].placement) { mask |= 1 << UInt64(other) }
            }
        }
    }

    public var stateCount: Int { busy.count }

    /// The state with one instance more, or nil where it can't be made beside the busy ones.
    public func state(_ state: Int, adding unit: Int) -> Int? {
        let next = added[state &* specs.count &+ unit]
        return next < 0 ? nil : Int(next)
    }

    /// The state with one instance less, or nil where it isn't busy.
    public func state(_ state: Int, removing unit: Int) -> Int? {
        let next = removed[state &* specs.count &+ unit]
        return next < 0 ? nil : Int(next)
    }

    /// How many more instances of a profile fit all at once.
    public func capacity(of profile: Int, in state: Int) -> Int {
        Int(capacities[state &* profiles.count &+ profile])
    }

    /// At how many placements one more instance of a profile fits.
    public func openings(of profile: Int, in state: Int) -> Int {
        Int(openings[state &* profiles.count &+ profile])
    }

    /// Compute slices that no busy instance has.
    public func freeSlices(in state: Int) -> Int {
        var free = geometry.computeSlices
        var rest = busy[state]
        while rest != 0 {
            free -= profiles[profileOfSpec[rest.trailingZeroBitCount]].computeSlices
            rest &= rest &- 1
        }
        return free
    }

    /// Whether busy and idle instances can all be there at once.
    func isLayout(_ units: UInt64) -> Bool {
        var state = 0
        var rest = units
        while rest != 0 {
            guard let next = self.state(state, adding: rest.trailingZeroBitCount) else { return false }
            state = next
            rest &= rest &- 1
        }
        return true
    }
}
