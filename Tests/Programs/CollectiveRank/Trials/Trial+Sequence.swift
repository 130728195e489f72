import Collectives

extension Trial {
    /// Bytes at which another algorithm begins: inside of a line, straight from tensors, by shares; see `Region`,
    /// `Showing` and `AllReduce`.
    package static let limits = [40, 8 * 1024, 16 * 1024, 32 * 1024]

    /// The counts around each place where something else begins: nothing, one element, the limits, the stage, and
    /// several stages.
    package static func edgeCounts(
        _ call: Call, _ element: Element, ranks: Int, stageBytes: Int
    ) -> [Int] {
        let blocks = call.blocks(ranks: ranks)
        // A stage has whole lines of each block.
        let room = stageBytes / blocks / 128 * 128
        let edges = limits.map { $0 / blocks } + [room, 2 * room]
        let counts = edges.flatMap { bytes in (-1...1).map { bytes / element.stride + $0 } }
        return Set([0, 1, 2, 3 * room / element.stride + 5] + counts.filter { $0 > 0 }).sorted()
    }

    /// A sequence of calls drawn from a seed, the same wherever it is drawn.
    ///
    /// - Parameter stageBytes: of the communicator, so that some counts fall on the edges of a stage.
    package static func sequence(of length: Int, ranks: Int, seed: UInt64, stageBytes: Int) -> [Trial] {
        var generator = Generator(state: seed)
        return (0..<length).map { _ in
            let call = Call.random(ranks: ranks, using: &generator)
            let element = Element.allCases.randomElement(using: &generator) ?? .float
            let edges = edgeCounts(call, element, ranks: ranks, stageBytes: stageBytes)
            let count =
                Int.random(in: 0..<3, using: &generator) == 0
                ? Int.random(in: 1...300, using: &generator) : edges.randomElement(using: &generator) ?? 0
            let memory: Memory =
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: .own
                case 1: .tensors
                case 2: .spans(.max)
                default: .spans(generator.next())
                }
            return Trial(
                call, of: element, count: count, inPlace: .random(using: &generator), in: memory,
                seed: generator.next())
        }
    }

    /// SplitMix64.
    package struct Generator: RandomNumberGenerator {
        var state: UInt64
        package init(state: UInt64) { self.state = state }
        package mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            return mixed(state)
        }
    }

    /// The finalizer of SplitMix64.
    package static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

extension Trial.Call {
    fileprivate static func random(ranks: Int, using generator: inout Trial.Generator) -> Self {
        let root = Int.random(in: 0..<ranks, using: &generator)
        let reduction = Reduction.allCases.randomElement(using: &generator) ?? .sum
        let calls: [Self] = [
            .barrier, .broadcast(root: root), .allGather, .allReduce(reduction), .allReduce(reduction),
            .reduceScatter(reduction), .reduce(reduction, root: root), .gather(root: root), .scatter(root: root),
            .allToAll, .ring, .pairs,
        ]
        return calls.randomElement(using: &generator) ?? .barrier
    }
}
