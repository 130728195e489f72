import LeafScheduling
import MIGModel
import TestSupport
import Testing

/// Random nodes against every subset of their leaves.
struct LeafChoicePropertyTests {
    /// Up to three GPUs with up to five leaves each, some of them held.
    static func randomNode(using random: inout SplitMix) -> SmallNode {
        let gpus = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            String(
                (0..<Int.random(in: 0...5, using: &random)).map { _ in "tttTf2F".randomElement(using: &random) ?? "t" })
        }
        switch gpus.count {
        case 1: return SmallNode(gpus[0])
        case 2: return SmallNode(gpus[0], gpus[1])
        default: return SmallNode(gpus[0], gpus[1], gpus[2])
        }
    }

    /// How many GPUs a gang of so many of these leaves can lie on, over all gangs there are; and the smallest possible
    /// number of leaves on the GPU that has most of them.
    static func reach(of leaves: [Leaf], count: Int) -> (fewest: Int, most: Int, leastCrowded: Int) {
        var reach = (fewest: Int.max, most: 0, leastCrowded: Int.max)
        for subset in 0..<(1 << leaves.count) where subset.nonzeroBitCount == count {
            let gpus = leaves.indices.filter { subset & 1 << $0 != 0 }.map { leaves[$0].gpu }
            let crowds = Dictionary(grouping: gpus) { $0 }.values.map(\.count)
            reach.fewest = min(reach.fewest, crowds.count)
            reach.most = max(reach.most, crowds.count)
            reach.leastCrowded = min(reach.leastCrowded, crowds.max() ?? 0)
        }
        return reach
    }

    @Test func choicesAreBestPossible() {
        var random = SplitMix(seed: 31_415)
        var chosen = 0
        for round in 0..<1500 {
            let node = Self.randomNode(using: &random)
            let request = LeafRequest(
                count: Int.random(in: 1...6, using: &random),
                kind: LeafRequest.Kind.allCases.randomElement(using: &random) ?? .any,
                minimumMemoryMiB: [nil, 9000, 15_000, 30_000].randomElement(using: &random) ?? nil,
                arrangement: Bool.random(using: &random) ? .pack : .spread)
            let message: Comment = "seed \(random.seed), round \(round)"
            let candidates = node.free.filter(request.accepts)
            let suitable = node.all.filter(request.accepts).count
            switch request.choose(from: node.free, of: node.all) {
            case .impossible(let seen, let total):
                #expect(suitable < request.count && seen == suitable && total == node.all.count, message)
            case .shortage(let free, let seen):
                #expect(candidates.count < request.count && suitable >= request.count, message)
                #expect(free == candidates.count && seen == suitable, message)
            case .leaves(let leaves):
                chosen += 1
                #expect(leaves.count == request.count && Set(leaves).count == request.count, message)
                #expect(Set(leaves).isSubset(of: Set(candidates)), message)
                #expect(leaves == leaves.sorted(by: Leaf.precedes), message)
                // One kind where one is enough, and then the smallest such kind.
                let kinds = Dictionary(grouping: candidates) { [$0.multiprocessors, $0.memoryMiB] }
                let alone = kinds.filter { $0.value.count >= request.count }.keys.min {
                    $0.lexicographicallyPrecedes($1)
                }
                let pool = alone.flatMap { kinds[$0] } ?? candidates
                #expect(Set(leaves).isSubset(of: Set(pool)), message)
                let reach = Self.reach(of: pool, count: request.count)
                let crowds = Dictionary(grouping: leaves, by: \.gpu).values.map(\.count)
                switch request.arrangement {
                case .pack: #expect(crowds.count == reach.fewest, message)
                case .spread:
                    #expect(crowds.count == reach.most, message)
                    #expect(crowds.max() == reach.leastCrowded, message)
                }
            }
        }
        #expect(chosen > 300, "the test is about choices")
    }
}
