/// The tensors of one rank in one operation. The same arithmetic as the peers' (`call_shape` in `Benchmarks/Peers`).
package struct OperationShape: Hashable, Sendable {
    package let operation: BenchmarkOperation
    package let type: BenchmarkType
    package let rank: Int
    package let ranks: Int
    /// Elements of one rank where the operation has blocks; else all of them.
    package let block: Int
    /// Elements of the tensors of this rank; 0 where it has none.
    package let inputCount: Int
    package let outputCount: Int

    /// - Parameter bytes: of the larger buffer of a rank, rounded down to whole elements or blocks of them, and up to
    ///   one element for each rank.
    package init(_ operation: BenchmarkOperation, _ type: BenchmarkType, bytes: Int, rank: Int, ranks: Int) {
        self.operation = operation
        self.type = type
        self.rank = rank
        self.ranks = ranks
        let all = max(1, bytes / type.stride)
        let part = max(1, bytes / type.stride / ranks)
        let parts = part * ranks
        switch operation {
        case .reducescatter: (block, inputCount, outputCount) = (part, parts, part)
        case .allgather: (block, inputCount, outputCount) = (part, part, parts)
        case .gather: (block, inputCount, outputCount) = (part, part, rank == 0 ? parts : 0)
        case .scatter: (block, inputCount, outputCount) = (part, rank == 0 ? parts : 0, part)
        case .alltoall: (block, inputCount, outputCount) = (part, parts, parts)
        case .allreduce, .sendrecv: (block, inputCount, outputCount) = (all, all, all)
        case .broadcast: (block, inputCount, outputCount) = (all, rank == 0 ? all : 0, all)
        case .reduce: (block, inputCount, outputCount) = (all, all, rank == 0 ? all : 0)
        case .barrier: (block, inputCount, outputCount) = (0, 0, 0)
        }
    }

    /// Bytes of the larger buffer of the rank that has most, which is the root.
    package static func bytes(_ operation: BenchmarkOperation, _ type: BenchmarkType, about bytes: Int, ranks: Int)
        -> Int
    {
        let root = OperationShape(operation, type, bytes: bytes, rank: 0, ranks: ranks)
        return max(root.inputCount, root.outputCount) * type.stride
    }
}
