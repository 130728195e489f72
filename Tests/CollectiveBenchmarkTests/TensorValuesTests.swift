import CollectiveBenchmark
import Testing

/// What the ranks write and check, with the operations done here one element at a time.
struct TensorValuesTests {
    private static let ranks = 3
    private static let checked: [BenchmarkOperation] = BenchmarkOperation.allCases.filter { $0 != .barrier }

    private func shape(_ operation: BenchmarkOperation, rank: Int) -> OperationShape {
        OperationShape(operation, .int32, bytes: 60, rank: rank, ranks: Self.ranks)
    }

    private func input(_ shape: OperationShape, round: UInt32) -> [Int32] {
        var values = [Int32](repeating: -1, count: shape.inputCount)
        // The bytes are the shape's input; an empty one is not touched.
        unsafe values.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress, unsafe !bytes.isEmpty {
                unsafe TensorValues.fill(base, shape, round: round)
            }
        }
        return values
    }

    private func result(_ operation: BenchmarkOperation, of rank: Int, round: UInt32) -> [Int32] {
        let shape = shape(operation, rank: rank)
        let inputs = (0..<Self.ranks).map { input(self.shape(operation, rank: $0), round: round) }
        let block = shape.block
        func sums(_ range: Range<Int>) -> [Int32] { range.map { index in inputs.reduce(0) { $0 + $1[index] } } }
        switch operation {
        case .allreduce: return sums(0..<block)
        case .reduce: return rank == 0 ? sums(0..<block) : []
        case .reducescatter: return sums(rank * block..<(rank + 1) * block)
        case .allgather: return inputs.flatMap { $0 }
        case .gather: return rank == 0 ? inputs.flatMap { $0 } : []
        case .broadcast: return inputs[0]
        case .scatter: return Array(inputs[0][rank * block..<(rank + 1) * block])
        case .alltoall: return inputs.flatMap { $0[rank * block..<(rank + 1) * block] }
        case .sendrecv: return inputs[(rank + Self.ranks - 1) % Self.ranks]
        case .barrier: return []
        }
    }

    private func firstWrong(_ values: [Int32], _ shape: OperationShape, round: UInt32) -> Int? {
        var values = values
        // The bytes are the shape's output.
        return unsafe values.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            return unsafe TensorValues.firstWrong(in: base, shape, round: round)
        }
    }

    @Test(arguments: checked) func rightResultsAreRight(operation: BenchmarkOperation) {
        for rank in 0..<Self.ranks {
            let shape = shape(operation, rank: rank)
            let values = result(operation, of: rank, round: 7)
            #expect(values.count == shape.outputCount)
            if values.isEmpty { continue }
            #expect(firstWrong(values, shape, round: 7) == nil)
        }
    }

    @Test(arguments: checked) func everyWrongElementIsFound(operation: BenchmarkOperation) {
        for rank in 0..<Self.ranks {
            let right = result(operation, of: rank, round: 7)
            for index in right.indices {
                var values = right
                values[index] += 1
                #expect(firstWrong(values, shape(operation, rank: rank), round: 7) == index)
            }
        }
    }

    /// A result of the operation before is no result, nor is that of another rank.
    @Test func roundsAndRanksDiffer() {
        let shape = shape(.allreduce, rank: 0)
        #expect(firstWrong(result(.allreduce, of: 0, round: 6), shape, round: 7) != nil)
        #expect(input(shape, round: 7) != input(self.shape(.allreduce, rank: 1), round: 7))
        #expect(input(shape, round: TensorValues.roundOfZeros).allSatisfy { $0 == 0 })
        #expect(input(shape, round: 7).allSatisfy { (0...15).contains($0) })
    }
}
