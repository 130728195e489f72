import Collectives
import CReduction
import Glibc
import Platform

/// One turn of a rank: its warm-ups and batches. The same steps as the peers' (`Benchmarks/Peers/harness.c`).
struct RankTurn {
    private let command: MeasureCommand
    private let tensors: RankTensors
    private let communicator: Communicator?
    /// Of the values in the input.
    private var round = TensorValues.roundOfZeros
    private var performed = 0
    private var firstWrong: (element: Int, operation: Int)?

    init(_ command: MeasureCommand, _ tensors: RankTensors, _ communicator: Communicator?) {
        self.command = command
        self.tensors = tensors
        self.communicator = communicator
    }

    /// - Throws: `CollectiveError`.
    mutating func run(_ line: inout StartLine) throws -> MeasureAnswer {
        let samples = try command.method == .repeat ? repeated(&line) : rewritten(&line)
        if let firstWrong {
            return .error("wrong result: element \(firstWrong.element) of operation \(firstWrong.operation)")
        }
        return .samples(samples)
    }

    private mutating func repeated(_ line: inout StartLine) throws -> [Double] {
        _ = try fresh(&line, isChecked: true)
        if tensors.shape.operation.sumsGrow {
            round = TensorValues.roundOfZeros
            tensors.fill(round: round)
        }
        line.wait()
        try perform(times: max(0, command.warmups - 1), &line)
        var samples: [Double] = []
        samples.reserveCapacity(command.batches)
        for _ in 0..<command.batches {
            line.wait()
            let before = monotonicNanoseconds()
            try perform(times: command.length, &line)
            samples.append((monotonicNanoseconds() - before) / Double(command.length))
        }
        check()
        return samples
    }

    private mutating func rewritten(_ line: inout StartLine) throws -> [Double] {
        for _ in 0..<command.warmups { _ = try fresh(&line, isChecked: false) }
        var samples: [Double] = []
        for batch in 0..<command.batches {
            var sum = 0.0
            for index in 0..<command.length {
                let isFirst = batch == 0 && index == 0
                let isLast = batch + 1 == command.batches && index + 1 == command.length
                sum += try fresh(&line, isChecked: isFirst || isLast)
            }
            samples.append(sum / Double(command.length))
        }
        return samples
    }

    /// Rewrites the input, performs, and answers how long the operation took.
    private mutating func fresh(_ line: inout StartLine, isChecked: Bool) throws -> Double {
        round += 1
        tensors.fill(round: round)
        if isChecked { tensors.spoil() }
        line.wait()
        let before = monotonicNanoseconds()
        try perform(times: 1, &line)
        let after = monotonicNanoseconds()
        if isChecked { check() }
        return after - before
    }

    private mutating func check() {
        guard firstWrong == nil, let element = tensors.firstWrong(round: round) else { return }
        firstWrong = (element, performed)
    }

    /// Performs the operation some times in a row.
    private mutating func perform(times: Int, _ line: inout StartLine) throws(CollectiveError) {
        performed += times
        switch command.task {
        case .collective:
            guard let communicator else { preconditionFailure("a rank of copies was asked for a collective") }
            for _ in 0..<times { try communicator.perform(tensors) }
        case .copy, .streamingCopy:
            guard let input = unsafe tensors.input, let output = unsafe tensors.output else { return }
            let bytes = tensors.shape.outputCount
            // Both are that long, and apart.
            if command.task == .copy {
                for _ in 0..<times { unsafe memcpy(output, input, bytes) }
            } else {
                let level = creduction_best_level()
                for _ in 0..<times {
                    unsafe creduction_copy_streaming(output, input, bytes, level)
                    creduction_end_streaming()
                }
            }
            // Where ranks take turns on a CPU, one that has it alone is done long before the others. A collective is
            // done when all are.
            if line.isCrowded { line.wait() }
        }
    }
}

extension BenchmarkType {
    var elementType: ElementType {
        switch self {
        case .float32: .float
        case .float64: .double
        case .int32: .int32
        case .int64: .int64
        case .uint8: .uint8
        case .float16: .float16
        case .bfloat16: .bfloat16
        }
    }
}

extension Communicator {
    /// One collective on a rank's tensors, which are as long as their shape says and live during the call.
    @inline(__always)
    fileprivate func perform(_ tensors: RankTensors) throws(CollectiveError) {
        let shape = tensors.shape
        let (input, output) = unsafe (UnsafeRawPointer(tensors.input), tensors.output)
        let type = shape.type.elementType
        switch shape.operation {
        case .allreduce: try unsafe rawAllReduce(input, output, count: shape.block, type, .sum)
        case .reducescatter: try unsafe rawReduceScatter(input, output, count: shape.block, type, .sum)
        case .allgather: try unsafe rawAllGather(input, output, count: shape.block, type)
        case .broadcast: try unsafe rawBroadcast(output, count: shape.block, type, from: 0)
        case .reduce: try unsafe rawReduce(input, output, count: shape.block, type, .sum, to: 0)
        case .gather: try unsafe rawGather(input, output, count: shape.block, type, to: 0)
        case .scatter: try unsafe rawScatter(input, output, count: shape.block, type, from: 0)
        case .alltoall: try unsafe rawAllToAll(input, output, count: shape.block, type)
        case .sendrecv:
            try unsafe rawSendReceive(
                input, count: shape.block, to: (rank + 1) % size, output, count: shape.block,
                from: (rank + size - 1) % size, type)
        case .barrier: try barrier()
        }
    }
}
