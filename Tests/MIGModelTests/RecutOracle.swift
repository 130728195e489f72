/// Re-cutting by brute force, from a table of its own: every set of instances that a GPU can have is looked at, nothing is
/// searched. Shares no code with the library but the numbers of profiles.
struct RecutOracle {
    /// A profile: ID, first slices, memory slices, and how many there may be.
    struct Row {
        let id: Int
        let starts: [Int]
        let size: Int
        let most: Int
        /// Of all rows with this mark together there may be one instance.
        let isAlone: Bool
    }

    struct Place {
        let row: Int
        let start: Int
    }

    let rows: [Row]
    let places: [Place]
    /// Each a set of positions in `places`, as bits.
    let legalSets: [UInt64]
    /// How many of each row a set has: four bits a row.
    let multisets: [UInt64: UInt64]

    init(slices: Int, rows: [Row]) {
        self.rows = rows
        let places = rows.indices.flatMap { row in rows[row].starts.map { Place(row: row, start: $0) } }
        var sets: [UInt64] = []
        func extend(_ chosen: UInt64, from first: Int) {
            sets.append(chosen)
            for next in first..<places.count where Self.fits(next, in: chosen, places, rows) {
                extend(chosen | 1 << UInt64(next), from: next + 1)
            }
        }
        extend(0, from: 0)
        self.places = places
        legalSets = sets
        multisets = Dictionary(
            uniqueKeysWithValues: sets.map { set in
                (
                    set,
                    places.indices.reduce(UInt64(0)) {
                        set & 1 << UInt64($1) == 0 ? $0 : $0 + 1 << UInt64(4 * places[$1].row)
                    }
                )
            })
    }

    private static func fits(_ next: Int, in chosen: UInt64, _ places: [Place], _ rows: [Row]) -> Bool {
        let place = places[next]
        let row = rows[place.row]
        var same = 0
        var alone = 0
        for other in places.indices where chosen & 1 << UInt64(other) != 0 {
            let otherRow = rows[places[other].row]
            let otherStart = places[other].start
            if otherStart < place.start + row.size && place.start < otherStart + otherRow.size { return false }
            if places[other].row == place.row { same += 1 }
            if otherRow.isAlone { alone += 1 }
        }
        return same < row.most && !(row.isAlone && alone > 0)
    }

    /// For each multiset that can become free beside `busy`, the least number of instances of `idle` that go and that come.
    func leastCosts(busy: UInt64, idle: UInt64) -> [UInt64: Int] {
        var costs: [UInt64: Int] = [:]
        for set in legalSets where set & busy == busy {
            let others = set & ~busy
            let cost = (others ^ idle).nonzeroBitCount
            guard let multiset = multisets[others] else { continue }
            if cost < costs[multiset] ?? .max { costs[multiset] = cost }
        }
        return costs
    }

    /// Whether the second multiset is part of the first.
    static func contains(_ whole: UInt64, _ part: UInt64) -> Bool {
        for row in 0..<16 where whole >> UInt64(4 * row) & 15 < part >> UInt64(4 * row) & 15 { return false }
        return true
    }

    /// All ways to call at most `most` instances of a set busy and the others idle.
    func splits(of set: UInt64, most: Int) -> [(busy: UInt64, idle: UInt64)] {
        var found: [(UInt64, UInt64)] = []
        func extend(_ busy: UInt64, from first: Int, left: Int) {
            found.append((busy, set & ~busy))
            if left == 0 { return }
            for next in first..<places.count where set & 1 << UInt64(next) != 0 {
                extend(busy | 1 << UInt64(next), from: next + 1, left: left - 1)
            }
        }
        extend(0, from: 0, left: most)
        return found
    }
}

extension RecutOracle {
    static let a100 = RecutOracle(
        slices: 8,
        rows: [
            Row(id: 19, starts: [0, 1, 2, 3, 4, 5, 6], size: 1, most: 7, isAlone: false),
            Row(id: 20, starts: [0, 1, 2, 3, 4, 5, 6], size: 1, most: 1, isAlone: true),
            Row(id: 15, starts: [0, 2, 4, 6], size: 2, most: 4, isAlone: false),
            Row(id: 14, starts: [0, 2, 4], size: 2, most: 3, isAlone: false),
            Row(id: 9, starts: [0, 4], size: 4, most: 2, isAlone: false),
            Row(id: 5, starts: [0], size: 4, most: 1, isAlone: false),
            Row(id: 0, starts: [0], size: 8, most: 1, isAlone: false),
        ])
    static let a30 = RecutOracle(
        slices: 4,
        rows: [
            Row(id: 14, starts: [0, 1, 2, 3], size: 1, most: 4, isAlone: false),
            Row(id: 21, starts: [0, 1, 2, 3], size: 1, most: 1, isAlone: true),
            Row(id: 5, starts: [0, 2], size: 2, most: 2, isAlone: false),
            Row(id: 6, starts: [0, 2], size: 2, most: 1, isAlone: true),
            Row(id: 0, starts: [0], size: 4, most: 1, isAlone: false),
        ])
}
