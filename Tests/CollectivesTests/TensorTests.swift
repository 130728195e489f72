import CollectiveTrials
import Collectives
import Testing

/// Tensors in memory that all ranks reach, with ranks as threads.
struct TensorTests {
    @Test func aTensorHoldsWhatItWasMadeOf() throws {
        _ = try onThreads(ranks: 2) { communicator in
            let tensor = try communicator.makeTensor(repeating: UInt16(7), count: 5)
            #expect(tensor.count == 5)
            #expect(tensor.array == [7, 7, 7, 7, 7])
            tensor[4] = 9
            let last = tensor.withSpan { $0[4] }
            #expect(last == 9)
            tensor.withMutableSpan { $0[0] = 1 }
            #expect(tensor.array == [1, 7, 7, 7, 9])
            #expect(try communicator.makeTensor(of: Double.self, count: 3).array == [0, 0, 0])
        }
    }

    @Test(arguments: [1, 2, 3])
    func aTensorOfNothingIsATensor(ranks: Int) throws {
        _ = try onThreads(ranks: ranks) { communicator in
            let tensor = try communicator.makeTensor(of: Float.self, count: 0)
            #expect(tensor.array == [])
            try communicator.allReduce(tensor, .sum)
            try communicator.broadcast(tensor, from: 0)
        }
    }

    /// What is released is used again: some 100 times the memory of the first arena.
    @Test func releasedMemoryIsUsedAgain() throws {
        let addresses = try onThreads(ranks: 2) { communicator in
            var addresses: Set<UInt> = []
            for _ in 0..<400 {
                let tensor = try communicator.makeTensor(of: UInt8.self, count: 2 << 20)
                tensor[2 << 20 - 1] = 1
                addresses.insert(unsafe UInt(bitPattern: tensor.buffer.baseAddress))
            }
            return addresses.count
        }
        #expect(addresses == [1, 1])
    }

    /// Random sizes, releases in any order and on one rank alone; each tensor keeps its own elements.
    @Test func tensorsNeverOverlap() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        _ = try onThreads(ranks: 3, stageBytes: 4096) { communicator in
            var common = Trial.Generator(state: seed)
            var own = Trial.Generator(state: seed &+ UInt64(communicator.rank))
            var tensors: [(Tensor<UInt32>, UInt32)] = []
            for number in 0..<UInt32(300) {
                let count = Int.random(in: 0...60_000, using: &common)
                let tensor = try communicator.makeTensor(repeating: number, count: count)
                // The sum is made in one rank's memory by another rank.
                try communicator.allReduce(tensor, .sum)
                tensors.append((tensor, 3 * number))
                if tensors.count > 20 {
                    let (old, value) = tensors.remove(at: Int.random(in: 0..<20, using: &own))
                    #expect(old.array.allSatisfy { $0 == value }, "seed \(seed)")
                }
            }
            for (tensor, value) in tensors { #expect(tensor.array.allSatisfy { $0 == value }, "seed \(seed)") }
        }
    }

    /// Beyond the first 8 MiB of a rank, and in one arena of its own.
    @Test func largeTensorsGetNewMemory() throws {
        let algorithms = try onThreads(ranks: 2) { communicator in
            let tensors = try [3 << 20, 3 << 20, 12 << 20, 1 << 20].map { count in
                try communicator.makeTensor(repeating: Int8(1), count: count)
            }
            for tensor in tensors {
                try communicator.allReduce(tensor, .sum)
                #expect(tensor[0] == 2 && tensor[tensor.count - 1] == 2)
            }
            return communicator.statistics[.allReduce][.direct]
        }
        #expect(algorithms == [4, 4])
    }

    @Test func aTensorOutlivesItsCommunicator() throws {
        let tensors = try onThreads(ranks: 2) { communicator in
            let tensor = try communicator.makeTensor(repeating: Float(communicator.rank), count: 5000)
            try communicator.allReduce(tensor, .sum)
            communicator.close()
            return tensor
        }
        for tensor in tensors {
            #expect(tensor.array == [Float](repeating: 1, count: 5000))
            tensor[4999] = 3
        }
        #expect(tensors[0][4999] == 3)
        // In another communicator it is memory like any other.
        let communicator = try Communicator(environment: [:])
        try communicator.allReduce(tensors[0], .sum)
        #expect(tensors[0][0] == 1)
    }

    @Test func differentCountsAreAnErrorOnAllRanks() {
        let outcomes = onThreads(of: InProcessWorld(size: 3), ranks: 0..<3) { communicator in
            _ = try communicator.makeTensor(of: Float.self, count: communicator.rank == 2 ? 6 : 5)
        }
        for outcome in outcomes {
            #expect(collectiveError(outcome)?.code == .mismatch)
            #expect(collectiveError(outcome)?.rank == 2)
            #expect(
                collectiveError(outcome)?.message
                    == "the ranks called different collectives: rank 0 allocation of a tensor of 20 bytes, "
                    + "rank 2 allocation of a tensor of 24 bytes")
        }
    }

    @Test(arguments: [1, 2])
    func aNegativeCountSendsNothing(ranks: Int) throws {
        let counts = try onThreads(ranks: ranks) { communicator in
            for count in [-1, Int.max, Int.min] {
                let error = collectiveError { _ = try communicator.makeTensor(of: Float.self, count: count) }
                #expect(error?.code == .invalidArgument)
                #expect(error?.message == "a tensor can't have \(count) elements")
            }
            return try communicator.makeTensor(of: Float.self, count: 4).count
        }
        #expect(counts.allSatisfy { $0 == 4 })
    }

    @Test func inputAndResultAreTwoTensors() throws {
        _ = try onThreads(ranks: 2) { communicator in
            let tensor = try communicator.makeTensor(of: Float.self, count: 4)
            for call: (Communicator) throws -> Void in [
                { try $0.allReduce(tensor, into: tensor, .sum) }, { try $0.allToAll(tensor, into: tensor) },
                { try $0.allGather(tensor, into: tensor) }, { try $0.reduceScatter(tensor, into: tensor, .sum) },
            ] {
                #expect(collectiveError { try call(communicator) }?.code == .invalidArgument)
            }
            try communicator.barrier()
        }
    }
}
