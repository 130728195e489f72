import Collectives

/// One call of a collective, the same on all ranks, with the values to send and what must come out.
///
/// The right answers come from plain loops over all ranks' values, which every rank can make for itself: they share
/// nothing with the library.
package struct Trial: Hashable, Sendable {
    package enum Call: Hashable, Sendable {
        case barrier
        case broadcast(root: Int)
        case allGather
        case allReduce(Reduction, inPlace: Bool)
    }

    package enum Element: Hashable, Sendable, CaseIterable {
        case float, double, int32, int64
    }

    package var call: Call
    package var element: Element
    /// Elements of one rank.
    package var count: Int
    /// What the values are made of.
    package var seed: UInt64

    package init(_ call: Call, of element: Element = .float, count: Int = 0, seed: UInt64 = 1) {
        self.call = call
        self.element = element
        self.count = count
        self.seed = seed
    }
}

extension Trial: CustomStringConvertible {
    package var description: String { "\(call) of \(count) \(element) (seed \(seed))" }
}

/// A result with a wrong element.
package struct WrongResult: Error, CustomStringConvertible {
    let trial: Trial
    let rank: Int
    let place: String
    package var description: String { "\(trial) on rank \(rank): \(place)" }
}

extension Trial {
    /// Makes the call, compares the result bit by bit, and returns the digest of its bits: 0 for a barrier.
    package func run(on communicator: Communicator) throws -> UInt64 {
        switch element {
        case .float: try run(Float.self, on: communicator)
        case .double: try run(Double.self, on: communicator)
        case .int32: try run(Int32.self, on: communicator)
        case .int64: try run(Int64.self, on: communicator)
        }
    }

    private func run<Number: TrialElement>(_: Number.Type, on communicator: Communicator) throws -> UInt64 {
        let values = (0..<communicator.size).map { rank in
            (0..<count).map { Number(random: Self.bits(seed, rank: rank, index: $0)) }
        }
        let own = values[communicator.rank]
        switch call {
        case .barrier:
            try communicator.barrier()
            return 0
        case .broadcast(let root):
            var result = own
            try communicator.broadcast(&result, from: root)
            return try compare(result, to: values[root], on: communicator.rank)
        case .allGather:
            return try compare(try communicator.allGather(own), to: values.flatMap { $0 }, on: communicator.rank)
        case .allReduce(let reduction, let inPlace):
            var result = inPlace ? own : [Number](repeating: Number(random: 77), count: count)
            if inPlace {
                try communicator.allReduce(&result, reduction)
            } else {
                var span = result.mutableSpan
                try communicator.allReduce(own.span, into: &span, reduction)
            }
            let expected = (0..<count).map { index in
                var sum = values[0][index]
                for rank in 1..<max(1, values.count) { sum = sum.plus(values[rank][index]) }
                return reduction == .mean ? sum.divided(by: values.count) : sum
            }
            return try compare(result, to: expected, on: communicator.rank)
        }
    }

    private func compare<Number: TrialElement>(
        _ result: [Number], to expected: [Number], on rank: Int
    ) throws -> UInt64 {
        guard result.count == expected.count else {
            throw WrongResult(trial: self, rank: rank, place: "\(result.count) elements, not \(expected.count)")
        }
        if let index = result.indices.first(where: { result[$0].bits != expected[$0].bits }) {
            throw WrongResult(
                trial: self, rank: rank, place: "element \(index) is \(result[index]), not \(expected[index])")
        }
        return result.reduce(UInt64(count) &+ 0x9e37) { Self.mixed($0 ^ $1.bits) }
    }
}

extension Trial {
    /// A sequence of calls drawn from a seed, the same wherever it is drawn.
    ///
    /// - Parameter slotElements: elements of a `Float` slot, so that some counts fall on its edges.
    package static func sequence(of length: Int, ranks: Int, seed: UInt64, slotElements: Int = 32768) -> [Trial] {
        var generator = Generator(state: seed)
        return (0..<length).map { _ in
            let call: Call =
                switch Int.random(in: 0..<8, using: &generator) {
                case 0: .barrier
                case 1, 2: .broadcast(root: Int.random(in: 0..<ranks, using: &generator))
                case 3: .allGather
                default: .allReduce(Bool.random(using: &generator) ? .sum : .mean, inPlace: .random(using: &generator))
                }
            let count =
                switch Int.random(in: 0..<8, using: &generator) {
                case 0: 0
                case 1: slotElements + Int.random(in: -1...1, using: &generator)
                case 2: Int.random(in: slotElements...3 * slotElements, using: &generator)
                default: Int.random(in: 1...2000, using: &generator)
                }
            let element = Element.allCases.randomElement(using: &generator) ?? .float
            return Trial(call, of: element, count: count, seed: generator.next())
        }
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            return mixed(state)
        }
    }

    private static func bits(_ seed: UInt64, rank: Int, index: Int) -> UInt64 {
        mixed(seed &+ UInt64(rank) << 40 &+ UInt64(index))
    }

    /// The finalizer of SplitMix64.
    package static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
