/// When gangs could start if nothing else did, by the expected ends of what runs.
///
/// For each wish (a class and a number of leaves) that was ever asked for, a tree holds the earliest time of each place,
/// and its root the cluster's. A place is a GPU for one leaf and a node for more. A change is noted and worked in when
/// somebody asks.
struct Forecast: Sendable {
    private struct Wish: Hashable { var leafClass, count: Int }

    /// Stands for a class of leaves in a wish for a GPU on which nothing runs.
    static let idleGPU = -1

    private let gpus: Int
    private let nodes: Int
    private var wishes: [Wish] = []
    /// By wish: a tree of least times, the root at 1.
    private var trees: [[Double]] = []
    /// By wish: the places that have changed since.
    private var stale: BitForest
    /// Reused, so that asking doesn't allocate.
    var times: [Double] = []

    /// Words of the set of stale places looked at so far.
    var steps: Int { stale.steps }

    init(gpus: Int, nodes: Int) {
        self.gpus = gpus
        self.nodes = nodes
        stale = BitForest(sets: 0, bound: max(gpus, nodes))
    }

    mutating func touch(gpu: Int, node: Int) {
        for wish in wishes.indices { stale.insert(wishes[wish].count == 1 ? gpu : node, into: wish) }
    }

    /// The number of a wish; a new one is added and all places are stale for it.
    mutating func number(_ leafClass: Int, _ count: Int) -> Int {
        for wish in wishes.indices where wishes[wish].leafClass == leafClass && wishes[wish].count == count {
            return wish
        }
        let places = count == 1 ? gpus : nodes
        var leaves = 1
        while leaves < places { leaves *= 2 }
        wishes.append(Wish(leafClass: leafClass, count: count))
        trees.append(Array(repeating: .infinity, count: 2 * leaves))
        stale.addSet()
        for place in 0..<places { stale.insert(place, into: wishes.count - 1) }
        return wishes.count - 1
    }

    /// A place whose time has to be worked out again, or nil when the wish is up to date.
    mutating func stalePlace(_ wish: Int) -> Int? { stale.first(from: 0, in: wish) }

    mutating func set(_ wish: Int, place: Int, time: Double) {
        stale.remove(place, from: wish)
        var at = trees[wish].count / 2 &+ place
        guard trees[wish][at] != time else { return }
        trees[wish][at] = time
        while at > 1 {
            at /= 2
            let least = min(trees[wish][2 &* at], trees[wish][2 &* at &+ 1])
            if trees[wish][at] == least { return }
            trees[wish][at] = least
        }
    }

    /// The least time of all places.
    func time(_ wish: Int) -> Double { trees[wish][1] }

    /// The first place with the least time.
    func place(_ wish: Int) -> Int {
        let leaves = trees[wish].count / 2
        var at = 1
        while at < leaves { at = trees[wish][2 &* at] == trees[wish][at] ? 2 &* at : 2 &* at &+ 1 }
        return at &- leaves
    }
}

extension LeafPool {
    /// When the gang could start at the earliest if nothing else started: 0 where it can now, infinite where the ends of
    /// what runs are unknown or the cluster is too small.
    ///
    /// Expected ends that have passed count as they are: whoever runs late should be given a new end by `setEnd`.
    /// A gang that may lie on several nodes is looked for in all of them, O(leaves log leaves).
    public mutating func earliestStart(_ option: GangOption) -> Double {
        if option.count > 1, option.maximumNodes > 1 { return earliestStartOnNodes(option) }
        let wish = upToDate(option.leafClass, option.count)
        return forecast.time(wish)
    }

    /// When some GPU is expected to be idle, and the first such GPU; nil where all are blocked.
    public mutating func earliestIdle() -> (gpu: Int, time: Double)? {
        let wish = upToDate(Forecast.idleGPU, 1)
        let gpu = forecast.place(wish)
        return gpu < gpuCount && !blocked[gpu] ? (gpu, forecast.time(wish)) : nil
    }

    /// The GPU, or the GPUs of the node, in which the gang could start at the earliest.
    /// For gangs that lie on one node.
    mutating func earliestPlace(_ option: GangOption) -> Range<Int> {
        let wish = upToDate(option.leafClass, option.count)
        let place = forecast.place(wish)
        return option.count == 1 ? place..<place + 1 : gpus(of: place)
    }

    /// The number of a wish, with all its places worked in.
    private mutating func upToDate(_ leafClass: LeafClass, _ count: Int) -> Int {
        let wish = forecast.number(leafClass, count)
        while let place = forecast.stalePlace(wish) {
            walked &+= 1
            let time = time(leafClass, count, at: place)
            forecast.set(wish, place: place, time: time)
        }
        return wish
    }

