import CollectiveBenchmark
import Testing

struct OperationTests {
    /// As in nccl-tests' PERFORMANCE.md.
    @Test(arguments: [
        (BenchmarkOperation.allreduce, 1.5), (.reducescatter, 0.75), (.allgather, 0.75), (.broadcast, 1), (.reduce, 1),
        (.gather, 0.75), (.scatter, 0.75), (.alltoall, 0.75), (.sendrecv, 1), (.barrier, 0),
    ])
    func busFactorOfFourRanks(operation: BenchmarkOperation, factor: Double) {
        #expect(operation.busFactor(ranks: 4) == factor)
    }

    @Test(
        arguments: [
            (BenchmarkOperation.allreduce, 2000), (.reducescatter, 1250), (.allgather, 2000), (.broadcast, 2000),
            (.reduce, 1250), (.gather, 2000), (.scatter, 2000), (.alltoall, 2000), (.sendrecv, 2000), (.barrier, nil),
        ] as [(BenchmarkOperation, Int?)])
    func movedBytes(operation: BenchmarkOperation, bytes: Int?) {
        #expect(operation.movedBytes(1000, ranks: 4) == bytes)
    }

    /// Whole elements, whole blocks, and at least one for each rank.
    @Test(arguments: [
        (BenchmarkOperation.allreduce, 0, 4), (.allreduce, 11, 8), (.allgather, 8, 16), (.allgather, 40, 32),
        (.gather, 40, 32), (.scatter, 40, 32), (.reducescatter, 1, 16), (.sendrecv, 7, 4), (.barrier, 8, 0),
    ])
    func wholeElements(operation: BenchmarkOperation, asked: Int, bytes: Int) {
        #expect(OperationShape.bytes(operation, .float32, about: asked, ranks: 4) == bytes)
        // Asking for what it is changes nothing, so that all contenders get the same number.
        #expect(OperationShape.bytes(operation, .float32, about: bytes, ranks: 4) == bytes)
    }

    @Test func onlyTheRootHasBoth() {
        let shapes = (0..<2).map { OperationShape(.gather, .uint8, bytes: 8, rank: $0, ranks: 2) }
        #expect(shapes.map(\.inputCount) == [4, 4])
        #expect(shapes.map(\.outputCount) == [8, 0])
    }

    @Test func lengthsFillABatch() {
        var plan = BenchmarkPlan()
        plan.batchSeconds = 0.02
        #expect(plan.length(nanosecondsOfOne: 1e9) == 1)
        #expect(plan.length(nanosecondsOfOne: 1e5) == 200)
        #expect(plan.length(nanosecondsOfOne: 1) == 20_000)
        #expect(plan.length(nanosecondsOfOne: 0) == 20_000)
    }

    @Test func aBarrierHasOneLine() {
        var plan = BenchmarkPlan()
        plan.operations = [.barrier, .allreduce]
        plan.types = [.float32, .float16]
        plan.methods = [.repeat]
        plan.sizes = [8, 16]
        #expect(plan.lines.map(\.operation) == [.barrier, .allreduce, .allreduce, .allreduce, .allreduce])
    }
}
