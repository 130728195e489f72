import Collectives

extension Trial {
    /// Makes the call, compares all memory bit by bit, and returns the digest of the result: 0 where the ranks get
    /// different ones.
    package func run(on communicator: Communicator) throws -> UInt64 {
        switch element {
        case .float: try run(Float.self, on: communicator)
        case .double: try run(Double.self, on: communicator)
        case .float16: try run(Float16.self, on: communicator)
        case .bfloat16: try run(BFloat16.self, on: communicator)
        case .int8: try run(Int8.self, on: communicator)
        case .uint8: try run(UInt8.self, on: communicator)
        case .int32: try run(Int32.self, on: communicator)
        case .int64: try run(Int64.self, on: communicator)
        case .uint32: try run(UInt32.self, on: communicator)
        case .uint64: try run(UInt64.self, on: communicator)
        }
    }

    private func run<Number: TrialElement>(_: Number.Type, on communicator: Communicator) throws -> UInt64 {
        let answer = Answer<Number>(self, rank: communicator.rank, ranks: communicator.size)
        var run = try TrialRun(self, answer, on: communicator)
        try run.makeCall()
        let digests = (
            try compare(run.input.elements, to: answer.inputAfter, "the input", on: communicator.rank),
            try compare(run.output.elements, to: answer.outputAfter, "the output", on: communicator.rank)
        )
        guard call.isTheSameEverywhere else { return 0 }
        return answer.output.isEmpty ? digests.0 : digests.1
    }

    private func compare<Number: TrialElement>(
        _ found: [Number]?, to expected: [Number], _ what: String, on rank: Int
    ) throws -> UInt64 {
        guard let found else { throw WrongResult(trial: self, rank: rank, place: "memory beside \(what) has changed") }
        guard found.count == expected.count else {
            throw WrongResult(trial: self, rank: rank, place: "\(what) has \(found.count), not \(expected.count)")
        }
        if let index = found.indices.first(where: { found[$0].bits != expected[$0].bits }) {
            throw WrongResult(
                trial: self, rank: rank,
                place: "element \(index) of \(what) is \(found[index]), not \(expected[index])")
        }
        return found.reduce(UInt64(count) &+ 0x9e37) { Self.mixed($0 ^ $1.bits) }
    }
}

/// One rank's part in a trial.
private struct TrialRun<Number: TrialElement> {
    private let trial: Trial
    private let communicator: Communicator
    /// The tensor of a result in place as well.
    var input: Room<Number>
    var output: Room<Number>
    private var ranks: Int { communicator.size }
    private var rank: Int { communicator.rank }

    init(_ trial: Trial, _ answer: Answer<Number>, on communicator: Communicator) throws(CollectiveError) {
        self.trial = trial
        self.communicator = communicator
        switch trial.memory {
        case .own:
            input = Room(answer.input, in: nil)
            output = Room(answer.output, in: nil)
        case .tensors:
            // The counts are the same on all ranks, but for gather and scatter, which have no form over tensors.
            let counts = (answer.input.count, answer.output.count)
            switch trial.call {
            case .gather, .scatter: (input, output) = try Self.spans(trial, answer, .max, on: communicator)
            default:
                input = Room(
                    answer.input, in: try communicator.makeTensor(repeating: Number(random: 5), count: counts.0),
                    isWhole: true)
                output = Room(
                    answer.output, in: try communicator.makeTensor(repeating: Number(random: 6), count: counts.1),
                    isWhole: true)
            }
        case .spans(let mask): (input, output) = try Self.spans(trial, answer, mask, on: communicator)
        }
    }

    /// All ranks make both tensors; a rank uses those that its bits name.
    private static func spans(
        _ trial: Trial, _ answer: Answer<Number>, _ mask: UInt64, on communicator: Communicator
    ) throws(CollectiveError) -> (Room<Number>, Room<Number>) {
        let count = communicator.size * trial.count + 2 * Room<Number>.margin
        let tensors = (
            try communicator.makeTensor(repeating: Number(random: 5), count: count),
            try communicator.makeTensor(repeating: Number(random: 6), count: count)
        )
        let own = mask >> UInt64(2 * communicator.rank)
        return (
            Room(answer.input, in: own & 1 == 1 ? tensors.0 : nil),
            Room(answer.output, in: own & 2 == 2 ? tensors.1 : nil)
        )
    }

    mutating func makeCall() throws(CollectiveError) {
        if trial.memory == .tensors, let tensor = input.tensor, let result = output.tensor,
            try callOverTensors(tensor, result)
        {
            return
        }
        switch trial.call {
        case .ring: try message(to: (rank + 1) % ranks, from: (rank + ranks - 1) % ranks)
        case .pairs: try exchangeInPairs()
        case .gather(rank) where trial.isInPlace: try gatherInPlace()
        case .scatter(rank) where trial.isInPlace: try scatterInPlace()
        default:
            if trial.isInPlace { try callInPlace() } else { try callApart() }
        }
    }

