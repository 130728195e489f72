import Collectives
import Platform
import Testing

/// Collectives in the background, with ranks as threads.
struct WorkTests {
    @Test(arguments: [1, 2, 4])
    func severalUnderWayAreRight(ranks: Int) throws {
        let results = try onThreads(ranks: ranks, stageBytes: 4096) { communicator in
            let tensors = try (0..<20).map { number in
                try communicator.makeTensor(repeating: Int32(number + communicator.rank), count: 1 + 300 * number)
            }
            let works = try tensors.map { tensor in
                try communicator.start { communicator throws(CollectiveError) in
                    try communicator.allReduce(tensor, .sum)
                }
            }
            for work in works { try work.wait() }
            #expect(works.allSatisfy { $0.isDone })
            return tensors.map { Set($0.array) }
        }
        let others = Int32((0..<ranks).reduce(0, +))
        for result in results { #expect(result == (0..<20).map { [Int32(ranks * $0) + others] }) }
    }

    /// Without order the ranks would call different collectives.
    @Test func theOrderIsThatOfStarting() throws {
        let log = try onThreads(ranks: 3) { communicator in
            let order = Guarded<[Int]>([])
            for number in 0..<200 {
                _ = try communicator.start { communicator throws(CollectiveError) in
                    var values = [Int32](repeating: Int32(number), count: number)
                    try communicator.broadcast(&values, from: number % 3)
                    order.withLock { $0.append(number) }
                }
            }
            // A direct call comes after all of them.
            try communicator.barrier()
            return order.withLock { $0 }
        }
        #expect(log == [Array(0..<200), Array(0..<200), Array(0..<200)])
    }

    @Test func aDirectCallWaitsForWhatWasStarted() throws {
        let seen = try onThreads(ranks: 2) { communicator in
            let tensor = try communicator.makeTensor(repeating: Float(1), count: 4000)
            return try (0..<50).map { _ in
                _ = try communicator.start { communicator throws(CollectiveError) in
                    try communicator.allReduce(tensor, .max)
                    try communicator.allReduce(tensor, .sum)
                    try communicator.allReduce(tensor, .mean)
                }
                // Not before: until then the tensor is the work's.
                _ = try communicator.allGather([communicator.rank])
                return tensor[3999]
            }
        }
        // Each round doubles it.
        let powers = (1...50).map { Float(sign: .plus, exponent: $0, significand: 1) }
        #expect(seen == [powers, powers])
    }

    @Test func manySmallWorksInALoop() throws {
        let sums = try onThreads(ranks: 2) { communicator in
            let tensor = try communicator.makeTensor(repeating: Int64(1), count: 1)
            for _ in 0..<1000 {
                let work = try communicator.start { communicator throws(CollectiveError) in
                    try communicator.allReduce(tensor, .mean)
                }
                try work.wait()
                tensor[0] += 1
            }
            return tensor[0]
        }
        #expect(sums == [1001, 1001])
    }

    @Test func worksOfSeveralCommunicatorsRunAtTheSameTime() throws {
        let sums = try onThreads(ranks: 3) { communicator in
            let groups = try (0..<3).map { number in
                try #require(try communicator.split(color: 0, key: number * communicator.rank))
            }
            let tensors = try groups.map { try $0.makeTensor(repeating: Int64(1), count: 3000) }
            // Each rank waits for them in another order: only if they run at the same time does this end.
            let works = try groups.indices.map { index in
                let tensor = tensors[index]
                return try groups[index].start { group throws(CollectiveError) in
                    for _ in 0..<20 { try group.allReduce(tensor, .sum); try group.allReduce(tensor, .mean) }
                }
            }
            for turn in 0..<3 { try works[(turn + communicator.rank) % 3].wait() }
            return tensors.map(\.[2999])
        }
        let expected = [Int64](repeating: (0..<20).reduce(1) { value, _ in 3 * value }, count: 3)
        #expect(sums == [expected, expected, expected])
    }

    @Test func anErrorArrivesInWaitAndStays() {
        let world = InProcessWorld(size: 2)
        let outcomes = onThreads(of: world, ranks: 0..<2) { communicator -> [CollectiveError?] in
            if communicator.rank == 1 { return [] }
            let first = try communicator.start { communicator throws(CollectiveError) in try communicator.barrier() }
            let second = try communicator.start { communicator throws(CollectiveError) in try communicator.barrier() }
            return [
                collectiveError { try first.wait() }, collectiveError { try first.wait() },
                collectiveError { try second.wait() }, collectiveError { try communicator.barrier() },
            ]
        }
        guard case .success(let errors) = outcomes[0], let error = errors[0] else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(error.code == .rankLeft)
        #expect(errors == [error, error, error, error])
    }

    @Test func closeWaitsForWhatWasStarted() throws {
        let done = try onThreads(ranks: 2) { communicator in
            let works = try (0..<50).map { _ in
                try communicator.start { communicator throws(CollectiveError) in try communicator.barrier() }
            }
            communicator.close()
            return works.allSatisfy { $0.isDone } && collectiveError { for work in works { try work.wait() } } == nil
        }
        #expect(done == [true, true])
    }

    @Test func aClosedCommunicatorStartsNothing() throws {
        let communicator = try Communicator(environment: [:])
        communicator.close()
        let error = collectiveError { _ = try communicator.start { _ throws(CollectiveError) in } }
        #expect(error?.code == .closed)
    }

    /// The other rank comes only when this test lets it, so the work can't be done before.
    @Test func isDoneTellsWhetherItIsDone() throws {
        let world = InProcessWorld(size: 2)
        let (first, second) = (Communicator(world.transport(of: 0)), Communicator(world.transport(of: 1)))
        let work = try first.start { communicator throws(CollectiveError) in try communicator.barrier() }
        #expect(!work.isDone)
        try second.barrier()
        try work.wait()
        #expect(work.isDone)
    }

    /// The communicator is kept for as long as its work runs, and closed by the thread that lets it go last.
    @Test func aCommunicatorThatNobodyKeepsEndsItsWork() throws {
        for _ in 0..<20 {
            let world = InProcessWorld(size: 2)
            let works = try (0..<2).map { rank in
                try Communicator(world.transport(of: rank)).start { communicator throws(CollectiveError) in
                    var values = [Float](repeating: 1, count: 3000)
                    try communicator.allReduce(&values, .sum)
                }
            }
            for work in works { try work.wait() }
        }
    }

    @Test func anAbortEndsWorkThatWaits() throws {
        let world = InProcessWorld(size: 2)
        let communicator = Communicator(world.transport(of: 0))
        let work = try communicator.start { communicator throws(CollectiveError) in try communicator.barrier() }
        communicator.abortSwitch.abort()
        #expect(collectiveError { try work.wait() }?.code == .aborted)
    }
}
