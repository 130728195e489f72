/// Everything that a user chooses about a run.
public struct BenchmarkPlan: Sendable {
    public var operations: [BenchmarkOperation] = [.allreduce]
    public var types: [BenchmarkType] = [.float32]
    public var methods: [BenchmarkMethod] = BenchmarkMethod.allCases
    /// Bytes, ascending or not.
    public var sizes: [Int] = []
    public var ranks: [Int] = [2]
    /// Turns that every contender gets for one line of the table, the order rotated from turn to turn.
    public var rounds = 5
    /// Samples of one turn.
    public var batches = 4
    /// About how long one sample takes, in seconds.
    public var batchSeconds = 0.02
    /// How long one turn of a contender may take before it counts as hanging.
    public var timeout = Duration.seconds(120)

    /// The number of ranks for which there is room at the start line.
    public static let rankCounts = 2...16
    static let mostOperations = 20_000
    static let mostWarmups = 100

    public init() {}

    /// The lines of one number of ranks, in their order.
    package var lines: [BenchmarkLine] {
        operations.flatMap { operation in
            types(of: operation).flatMap { type in
                methods.flatMap { method in
                    sizes(of: operation).map {
                        BenchmarkLine(operation: operation, type: type, method: method, requestedBytes: $0)
                    }
                }
            }
        }
    }

    /// A barrier has neither type nor size.
    private func types(of operation: BenchmarkOperation) -> [BenchmarkType] {
        operation == .barrier ? Array(types.prefix(1)) : types
    }
    private func sizes(of operation: BenchmarkOperation) -> [Int] { operation == .barrier ? [0] : sizes }

    /// Bytes of memory that a run needs at most: two tensors on each rank of the contender whose turn it is, and as
    /// much again for what contenders keep, such as the symmetric heap.
    public var neededBytes: Int { 4 * (sizes.max() ?? 0) * (ranks.max() ?? 0) }

    /// Operations of a batch, from what one costs.
    package func length(nanosecondsOfOne cost: Double) -> Int {
        let fitting = batchSeconds * 1e9 / max(cost, 1)
        return max(1, min(Self.mostOperations, Int(fitting)))
    }

    /// Operations before the batches of a turn, whose tensors are new.
    func warmups(length: Int) -> Int { max(1, min(Self.mostWarmups, length / 10)) }
}

/// One operation on one size by one method: a line of the table for every contender.
package struct BenchmarkLine: Hashable, Sendable {
    package var operation: BenchmarkOperation
    package var type: BenchmarkType
    package var method: BenchmarkMethod
    package var requestedBytes: Int

    package init(
        operation: BenchmarkOperation, type: BenchmarkType, method: BenchmarkMethod, requestedBytes: Int
    ) {
        self.operation = operation
        self.type = type
        self.method = method
        self.requestedBytes = requestedBytes
    }

    /// What is really exchanged, in whole elements and blocks.
    package func bytes(ranks: Int) -> Int {
        OperationShape.bytes(operation, type, about: requestedBytes, ranks: ranks)
    }
}
