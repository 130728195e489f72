import Collectives

/// What one rank has before a call, and what it must have after it: all of both tensors, so that a byte which a call
/// must not touch counts as well.
struct Answer<Number: TrialElement> {
    var input: [Number] = []
    /// Empty in place.
    var output: [Number] = []
    var inputAfter: [Number] = []
    var outputAfter: [Number] = []

    /// By plain loops.
    init(_ trial: Trial, rank: Int, ranks: Int) {
        let (count, isInPlace) = (trial.count, trial.isInPlace)
        /// What a result's memory has before.
        func filler(_ blocks: Int) -> [Number] { [Number](repeating: Number(random: 77 << 20), count: blocks * count) }
        /// Blocks that a rank gives.
        func values(_ rank: Int, blocks: Int = 1) -> [Number] {
            (0..<blocks * count).map { Number(random: Trial.mixed(trial.seed &+ UInt64(rank) << 40 &+ UInt64($0))) }
        }
        func block(_ index: Int, of values: [Number]) -> [Number] {
            Array(values[index * count..<(index + 1) * count])
        }
        func reduced(_ values: [[Number]], _ reduction: Reduction) -> [Number] {
            values[0].indices.map { Number.reduced(values, at: $0, reduction) }
        }
        switch trial.call {
        case .barrier: break
        case .broadcast(let root):
            (input, inputAfter) = (values(rank), values(root))
        case .allGather:
            let all = (0..<ranks).flatMap { values($0) }
            if isInPlace {
                input = filler(ranks)
                input.replaceSubrange(rank * count..<(rank + 1) * count, with: values(rank))
                inputAfter = all
            } else {
                apart(values(rank), filler(ranks), all)
            }
        case .allReduce(let reduction):
            let all = reduced((0..<ranks).map { values($0) }, reduction)
            if isInPlace { (input, inputAfter) = (values(rank), all) } else { apart(values(rank), filler(1), all) }
        case .reduceScatter(let reduction):
            let own = values(rank, blocks: ranks)
            let result = reduced((0..<ranks).map { block(rank, of: values($0, blocks: ranks)) }, reduction)
            if isInPlace {
                (input, inputAfter) = (own, own)
                inputAfter.replaceSubrange(rank * count..<(rank + 1) * count, with: result)
            } else {
                apart(own, filler(1), result)
            }
        case .reduce(let reduction, let root):
            let result = rank == root ? reduced((0..<ranks).map { values($0) }, reduction) : []
            if isInPlace {
                (input, inputAfter) = (values(rank), rank == root ? result : values(rank))
            } else {
                apart(values(rank), filler(1), rank == root ? result : filler(1))
            }
        case .gather(let root):
            let all = (0..<ranks).flatMap { values($0) }
            if rank != root {
                apart(values(rank), filler(1), filler(1))
            } else if isInPlace {
                input = filler(ranks)
                input.replaceSubrange(rank * count..<(rank + 1) * count, with: values(rank))
                inputAfter = all
            } else {
                apart(values(rank), filler(ranks), all)
            }
        case .scatter(let root):
            let result = block(rank, of: values(root, blocks: ranks))
            if rank != root {
                apart(filler(1), filler(1), result)
            } else if isInPlace {
                // The root's block is where it has to be.
                input = values(root, blocks: ranks)
                inputAfter = input
            } else {
                apart(values(root, blocks: ranks), filler(1), result)
            }
        case .allToAll:
            let result = (0..<ranks).flatMap { block(rank, of: values($0, blocks: ranks)) }
            let own = values(rank, blocks: ranks)
            if isInPlace { (input, inputAfter) = (own, result) } else { apart(own, filler(ranks), result) }
        case .ring:
            apart(values(rank), filler(1), values((rank + ranks - 1) % ranks))
        case .pairs:
            apart(values(rank), filler(1), values(Trial.partner(of: rank, ranks: ranks)))
        }
    }

    private mutating func apart(_ values: [Number], _ before: [Number], _ result: [Number]) {
        (input, inputAfter) = (values, values)
        (output, outputAfter) = (before, result)
    }
}

extension Trial {
    static func partner(of rank: Int, ranks: Int) -> Int { rank ^ 1 < ranks ? rank ^ 1 : rank }
}
