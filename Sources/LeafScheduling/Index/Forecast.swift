/// When gangs could start if nothing else did, by the expected ends of what runs.
///
/// For each wish (a class and a number of leaves) that was ever asked for, a tree holds each node's earliest time, and
/// its root the cluster's. A change of a node is noted and worked in when somebody asks.
struct Forecast: Sendable {
    private struct Wish: Hashable { var leafClass, count: Int }

    /// Stands for a class of leaves in a wish for a GPU on which nothing runs.
    static let idleGPU = -1

    private let nodes: Int
    private let leaves: Int
    private var wishes: [Wish] = []
    /// By wish: a tree of least times, the root at 1.
    private var trees: [[Double]] = []
    /// By wish: the nodes that have changed since.
    private var stale: BitForest

    init(nodes: Int) {
        self.nodes = nodes
        var leaves = 1
        while leaves < nodes { leaves *= 2 }
        self.leaves = leaves
        stale = BitForest(sets: 0, bound: nodes)
    }

    mutating func touch(node: Int) {
        for wish in wishes.indices { stale.insert(node, into: wish) }
    }

    /// The number of a wish; a new one is added and all nodes are stale for it.
    mutating func number(_ leafClass: Int, _ count: Int) -> Int {
        for (number, wish) in wishes.enumerated() where wish.leafClass == leafClass && wish.count == count {
            return number
        }
        wishes.append(Wish(leafClass: leafClass, count: count))
        trees.append(Array(repeating: .infinity, count: 2 * leaves))
        stale.addSet()
        for node in 0..<nodes { stale.insert(node, into: wishes.count - 1) }
        return wishes.count - 1
    }

    /// A node whose time has to be worked out again, or nil when the wish is up to date.
    mutating func staleNode(_ wish: Int) -> Int? { stale.first(from: 0, in: wish) }

    mutating func set(_ wish: Int, node: Int, time: Double) {
        stale.remove(node, from: wish)
        var at = leaves &+ node
        guard trees[wish][at] != time else { return }
        trees[wish][at] = time
        while at > 1 {
            at /= 2
            let least = min(trees[wish][2 &* at], trees[wish][2 &* at &+ 1])
            if trees[wish][at] == least { return }
            trees[wish][at] = least
        }
    }

    /// The least time of all nodes.
    func time(_ wish: Int) -> Double { trees[wish][1] }

    /// The first node with the least time.
    func node(_ wish: Int) -> Int {
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
    /// A gang that may lie on several nodes and is too large for any one is looked for in all of them, O(GPUs).
    public mutating func earliestStart(_ option: GangOption) -> Double {
        let wish = forecast.number(option.leafClass, option.count)
        while let node = forecast.staleNode(wish) {
            walked &+= 1
            forecast.set(wish, node: node, time: earliest(option.leafClass, option.count, in: gpus(of: node)))
        }
        let time = forecast.time(wish)
        guard time == .infinity, option.maximumNodes > 1 else { return time }
        return earliest(option.leafClass, option.count, in: 0..<gpuCount)
    }

    /// When some GPU is expected to be idle, and the first such GPU; nil where all are blocked.
    public mutating func earliestIdle() -> (gpu: Int, time: Double)? {
        let wish = forecast.number(Forecast.idleGPU, 1)
        while let node = forecast.staleNode(wish) {
            walked &+= 1
            var time = Double.infinity
            for gpu in gpus(of: node) where !blocked[gpu] { time = min(time, idleTime(of: gpu)) }
            forecast.set(wish, node: node, time: time)
        }
        let time = forecast.time(wish)
        guard let gpu = gpus(of: forecast.node(wish)).first(where: { !blocked[$0] && idleTime(of: $0) == time }) else {
            return nil
        }
        return (gpu, time)
    }

    /// The GPUs of the node in which the gang could start at the earliest.
    mutating func earliestPlace(_ option: GangOption) -> Range<Int> {
        let wish = forecast.number(option.leafClass, option.count)
        let range = gpus(of: forecast.node(wish))
        guard option.count == 1 else { return range }
        let time = forecast.time(wish)
        let gpu = range.first { earliest(option.leafClass, 1, in: $0..<$0 + 1) == time } ?? range.lowerBound
        return gpu..<gpu + 1
    }

    /// When so many leaves of a class are free together on these GPUs.
    private func earliest(_ leafClass: LeafClass, _ count: Int, in gpus: Range<Int>) -> Double {
        if count == 1 {
            var least = Double.infinity
            for gpu in gpus where !blocked[gpu] {
                forEachOpening(of: leafClass, on: gpu) { time in
                    least = min(least, time)
                    return time < least
                }
            }
            return least
        }
        // The `count` least times, ascending.
        var times: [Double] = []
        times.reserveCapacity(count + 1)
        for gpu in gpus where !blocked[gpu] {
            forEachOpening(of: leafClass, on: gpu) { time in
                if times.count == count, time >= times[count - 1] { return true }
                var at = times.count
                times.append(time)
                while at > 0, times[at - 1] > time {
                    times[at] = times[at - 1]
                    at -= 1
                }
                times[at] = time
                if times.count > count { times.removeLast() }
                return true
            }
        }
        return times.count == count ? times[count - 1] : .infinity
    }

    /// Calls `body` with the time of each leaf of a class that a GPU will have free, 0 for now; until it returns false.
    private func forEachOpening(of leafClass: LeafClass, on gpu: Int, _ body: (Double) -> Bool) {
        let shape = Int(shapeOf[gpu])
        guard let table = shapes[shape].table else {
            var rest = shapes[shape].unitsOfClass[leafClass]
            while rest != 0 {
                let unit = rest.trailingZeroBitCount
                rest &= rest &- 1
                let isFree = busy[gpu] & 1 << UInt64(unit) == 0
                guard body(isFree ? 0 : endOf[gpu &* stride &+ unit]) else { return }
            }
            return
        }
        let profile = shapes[shape].profileOfClass[leafClass]
        guard profile >= 0 else { return }
        var at = Int(state[gpu])
        var have = table.capacity(of: profile, in: at)
        for _ in 0..<have { guard body(0) else { return } }
        // The busy instances in the order of their ends: at most 7, so that picking the next is cheaper than sorting.
        var rest = busy[gpu]
        while rest != 0 {
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
                guard body(end) else { return }
            }
        }
    }
}