    /// - Returns: false when there is no such form.
    private func callOverTensors(
        _ tensor: Tensor<Number>, _ result: Tensor<Number>
    ) throws(CollectiveError) -> Bool {
        switch (trial.call, trial.isInPlace) {
        case (.broadcast(let root), _): try communicator.broadcast(tensor, from: root)
        case (.allGather, false): try communicator.allGather(tensor, into: result)
        case (.allReduce(let reduction), true): try communicator.allReduce(tensor, reduction)
        case (.allReduce(let reduction), false): try communicator.allReduce(tensor, into: result, reduction)
        case (.reduceScatter(let reduction), false): try communicator.reduceScatter(tensor, into: result, reduction)
        case (.reduce(let reduction, let root), true): try communicator.reduce(tensor, reduction, to: root)
        case (.allToAll, false): try communicator.allToAll(tensor, into: result)
        case (.pairs, _):
            let partner = Trial.partner(of: rank, ranks: ranks)
            if partner == rank { return false }
            if rank < partner { try communicator.send(tensor, to: partner) }
            try communicator.receive(result, from: partner)
            if rank > partner { try communicator.send(tensor, to: partner) }
        default: return false
        }
        return true
    }

    private mutating func callInPlace() throws(CollectiveError) {
        let (call, communicator) = (trial.call, communicator)
        // A root that is another rank: not in place here.
        switch call {
        case .gather, .scatter: return try callApart()
        default: break
        }
        try input.withMutableSpan { span throws(CollectiveError) in
            switch call {
            case .barrier: try communicator.barrier()
            case .broadcast(let root): try communicator.broadcast(&span, from: root)
            case .allGather: try communicator.allGather(&span)
            case .allReduce(let reduction): try communicator.allReduce(&span, reduction)
            case .reduceScatter(let reduction): try communicator.reduceScatter(&span, reduction)
            case .reduce(let reduction, let root): try communicator.reduce(&span, reduction, to: root)
            case .allToAll: try communicator.allToAll(&span)
            case .gather, .scatter, .ring, .pairs: preconditionFailure("made elsewhere")
            }
        }
    }

    private mutating func callApart() throws(CollectiveError) {
        if case .broadcast = trial.call { return try callInPlace() }
        let (call, communicator, input) = (trial.call, communicator, input)
        try output.withMutableSpan { result throws(CollectiveError) in
            // A `MutableSpan` can't be captured as inout by two closures, so the inner one is the input's.
            try input.withSpan { span throws(CollectiveError) in
                switch call {
                case .barrier: try communicator.barrier()
                case .allGather: try communicator.allGather(span, into: &result)
                case .allReduce(let reduction): try communicator.allReduce(span, into: &result, reduction)
                case .reduceScatter(let reduction): try communicator.reduceScatter(span, into: &result, reduction)
                case .reduce(let reduction, let root):
                    try communicator.reduce(span, into: &result, reduction, to: root)
                case .gather(let root): try communicator.gather(span, into: &result, to: root)
                case .scatter(let root): try communicator.scatter(span, into: &result, from: root)
                case .allToAll: try communicator.allToAll(span, into: &result)
                case .broadcast, .ring, .pairs: preconditionFailure("made elsewhere")
                }
            }
        }
    }

    private mutating func message(to receiver: Int, from sender: Int) throws(CollectiveError) {
        let (communicator, input) = (communicator, input)
        try output.withMutableSpan { result throws(CollectiveError) in
            try input.withSpan { span throws(CollectiveError) in
                try communicator.sendReceive(span, to: receiver, into: &result, from: sender)
            }
        }
    }

    private mutating func exchangeInPairs() throws(CollectiveError) {
        let (partner, communicator) = (Trial.partner(of: rank, ranks: ranks), communicator)
        if partner == rank { return try message(to: rank, from: rank) }
        func send() throws(CollectiveError) {
            try input.withSpan { span throws(CollectiveError) in try communicator.send(span, to: partner) }
        }
        if rank < partner { try send() }
        try output.withMutableSpan { span throws(CollectiveError) in try communicator.receive(&span, from: partner) }
        if rank > partner { try send() }
    }

    // The forms in place of the calls with a root, which the C interface has and spans have not.

    private mutating func gatherInPlace() throws(CollectiveError) {
        let (trial, communicator) = (trial, communicator)
        try input.withMutableSpan { span throws(CollectiveError) in
            try unsafe span.withUnsafeMutableBytes { bytes throws(CollectiveError) in
                let own = unsafe bytes.baseAddress.map {
                    unsafe UnsafeRawPointer($0 + communicator.rank * trial.count * trial.element.stride)
                }
                try unsafe communicator.rawGather(
                    own, bytes.baseAddress, count: trial.count, Number.collectiveType, to: communicator.rank)
            }
        }
    }

    private mutating func scatterInPlace() throws(CollectiveError) {
        let (trial, communicator) = (trial, communicator)
        try input.withMutableSpan { span throws(CollectiveError) in
            try unsafe span.withUnsafeMutableBytes { bytes throws(CollectiveError) in
                let own = unsafe bytes.baseAddress.map {
                    unsafe $0 + communicator.rank * trial.count * trial.element.stride
                }
                try unsafe communicator.rawScatter(
                    UnsafeRawPointer(bytes.baseAddress), own, count: trial.count, Number.collectiveType,
                    from: communicator.rank)
            }
        }
    }
}
