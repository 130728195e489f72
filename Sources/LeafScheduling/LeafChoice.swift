import MIGModel

/// The answer to a request: leaves for the whole gang, or the reason why not.
public enum LeafChoice: Hashable, Sendable {
    /// In rank order: by GPU, then by place.
    case leaves([Leaf])
    /// Enough leaves would do, but too few of them are free now.
    case shortage(free: Int, suitable: Int)
    /// Even an empty node has too few that would do.
    case impossible(suitable: Int, total: Int)
}

extension LeafRequest {
    /// Chooses leaves for the request among the free ones, all or none.
    ///
    /// The choice is that of ``LeafPool``, over a pool of one node that holds the suitable free leaves.
    /// - Parameter free: the leaves that can be had now.
    /// - Parameter all: every leaf of the node, held ones too.
    /// - Complexity: O(n log n) in the number of leaves.
    public func choose(from free: [Leaf], of all: [Leaf]) -> LeafChoice {
        let suitable = all.count(where: accepts)
        guard count <= suitable else { return .impossible(suitable: suitable, total: all.count) }
        let candidates = free.filter(accepts).sorted(by: Leaf.precedes)
        guard count <= candidates.count else { return .shortage(free: candidates.count, suitable: suitable) }
        // The smallest kind that can serve the whole gang alone; a mixture only where none can.
        let sizes = Set(candidates.map { LeafSize($0) }).sorted()
        let gpus = groups(of: candidates)
        let shapes = gpus.map { leaves in
            GPUShape(
                leaves: leaves.map { GPUShape.Unit($0) },
                unitsOfClass: sizes.map { size in mask(of: leaves) { LeafSize($0) == size } } + [
                    mask(of: leaves) { _ in true }
                ])
        }
        var pool = LeafPool(shapes: shapes, nodes: [Array(shapes.indices)])
        var units: [LeafUnit] = []
        for leafClass in 0...sizes.count {
            let option = GangOption(leafClass, count: count, arrangement: arrangement == .pack ? .pack : .spread)
            guard pool.take(option, into: &units) != nil else { continue }
            return .leaves(units.map { gpus[Int($0.gpu)][Int($0.unit)] }.sorted(by: Leaf.precedes))
        }
        return .shortage(free: candidates.count, suitable: suitable)
    }

    /// The leaves of each GPU, in order; at most 64 together, which no GPU has more of.
    private func groups(of leaves: [Leaf]) -> [[Leaf]] {
        var groups: [[Leaf]] = []
        for leaf in leaves {
            if let last = groups.last, last[0].gpu == leaf.gpu, last.count < 64 {
                groups[groups.count - 1].append(leaf)
            } else {
                groups.append([leaf])
            }
        }
        return groups
    }

    private func mask(of leaves: [Leaf], where isMember: (Leaf) -> Bool) -> UInt64 {
        leaves.indices.reduce(into: 0) { mask, place in
            if isMember(leaves[place]) { mask |= 1 << UInt64(place) }
        }
    }
}

extension GPUShape.Unit {
    /// A leaf that exists. Its compute slices are not known from the leaf and count as one.
    init(_ leaf: Leaf) {
        self.init(
            profile: -1, placement: leaf.placement, computeSlices: 1, memoryMiB: leaf.memoryMiB,
            multiprocessors: leaf.multiprocessors)
    }
}

/// What makes two leaves equally fast and large.
private struct LeafSize: Hashable, Comparable {
    let multiprocessors: Int
    let memoryMiB: Int

    init(_ leaf: Leaf) {
        multiprocessors = leaf.multiprocessors
        memoryMiB = leaf.memoryMiB
    }

    static func < (first: LeafSize, second: LeafSize) -> Bool {
        (first.multiprocessors, first.memoryMiB) < (second.multiprocessors, second.memoryMiB)
    }
}

/// Each rank's share of a job's work, in proportion to its leaf's SMs; the shares add up to 1.
///
/// - Returns: equal shares where a leaf's size is unknown.
public func rankShares(of leaves: [Leaf]) -> [Double] {
    let total = leaves.reduce(0) { $0 + $1.multiprocessors }
    guard total > 0, leaves.allSatisfy({ $0.multiprocessors > 0 }) else {
        return leaves.map { _ in 1 / Double(leaves.count) }
    }
    return leaves.map { Double($0.multiprocessors) / Double(total) }
}