    private mutating func time(_ leafClass: LeafClass, _ count: Int, at place: Int) -> Double {
        if leafClass == Forecast.idleGPU { return blocked[place] ? .infinity : idleTime(of: place) }
        // The `count` least times, ascending.
        var times: [Double] = []
        swap(&times, &forecast.times)
        defer { swap(&times, &forecast.times) }
        times.removeAll(keepingCapacity: true)
        if count == 1 {
            appendOpenings(of: leafClass, on: place, atMost: 1, to: &times)
        } else {
            for gpu in gpus(of: place) { appendOpenings(of: leafClass, on: gpu, atMost: count, to: &times) }
        }
        return times.count == count ? times[count - 1] : .infinity
    }

    /// Merges the times of the leaves of a class that a GPU will have free, 0 for now, into the least `most` times.
    private func appendOpenings(of leafClass: LeafClass, on gpu: Int, atMost most: Int, to times: inout [Double]) {
        guard !blocked[gpu] else { return }
        let shape = Int(shapeOf[gpu])
        guard let table = shapes[shape].table else {
            var rest = shapes[shape].unitsOfClass[leafClass] & ~withheld[gpu]
            while rest != 0 {
                let unit = rest.trailingZeroBitCount
                rest &= rest &- 1
                let isFree = busy[gpu] & 1 << UInt64(unit) == 0
                merge(isFree ? 0 : endOf[gpu &* stride &+ unit], into: &times, atMost: most)
            }
            return
        }
        let profile = shapes[shape].profileOfClass[leafClass]
        guard profile >= 0 else { return }
        var at = Int(state[gpu])
        var have = table.capacity(of: profile, in: at)
        for _ in 0..<have { merge(0, into: &times, atMost: most) }
        // The busy instances in the order of their ends: at most 7, so that picking the next is cheaper than sorting.
        var rest = busy[gpu] & ~withheld[gpu]
        while rest != 0 {
            if most == 1, !times.isEmpty { return }
            var (next, end) = (0, Double.infinity)
            var left = rest
            while left != 0 {
                let unit = left.trailingZeroBitCount
                left &= left &- 1
                let its = endOf[gpu &* stride &+ unit]
                if its <= end { (next, end) = (unit, its) }
            }
            rest &= ~(1 << UInt64(next))
            at = table.state(at, removing: next) ?? at
            let now = table.capacity(of: profile, in: at)
            while have < now {
                have += 1
                merge(end, into: &times, atMost: most)
            }
        }
    }

    private func merge(_ time: Double, into times: inout [Double], atMost most: Int) {
        if times.count == most {
            guard time < times[most &- 1] else { return }
            times.removeLast()
        }
        var at = times.count
        times.append(time)
        while at > 0, times[at &- 1] > time {
            times[at] = times[at &- 1]
            at &-= 1
        }
        times[at] = time
    }

    /// By node: the times at which its leaves of the option's class will be free.
    private func openingsByNode(_ option: GangOption) -> [[Double]] {
        (0..<nodeCount).map { node in
            var times: [Double] = []
            for gpu in gpus(of: node) {
                appendOpenings(of: option.leafClass, on: gpu, atMost: option.count, to: &times)
            }
            return times
        }
    }

    /// The nodes with the most leaves for the gang at a time, no more of them than it needs. O(leaves).
    func nodes(for option: GangOption, at time: Double) -> [Int] {
        let counts = openingsByNode(option).map { times in times.prefix { $0 <= time }.count }
        var (nodes, missing) = ([Int](), option.count)
        for node in counts.indices.sorted(by: { (counts[$0], $1) > (counts[$1], $0) }) where missing > 0 {
            nodes.append(node)
            missing -= counts[node]
        }
        return nodes
    }

    /// The least time at which so few nodes have so many leaves together.
    private func earliestStartOnNodes(_ option: GangOption) -> Double {
        let byNode = openingsByNode(option)
        let moments = byNode.joined().sorted()
        func isEnough(_ time: Double) -> Bool {
            let counts = byNode.map { times in times.prefix { $0 <= time }.count }.sorted(by: >)
            return counts.prefix(option.maximumNodes).reduce(0, +) >= option.count
        }
        var (low, high) = (0, moments.count)
        while low < high {
            let middle = (low + high) / 2
            if isEnough(moments[middle]) { high = middle } else { low = middle + 1 }
        }
        return low < moments.count ? moments[low] : .infinity
    }
}
