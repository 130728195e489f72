import MIGModel

/// How bad a GPU's state is for what may still come. A placement is chosen where this grows least.
///
/// A new placement policy is one more function of this kind, in a file of its own.
public struct PlacementScore: Sendable {
    /// For reports, such as "openness".
    public let name: String
    /// The badness of a state. The weights are the shares of recent demand, by ``CutTable/profiles``; they add up to 1.
    let badness: @Sendable (_ table: CutTable, _ state: Int, _ weights: [Double]) -> Double

    public init(
        name: String, badness: @escaping @Sendable (_ table: CutTable, _ state: Int, _ weights: [Double]) -> Double
    ) {
        self.name = name
        self.badness = badness
    }

    /// Keeps the most legal placements open, each profile's weighted by its share of the demand and by its size.
    public static let openness = PlacementScore(name: "openness") { table, state, weights in
        var open = 0.0
        for profile in table.profiles.indices {
            let slices = Double(table.profiles[profile].computeSlices)
            // A tenth of a share for what nobody has asked for lately, so that ties go the way that keeps it open.
            let weight = weights[profile] + 0.1 / Double(table.profiles.count)
            open += weight * slices * Double(table.openings(of: profile, in: state))
        }
        return -open
    }

    /// The free compute slices that a random job of the demand can't use, as in FGD (ATC'23): free slices times the
    /// share of the demand for which no placement is open.
    public static let expectedUnusable = PlacementScore(name: "expected unusable") { table, state, weights in
        let free = Double(table.freeSlices(in: state))
        return table.profiles.indices.reduce(0) { sum, profile in
            sum + (table.capacity(of: profile, in: state) == 0 ? weights[profile] * free : 0)
        }
    }

    /// The share of blocked placements, as we read arXiv 2511.18906: over the profiles whose slices are still free in
    /// number, the legal placements that busy instances block. It does not look at the demand.
    public static let blockedPlacements = PlacementScore(name: "blocked placements") { table, state, _ in
        let free = table.freeSlices(in: state)
        var blocked = 0
        for (number, profile) in table.profiles.enumerated() where profile.computeSlices <= free {
            blocked += profile.placements.count - table.openings(of: number, in: state)
        }
        return Double(blocked)
    }
}

/// What a score says of every state of a table: where to put a profile, and which states to prefer for it.
struct CutRanking: Sendable {
    /// states x profiles: the unit to take, or -1.
    private(set) var unit: [Int8]
    /// By profile: the states in which it fits, best first.
    private(set) var order: [[Int32]]
    private let profiles: Int

    init(_ table: CutTable, score: PlacementScore, weights: [Double]) {
        let profiles = table.profiles.count
        let badness = (0..<table.stateCount).map { score.badness(table, $0, weights) }
        var unit = [Int8](repeating: -1, count: table.stateCount * profiles)
        var growth = [Double](repeating: .infinity, count: table.stateCount * profiles)
        for state in 0..<table.stateCount {
            for spec in table.specs.indices {
                guard let next = table.state(state, adding: spec) else { continue }
                let at = state * profiles + table.profileOfSpec[spec]
                // Rounded, so that equal growth is equal however it was added up.
                let grows = ((badness[next] - badness[state]) * 1e9).rounded() / 1e9
                if grows < growth[at] {
                    growth[at] = grows
                    unit[at] = Int8(spec)
                }
            }
        }
        self.unit = unit
        self.profiles = profiles
        let free = (0..<table.stateCount).map { table.freeSlices(in: $0) }
        order = (0..<profiles).map { profile in
            (0..<table.stateCount).filter { growth[$0 * profiles + profile] < .infinity }
                .sorted { first, second in
                    (growth[first * profiles + profile], free[first], first)
                        < (growth[second * profiles + profile], free[second], second)
                }.map { Int32($0) }
        }
    }

    func bestUnit(for profile: Int, in state: Int) -> Int {
        Int(unit[state &* profiles &+ profile])
    }
}
