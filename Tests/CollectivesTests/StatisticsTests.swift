import CollectiveTrials
import Collectives
import Platform
import Testing

/// What a communicator tells about itself, with ranks as threads.
struct StatisticsTests {
    private static let stageBytes = 65536

    /// A call of two ranks, and the way that its bytes take.
    private static let ways: [(Trial.Call, Int, Trial.Memory, CollectiveAlgorithm)] = [
        (.barrier, 0, .own, .step),
        (.allReduce(.sum), 0, .own, .step),
        (.allReduce(.sum), 40, .own, .inline),
        (.allReduce(.sum), 40, .tensors, .inline),
        (.allReduce(.sum), 44, .own, .flat),
        (.allReduce(.sum), 8188, .tensors, .flat),
        (.allReduce(.sum), 8192, .tensors, .direct),
        (.allReduce(.sum), 8192, .spans(0b0111), .flat),
        (.allReduce(.sum), 32768, .own, .flat),
        (.allReduce(.sum), 32772, .own, .staged),
        (.allReduce(.sum), 16388, .tensors, .direct),
        (.allReduce(.sum), 200_000, .spans(.max), .direct),
        // One rank's result, or one rank's input, that is in its own memory.
        (.allReduce(.sum), 200_000, .spans(0b0111), .staged),
        (.allReduce(.sum), 200_000, .spans(0b1011), .staged),
        (.reduce(.max, root: 1), 32768, .own, .flat),
        (.reduce(.max, root: 1), 32772, .own, .staged),
        (.reduce(.max, root: 1), 16388, .spans(0b1101), .direct),
        (.reduce(.max, root: 1), 16388, .spans(0b0111), .flat),
        (.reduce(.max, root: 1), 32772, .spans(0b0111), .staged),
        (.broadcast(root: 0), 0, .own, .step),
        (.broadcast(root: 0), 40, .own, .inline),
        (.broadcast(root: 0), 65536, .own, .flat),
        (.broadcast(root: 0), 65540, .own, .staged),
        (.broadcast(root: 0), 8188, .tensors, .flat),
        (.broadcast(root: 0), 8192, .tensors, .direct),
        // Only where the root's tensor lies counts.
        (.broadcast(root: 0), 100_000, .spans(0b0001), .direct),
        (.broadcast(root: 0), 100_000, .spans(0b1110), .staged),
        (.allGather, 40, .own, .inline),
        (.allGather, 44, .own, .flat),
        (.allGather, 8192, .spans(0b0101), .direct),
        (.allGather, 8192, .spans(0b0100), .flat),
        (.allGather, 65540, .spans(0b0100), .staged),
        (.gather(root: 1), 100_000, .spans(0b0001), .direct),
        (.scatter(root: 1), 8192, .spans(0b0100), .direct),
        (.scatter(root: 1), 32768, .own, .flat),
        (.scatter(root: 1), 32772, .own, .staged),
        (.allToAll, 20, .own, .inline),
        (.allToAll, 24, .own, .flat),
        (.allToAll, 4096, .tensors, .direct),
        (.allToAll, 4092, .tensors, .flat),
        (.reduceScatter(.sum), 20, .own, .inline),
        (.reduceScatter(.sum), 4096, .tensors, .direct),
        (.reduceScatter(.sum), 32772, .own, .staged),
        (.ring, 100, .own, .staged),
        (.ring, 8192, .tensors, .direct),
    ]

    @Test(arguments: ways.indices)
    func everyCallTakesTheDocumentedWay(index: Int) throws {
        let (call, bytes, memory, way) = Self.ways[index]
        let all = try onThreads(ranks: 2, stageBytes: Self.stageBytes) { communicator in
            let trial = Trial(call, of: .int32, count: bytes / 4, in: memory)
            _ = try trial.run(on: communicator)
            return communicator.statistics
        }
        for statistics in all {
            let calls = statistics[call.kind]
            #expect(calls.count == 1)
            let ways = CollectiveAlgorithm.allCases.filter { calls[$0] > 0 }
            #expect(ways == [way], "\(call) of \(bytes) bytes in \(memory) memory")
        }
    }

