import NCCLTransport
import Testing

struct RankProcessorsTests {
    private func processors(_ numbers: Range<Int>, of online: Int = 64) -> RankProcessors {
        RankProcessors(Array(numbers), online: online)
    }

    /// CollNet: the sets of all ranks are known.
    @Test(arguments: [
        ("all may use all", [0..<64, 0..<64, 0..<64, 0..<64], 16, 64),
        ("each has eight cores", [0..<8, 8..<16, 16..<24, 24..<32], 8, 32),
        ("each is pinned to one", [0..<1, 1..<2, 2..<3, 3..<4], 1, 4),
        ("two near each of two GPUs", [0..<32, 0..<32, 32..<64, 32..<64], 16, 64),
        ("a container of eight", [8..<16, 8..<16, 8..<16, 8..<16], 2, 8),
        ("more ranks than processors", [Range<Int>](repeating: 0..<2, count: 8), 1, 2),
    ])
    func aRankSharesWithThoseThatHaveTheSameSet(what: String, sets: [Range<Int>], share: Int, total: Int) {
        let ranks = sets.map { processors($0) }
        let marks = ranks.map(\.mark)
        for rank in ranks {
            #expect(rank.share(among: marks) == share, "\(what)")
            #expect(rank.total(among: marks) == total, "\(what)")
        }
    }

    /// NET: the set of one peer is known when the first connection is made.
    @Test(arguments: [
        ("all may use all", 0..<64, 0..<64, 16, 4), ("each has eight cores", 0..<8, 8..<16, 8, 4),
        ("each is pinned to one", 0..<1, 1..<2, 1, 0), ("two near each of two GPUs", 0..<32, 32..<64, 16, 4),
        ("a container of eight", 8..<16, 8..<16, 2, 0),
    ])
    func workersFollowFromOnePeer(what: String, own: Range<Int>, peer: Range<Int>, share: Int, workers: Int) throws {
        let (own, peer) = (processors(own), processors(peer))
        #expect(own.share(beside: peer.mark, localRanks: 4) == share, "\(what)")
        let settings = try TransportSettings(environment: ["FLEXMIG_LOCAL_WORLD_SIZE": "4"])
        #expect(WorkerPlan(own, peer: peer.mark, settings).count == workers, "\(what)")
    }

    @Test func setsAreToldApart() {
        let marks = (0..<64).flatMap { first in (first + 1...64).map { processors(first..<$0).mark } }
        #expect(Set(marks).count == marks.count && processors(3..<9).mark == processors(3..<9).mark)
    }

    @Test func thisProcessHasSome() {
        let own = RankProcessors.current()
        #expect(own.count >= 1 && own.count <= own.online)
    }
}
