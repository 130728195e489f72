/// What jobs lately asked for: the kinds of the last arrivals.
public struct Demand: Sendable {
    private let limit: Int
    private var recent: [Int32] = []
    private var at = 0
    /// By kind: how many of the recent ones.
    public private(set) var counts: [Int32] = []
    /// The kinds among the recent.
    public private(set) var present: [Int32] = []

    public init(limit: Int = 256) {
        self.limit = limit
        recent.reserveCapacity(limit)
    }

    public var total: Int { recent.count }

    /// Whether the states of GPUs are to be ranked anew after the arrival with that number, from 0.
    public static func isWeighed(after number: Int) -> Bool { number.isMultiple(of: 2048) || number == 256 }

    /// Notes an arrival. O(1), or O(kinds) when the last of a kind is forgotten.
    public mutating func note(_ kind: Int32) {
        while counts.count <= Int(kind) { counts.append(0) }
        if recent.count < limit {
            recent.append(kind)
        } else {
            let old = recent[at]
            recent[at] = kind
            at = (at + 1) % limit
            counts[Int(old)] -= 1
            if counts[Int(old)] == 0 { present.removeAll { $0 == old } }
        }
        counts[Int(kind)] += 1
        if counts[Int(kind)] == 1 { present.append(kind) }
    }

    /// The kinds from the newest arrival back.
    public var newestFirst: [Int32] {
        recent.count < limit ? recent.reversed() : (0..<limit).map { recent[(at + limit - 1 - $0) % limit] }
    }

    /// Free slices of no use to a random recent job: the least over its options, on average.
    public func unusableSlices(of scheduler: Scheduler) -> Double {
        var unusable = 0.0
        for kind in present {
            var least = Int.max
            for option in scheduler.kinds[Int(kind)].options {
                least = min(least, scheduler.pool.unusableSlices[option.leafClass])
            }
            unusable += Double(counts[Int(kind)]) * Double(least)
        }
        return total > 0 ? unusable / Double(total) : 0
    }

    /// Ranks the states of GPUs that are cut as needed by what was lately asked for, where that has changed.
    ///
    /// - Parameter weights: by shape: the demand that its states are ranked by now; empty where by none.
    public func weigh(_ scheduler: inout Scheduler, weights: inout [[Double]]) {
        for (shape, its) in scheduler.pool.shapes.enumerated() {
            guard let new = its.weights(of: counts, kinds: scheduler.kinds) else { continue }
            let hasChanged = weights[shape].isEmpty || zip(new, weights[shape]).contains { abs($0 - $1) > 0.05 }
            guard hasChanged else { continue }
            weights[shape] = new
            scheduler.pool.setDemand(new, shape: shape)
        }
    }
}