    /// The larger one of input and output.
    @Test func countsCallsAndBytes() throws {
        let all = try onThreads(ranks: 3, stageBytes: 1024) { communicator in
            for _ in 0..<4 {
                for call in [
                    Trial.Call.barrier, .broadcast(root: 1), .allGather, .allReduce(.sum), .reduceScatter(.min),
                    .reduce(.max, root: 2), .gather(root: 0), .scatter(root: 2), .allToAll, .ring,
                ] {
                    _ = try Trial(call, of: .double, count: 100).run(on: communicator)
                }
            }
            _ = try communicator.makeTensor(of: Float.self, count: 7)
            _ = try communicator.split(color: nil)
            return communicator.statistics
        }
        for (rank, statistics) in all.enumerated() {
            let blocks: [(CollectiveKind, Int)] = [
                (.barrier, 0), (.broadcast, 1), (.allGather, 3), (.allReduce, 1), (.reduceScatter, 3), (.reduce, 1),
                (.gather, rank == 0 ? 3 : 1), (.scatter, rank == 2 ? 3 : 1), (.allToAll, 3), (.send, 2),
            ]
            for (kind, factor) in blocks {
                #expect(statistics[kind].count == 4, "\(kind)")
                #expect(statistics[kind].bytes == 4 * 800 * factor, "\(kind) on rank \(rank)")
            }
            #expect(statistics[.receive].count == 0)
            #expect(statistics[.allocate].count == 1)
            #expect(statistics[.allocate].bytes == 28)
            #expect(statistics[.split].count == 1)
        }
    }

    @Test func aSingleRankIsAlone() throws {
        let communicator = try Communicator(environment: [:])
        for call in Trial.Call.all(ranks: 1) {
            _ = try Trial(call, count: 10).run(on: communicator)
        }
        let statistics = communicator.statistics
        #expect(statistics[.allReduce][.alone] == 5)
        #expect(statistics[.barrier][.alone] == 1)
        #expect(statistics.straggler == nil)
        #expect(statistics.waited == 0)
    }

    /// A failed call is none; closing keeps what was counted.
    @Test func countsWhatSucceededAlsoAfterClosing() throws {
        let world = InProcessWorld(size: 2)
        let (first, second) = (Communicator(world.transport(of: 0)), Communicator(world.transport(of: 1)))
        let work = try second.start { communicator throws(CollectiveError) in try communicator.barrier() }
        try first.barrier()
        try work.wait()
        second.close()
        #expect(throws: CollectiveError.self) { try first.barrier() }
        #expect(throws: CollectiveError.self) { try first.barrier() }
        first.close()
        #expect(first.statistics[.barrier].count == 1)
        #expect(second.statistics[.barrier].count == 1)
    }

    /// Rank 1 comes 30 milliseconds after the others, which wait for it and nobody else.
    @Test func theStragglerIsNamed() throws {
        let all = try onThreads(ranks: 3) { communicator in
            try communicator.barrier()
            let before = communicator.statistics.waitedFor
            if communicator.rank == 1 { pause(for: .milliseconds(30)) }
            try communicator.barrier()
            return (communicator.statistics, before)
        }
        for rank in [0, 2] {
            let (statistics, before) = all[rank]
            #expect(statistics.straggler == 1, "\(statistics.waitedFor)")
            #expect(statistics.waitedFor[1] - before[1] > 20_000_000)
            #expect(statistics.waitedFor[rank] == 0)
            #expect(statistics.waited >= statistics.waitedFor[1])
        }
    }
}

extension Trial.Call {
    var kind: CollectiveKind {
        switch self {
        case .barrier: .barrier
        case .broadcast: .broadcast
        case .allGather: .allGather
        case .allReduce: .allReduce
        case .reduceScatter: .reduceScatter
        case .reduce: .reduce
        case .gather: .gather
        case .scatter: .scatter
        case .allToAll: .allToAll
        case .ring, .pairs: .send
        }
    }
}
