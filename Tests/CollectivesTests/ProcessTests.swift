import Collectives
import Platform
import Testing

/// Everything with ranks as real processes, one test after the other: each keeps the processors busy.
@Suite(.serialized) struct ProcessTests {
    private func expectNothingLeft(_ group: RankProcesses, _ location: SourceLocation = #_sourceLocation) {
        #expect(group.leftovers == [], sourceLocation: location)
    }

    // MARK: Right results

    /// Expects that all ranks came to the same results.
    private func expectSuccess(_ group: RankProcesses, seed: UInt64 = 0) {
        for rank in group.ranks {
            #expect(rank.end == .exited(code: 0), "seed \(seed): \(rank.text)")
            #expect(rank.text == group.ranks[0].text && !rank.text.isEmpty, "seed \(seed)")
        }
        expectNothingLeft(group)
    }

    @Test(arguments: [1, 2, 3, 4, 8], [nil, 4096])
    func randomSequencesAreRightAndTheSameBitsEverywhere(ranks: Int, stageBytes: Int?) throws {
        let seed = UInt64.random(in: 0..<1 << 32)
        let bytes = stageBytes ?? RegionLayout.defaultStageBytes(worldSize: ranks)
        let group = RankProcesses()
        try group.start(
            ["trials", "\(seed)", stageBytes == nil ? "25" : "150", "\(bytes)"], of: ranks,
            extra: stageBytes.map { ["FLEXMIG_STAGE_BYTES": "\($0)"] } ?? [:])
        try group.finish()
        expectSuccess(group, seed: seed)
    }

    /// A share that one rank has reduced is another one's result, so the vector units must not show. One that a processor
    /// lacks gives way to its best.
    @Test func ranksWithDifferentVectorUnitsGetTheSameBits() throws {
        let seed = UInt64.random(in: 0..<1 << 32)
        let group = RankProcesses()
        for (rank, unit) in ["baseline", "avx2", "avx512"].enumerated() {
            try group.start(
                ["trials", "\(seed)", "40", "65536"], of: 3, only: [rank],
                extra: ["FLEXMIG_VECTOR": unit, "FLEXMIG_STAGE_BYTES": "65536"])
        }
        try group.finish()
        expectSuccess(group, seed: seed)
    }

    /// Large enough for a single copy by the kernel, where that is possible and pays.
    @Test(arguments: ["on", "off"])
    func largeTensorsAreRight(singleCopy: String) throws {
        let group = RankProcesses()
        try group.start(["large", "\(4 << 20)"], of: 3, extra: ["FLEXMIG_SINGLE_COPY": singleCopy])
        try group.finish()
        expectSuccess(group)
    }

    @Test(arguments: [2, 3, 4, 8])
    func splitsAreRightAndLeaveNothing(ranks: Int) throws {
        let seed = UInt64.random(in: 0..<1 << 32)
        let group = RankProcesses()
        try group.start(["split", "\(seed)"], of: ranks)
        try group.finish()
        expectSuccess(group, seed: seed)
    }

    @Test(arguments: [2, 4])
    func worksInTheBackgroundAreRight(ranks: Int) throws {
        let group = RankProcesses()
        try group.start(["works", "30"], of: ranks)
        try group.finish()
        #expect(group.ranks.map(\.text) == [String](repeating: "ok\n", count: ranks))
        expectSuccess(group)
    }

    @Test func severalCommunicatorsOfAProcessAreApart() throws {
        let group = RankProcesses()
        try group.start(["pair"], of: 3)
        try group.finish()
        #expect(group.ranks.map(\.text) == ["ok\n", "ok\n", "ok\n"])
        expectNothingLeft(group)
    }

    @Test func theNameIsGoneAsSoonAsAllHaveJoined() throws {
        let group = RankProcesses()
        try group.start(["stall", "1"], of: 2)
        try group.read(until: { $0.text.contains("ready") })
        expectNothingLeft(group)
    }

    /// Whoever sees that all have joined removes the name: rank 0 may be stopped, or killed, just then.
    @Test func theNameIsGoneThoughRank0IsStopped() throws {
        let group = RankProcesses()
        try group.start(["stall", "1"], of: 2, only: [0])
        try group.waitUntilAttached(1)
        try group.ranks[0].process.send(.stop)
        try group.start(["stall", "1"], of: 2, only: [1], extra: ["FLEXMIG_DEBUG": "info"], withErrors: true)
        try group.read(until: { $0.process == group.ranks[0].process || $0.text.contains(" joined ") })
        #expect(group.ranks[1].text.contains("rank 1/2 joined"))
        #expect(group.leftovers == [])
        try group.kill(0)
        try group.kill(1)
        try group.finish()
    }
}
