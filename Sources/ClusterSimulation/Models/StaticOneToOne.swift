import LeafScheduling
import MIGModel
import Traces

/// Static one-to-one: every GPU keeps one layout, and a job gets the smallest free instance that is enough.
public struct StaticOneToOne: ClusterModel {
    /// How many GPUs of every so many have a layout.
    public struct Portion: Hashable, Sendable {
        /// Compute slices of the layout's instances, such as [4, 2, 1].
        public var sizes: [Int]
        public var count: Int

        public init(_ sizes: [Int], count: Int = 1) {
            self.sizes = sizes.sorted(by: >)
            self.count = count
        }
    }

    public let name: String
    public let isUnattainable: Bool
    public let note: String
    public let portions: [Portion]

    /// - Parameter portions: GPUs take turns: with 2 of `[4, 2, 1]` and 1 of `[7]`, every third GPU is whole. A GPU that
    ///   can't be cut so stays whole.
    public init(_ portions: [Portion], name: String? = nil, isUnattainable: Bool = false) {
        let portions = portions.filter { $0.count > 0 }
        self.portions = portions
        let words = portions.map { portion in
            (portions.count > 1 ? "\(portion.count) x " : "") + portion.sizes.map { "\($0)g" }.joined(separator: "+")
        }.joined(separator: ", ")
        note = words
        self.name = name ?? "static " + words
        self.isUnattainable = isUnattainable
    }

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] {
        let geometry = part.model.geometry
        let layouts = geometry.layoutsBySize
        return portions.map { portion in
            .layout(layouts.first { $0.sizes == portion.sizes }?.layout ?? geometry.wholeLayout)
        }
    }

    public func cut(ofGPU gpu: Int, in part: SimulatedCluster.Part) -> Int {
        // Spread evenly: each portion is owed its share of the GPUs so far, and the one that is owed most comes next.
        let total = portions.reduce(0) { $0 + $1.count }
        var place = gpu % max(total, 1)
        var given = portions.map { _ in 0 }
        while true {
            let next =
                portions.indices.max { first, second in
                    owed(first, given) < owed(second, given)
                } ?? 0
            if place == 0 { return next }
            given[next] += 1
            place -= 1
        }
    }

    /// Portions' debts after some GPUs, in exact numbers.
    private func owed(_ portion: Int, _ given: [Int]) -> Int {
        let total = portions.reduce(0) { $0 + $1.count }
        let so = given.reduce(0, +) + 1
        return portions[portion].count * so - given[portion] * total
    }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        // Of a size, an instance with the least memory that is enough, else one with more: a layout may have only that.
        GangWish.oneInstance(slices: slices, profiles: profiles).flatMap { wish in
            [wish, GangWish(computeSlices: wish.computeSlices, count: wish.count, memory: .mixed)]
        }
    }
}

extension StaticOneToOne {
    /// The layouts that operators commonly choose for a whole cluster.
    public static let common: [[Int]] = [
        [7], [4, 3], [4, 2, 1], [3, 3], [3, 2, 2], [2, 2, 2, 1], [1, 1, 1, 1, 1, 1, 1],
    ]

    /// Layouts chosen from what was asked for before: the causal choice.
    ///
    /// The slice-seconds of each size in `history` are met as evenly as full layouts can: GPUs are given layouts one at a
    /// time, each where it lowers the worst lack of instances most, so that the busiest size is the least busy.
    /// - Parameter history: jobs of an earlier window; with none, `[4, 2, 1]` everywhere.
    public static func causal(
        history: [Job], cluster: SimulatedCluster, name: String = "static", isUnattainable: Bool = false
    ) -> StaticOneToOne {
        StaticOneToOne(
            portions(for: history, cluster: cluster), name: name, isUnattainable: isUnattainable)
    }

    /// Layouts for a demand.
    static func portions(for jobs: [Job], cluster: SimulatedCluster) -> [Portion] {
        guard let part = cluster.parts.first else { return [Portion([4, 2, 1])] }
        let geometry = part.model.geometry
        let sizes = Set(geometry.plainProfiles.map(\.computeSlices)).sorted()
        guard let whole = sizes.last, !jobs.isEmpty else { return [Portion([4, 2, 1])] }
        // Instance-seconds that each size is asked for.
        var asked = [Double](repeating: 0, count: sizes.count)
        for job in jobs {
            let slices = Int(job.slices)
            let count = max(1, (slices + whole - 1) / whole)
            let size = slices > whole ? sizes.count - 1 : sizes.firstIndex { $0 >= slices } ?? sizes.count - 1
            asked[size] += Double(count) * job.duration
        }
        let layouts = geometry.layoutsBySize.filter { $0.sizes.reduce(0, +) >= min(whole, geometry.computeSlices) - 1 }
        let gpus = min(cluster.gpuCount, 100)
        var given = [Int](repeating: 0, count: layouts.count)
        var have = [Double](repeating: 0, count: sizes.count)
        for _ in 0..<gpus {
            var best: (layout: Int, load: [Double])?
            for (number, layout) in layouts.enumerated() {
                var with = have
                for size in layout.sizes { if let at = sizes.firstIndex(of: size) { with[at] += 1 } }
                let load = loads(asked, with)
                if best.map({ load.lexicographicallyPrecedes($0.load) }) ?? true { best = (number, load) }
            }
            guard let best else { break }
            given[best.layout] += 1
            for size in layouts[best.layout].sizes { if let at = sizes.firstIndex(of: size) { have[at] += 1 } }
        }
        let portions = layouts.indices.filter { given[$0] > 0 }.map { Portion(layouts[$0].sizes, count: given[$0]) }
        return portions.isEmpty ? [Portion([whole])] : portions
    }

    /// How busy jobs of each size and above would keep the instances of that size and above, worst first: a job may use
    /// a larger instance, never a smaller one.
    private static func loads(_ asked: [Double], _ have: [Double]) -> [Double] {
        var (need, room) = (0.0, 0.0)
        var loads: [Double] = []
        for size in asked.indices.reversed() {
            need += asked[size]
            room += have[size]
            loads.append(need == 0 ? 0 : need / max(room, 0.01))
        }
        return loads.sorted(by: >)
    }
}
