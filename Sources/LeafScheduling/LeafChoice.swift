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
    /// - Parameter free: the leaves that can be had now.
    /// - Parameter all: every leaf of the node, held ones too.
    /// - Complexity: O(n log n) in the number of leaves.
    public func choose(from free: [Leaf], of all: [Leaf]) -> LeafChoice {
        let suitable = all.count(where: accepts)
        guard count <= suitable else { return .impossible(suitable: suitable, total: all.count) }
        let candidates = free.filter(accepts)
        guard count <= candidates.count else { return .shortage(free: candidates.count, suitable: suitable) }
        // The smallest kind that can serve the whole gang alone; a mixture only where none can.
        let kinds = Dictionary(grouping: candidates) { LeafSize($0) }
        let alone = kinds.filter { $0.value.count >= count }.min { $0.key < $1.key }?.value
        return .leaves(arrange(alone ?? candidates).sorted(by: Leaf.precedes))
    }

    private func arrange(_ candidates: [Leaf]) -> [Leaf] {
        var byGPU = Dictionary(grouping: candidates.sorted(by: Leaf.precedes), by: \.gpu)
        var chosen: [Leaf] = []
        while chosen.count < count {
            let missing = count - chosen.count
            switch arrangement {
            case .pack:
                // The GPU that can take all that is missing and has the least room left over; else the emptiest.
                let whole = byGPU.filter { $0.value.count >= missing }
                    .min { ($0.value.count, $0.key) < ($1.value.count, $1.key) }
                guard let gpu = (whole ?? byGPU.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) })?.key,
                    let leaves = byGPU.removeValue(forKey: gpu)
                else { return chosen }
                chosen += leaves.prefix(missing)
            case .spread:
                // One leaf from each GPU in turn, the emptiest GPU first.
                let turn = byGPU.sorted { (-$0.value.count, $0.key) < (-$1.value.count, $1.key) }
                for (gpu, leaves) in turn.prefix(missing) {
                    chosen.append(leaves[0])
                    byGPU[gpu] = leaves.count > 1 ? Array(leaves.dropFirst()) : nil
                }
            }
        }
        return chosen
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
