import CollectiveTrials
import Collectives
import Testing

/// Smaller communicators, with ranks as threads.
struct SplitTests {
    /// Colors, keys and ranks without a color at random; groups of one; splits of splits; calls on parents and children
    /// by turns.
    @Test(arguments: [1, 2, 3, 8])
    func groupsAreRightAndApart(ranks: Int) throws {
        let seed = UInt64.random(in: 0..<1 << 62)
        do {
            _ = try onThreads(ranks: ranks) { communicator in
                for offset in 0..<8 { try SplitTrial.run(on: communicator, seed: seed + UInt64(offset)) }
            }
        } catch {
            Issue.record("seed \(seed): \(error)")
        }
    }

    @Test func withoutAColorThereIsNoCommunicator() throws {
        let sizes = try onThreads(ranks: 3) { try $0.split(color: nil)?.size }
        #expect(sizes == [nil, nil, nil])
    }

    @Test func aNegativeColorSendsNothing() throws {
        let sizes = try onThreads(ranks: 2) { communicator in
            let error = collectiveError { _ = try communicator.split(color: -1) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message == "a color is 0 or more, not -1")
            return try communicator.split(color: 0)?.size
        }
        #expect(sizes == [2, 2])
    }

    @Test func aGroupOutlivesItsParent() throws {
        let sums = try onThreads(ranks: 3) { communicator in
            let group = try #require(try communicator.split(color: 4, key: -communicator.rank))
            communicator.close()
            var values = [Int32(group.rank)]
            try group.allReduce(&values, .sum)
            return "\(group.rank) \(values)"
        }
        #expect(sums == ["2 [3]", "1 [3]", "0 [3]"])
    }

    /// A fault in one group is none in the other, nor in the parent.
    @Test func faultsStayInTheirGroup() throws {
        let outcomes = try onThreads(ranks: 4) { communicator in
            let group = try #require(try communicator.split(color: communicator.rank % 2))
            var values: [Float] = [1]
            let error = collectiveError {
                if communicator.rank == 1 { try group.barrier() } else { try group.allReduce(&values, .sum) }
            }
            try communicator.barrier()
            return "\(error?.code.description ?? "none") \(values)"
        }
        #expect(outcomes == ["none [2.0]", "mismatch [1.0]", "none [2.0]", "mismatch [1.0]"])
    }

    @Test func aSplitAndAnotherCallDoNotMatch() {
        let outcomes = onThreads(of: InProcessWorld(size: 2), ranks: 0..<2) { communicator in
            if communicator.rank == 0 { try communicator.barrier() } else { _ = try communicator.split(color: 0) }
        }
        for outcome in outcomes {
            #expect(
                collectiveError(outcome)?.message
                    == "the ranks called different collectives: rank 0 barrier, rank 1 split")
        }
    }
}
