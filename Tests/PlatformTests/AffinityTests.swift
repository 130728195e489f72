import Platform
import Testing

struct AffinityTests {
    /// On a thread of its own, so that nothing else of the tests stays on that CPU.
    @Test func aThreadStaysOnItsCPU() async throws {
        let allowed = try Affinity.allowed()
        #expect(allowed == allowed.sorted() && !allowed.isEmpty)
        let last = try #require(allowed.last)
        let pinned = try await withCheckedThrowingContinuation { (done: CheckedContinuation<[Int], any Error>) in
            do {
                try startThread {
                    done.resume(
                        with: Result { () throws -> [Int] in
                            try Affinity.pin(to: last)
                            return try Affinity.allowed()
                        })
                }
            } catch {
                done.resume(throwing: error)
            }
        }
        #expect(pinned == [last])
        #expect(try Affinity.allowed() == allowed)
    }

    @Test func aCPUThatIsNotThere() {
        #expect(throws: SystemError.self) { try Affinity.pin(to: 100_000) }
    }

    @Test(arguments: [
        (64, 64, 4, 16), (8, 64, 4, 8), (1, 64, 4, 1), (32, 64, 8, 8), (2, 2, 8, 1), (16, 16, 0, 16), (3, 64, 1, 3),
    ])
    func aRankHasItsSetOrItsPartOfTheMachine(mask: Int, online: Int, ranks: Int, processors: Int) {
        #expect(processorsPerRank(maskSize: mask, onlineProcessors: online, localRanks: ranks) == processors)
    }
}
