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
        case allReduce(Reduction)
        case reduceScatter(Reduction)
        case reduce(Reduction, root: Int)
        case gather(root: Int)
        case scatter(root: Int)
        case allToAll
        /// Everybody sends to the next rank and receives from the one before.
        case ring
        /// Ranks 0 and 1, 2 and 3, ... send to each other in turn; one that is left over sends to itself.
        case pairs
    }

    package enum Element: Hashable, Sendable, CaseIterable {
        case float, double, float16, bfloat16, int8, uint8, int32, int64, uint32, uint64
        package var stride: Int {
            switch self {
            case .int8, .uint8: 1
            case .float16, .bfloat16: 2
            case .float, .int32, .uint32: 4
            case .double, .int64, .uint64: 8
            }
        }
    }

    /// Where the tensors lie.
    package enum Memory: Hashable, Sendable {
        /// In this process's own memory.
        case own
        /// In tensors of `makeTensor`, which are the arguments.
        case tensors
        /// Rank r's input is a part of a tensor when bit 2r is set, and its output when bit 2r + 1 is; else in its own
        /// memory.
        case spans(UInt64)
    }

    package var call: Call
    package var element: Element
    /// Elements of one block: of one rank's whole tensor, or of a rank's part of it in the calls that part it.
    package var count: Int
    /// Whether the result takes the place of the input, in calls that have both forms.
    package var isInPlace: Bool
    package var memory: Memory
    /// What the values are made of.
    package var seed: UInt64

    package init(
        _ call: Call, of element: Element = .float, count: Int = 0, inPlace: Bool = false, in memory: Memory = .own,
        seed: UInt64 = 1
    ) {
        self.call = call
        self.element = element
        self.count = count
        isInPlace = inPlace
        self.memory = memory
        self.seed = seed
    }
}

extension Trial.Call {
    /// Blocks of a rank's larger tensor that are staged together.
    package func blocks(ranks: Int) -> Int {
        switch self {
        case .reduceScatter, .scatter, .allToAll: ranks
        default: 1
        }
    }

    /// Whether all ranks get the same elements.
    package var isTheSameEverywhere: Bool {
        switch self {
        case .broadcast, .allGather, .allReduce: true
        default: false
        }
    }

    /// All calls with all reductions, each with one root of its own.
    package static func all(ranks: Int) -> [Trial.Call] {
        let reductions = Reduction.allCases
        return [.barrier, .allGather, .allToAll, .ring, .pairs]
            + [.broadcast(root: ranks - 1), .gather(root: ranks / 2), .scatter(root: (ranks - 1) / 2)]
            + reductions.flatMap { [.allReduce($0), .reduceScatter($0), .reduce($0, root: Int($0.rawValue) % ranks)] }
    }
}

extension Trial: CustomStringConvertible {
    package var description: String {
        "\(call) of \(count) \(element)\(isInPlace ? " in place" : "") in \(memory) memory (seed \(seed))"
    }
}

/// A result with a wrong element.
package struct WrongResult: Error, CustomStringConvertible {
    let trial: Trial
    let rank: Int
    let place: String
    package var description: String { "\(trial) on rank \(rank): \(place)" }
}
