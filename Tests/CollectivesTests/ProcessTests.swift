import Collectives
import Glibc
import Platform
import Testing

/// Everything with ranks as real processes, one test after the other: each keeps the processors busy.
@Suite(.serialized) struct ProcessTests {
    private static let second = Duration.seconds(1)

    private func expectNothingLeft(_ group: RankProcesses, _ location: SourceLocation = #_sourceLocation) {
        #expect(group.leftovers == [], sourceLocation: location)
    }

    // MARK: Right results

    @Test(arguments: [1, 2, 4, 8])
    func randomSequencesAreRightAndTheSameBitsEverywhere(ranks: Int) throws {
        let seed = UInt64.random(in: 0..<1 << 32)
        let group = RankProcesses()
        try group.start(["trials", "\(seed)", "60"], of: ranks)
        try group.finish()
        for rank in group.ranks {
            #expect(rank.end == .exited(code: 0), "seed \(seed): \(rank.text)")
            #expect(rank.words(after: "digest") != nil, "seed \(seed)")
            #expect(rank.words(after: "digest") == group.ranks[0].words(after: "digest"), "seed \(seed)")
        }
        expectNothingLeft(group)
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

    // MARK: Deaths and departures

    private func expectDeath(of victim: Int, in group: RankProcesses, at instant: ContinuousClock.Instant) {
        for (rank, other) in group.ranks.enumerated() where rank != victim {
            #expect(other.error == "rank-died \(victim)", "rank \(rank) said \(other.text)")
            #expect(other.endedAt.map { $0 - instant < Self.second } == true, "rank \(rank) was late")
        }
        #expect(group.ranks[victim].end == .signalled(.kill))
        expectNothingLeft(group)
    }

    @Test(arguments: [(2, 0), (2, 1), (4, 0), (4, 3), (8, 5)])
    func aRankKilledInTheMiddleIsNamedByAllOthersWithinASecond(ranks: Int, victim: Int) throws {
        let group = RankProcesses()
        try group.start(["loop", "262144"], of: ranks)
        try group.read(until: { $0.text.contains("ready") })
        let instant = ContinuousClock.now
        try group.kill(victim)
        try group.finish()
        expectDeath(of: victim, in: group, at: instant)
    }

    @Test(arguments: [2, 8])
    func aRankKilledOutsideOfCollectivesIsNamedWithinASecond(ranks: Int) throws {
        let group = RankProcesses()
        try group.start(["stall", "1"], of: ranks)
        try group.read(until: { $0.text.contains("ready") })
        let instant = ContinuousClock.now
        try group.kill(1)
        try group.finish()
        expectDeath(of: 1, in: group, at: instant)
    }

    @Test func aStoppedRankIsWaitedForHoweverLong() throws {
        let group = RankProcesses()
        try group.start(["loop", "1000"], of: 2)
        try group.read(until: { $0.text.contains("ready") })
        try group.ranks[1].process.send(Signal(rawValue: SIGSTOP))
        // Longer than a death may take to be known: rank 0 must have nothing to say.
        #expect(try group.isSilent(0, for: .milliseconds(1500)))
        try group.kill(0)
        try group.kill(1)
        try group.finish()
    }

    @Test(arguments: ["leave", "exit"])
    func aRankThatGoesEarlyIsNamed(how: String) throws {
        let group = RankProcesses()
        try group.start([how, "2"], of: 4)
        try group.finish()
        let expected = how == "leave" ? "rank-left 2" : "rank-died 2"
        for rank in [0, 1, 3] { #expect(group.ranks[rank].error == expected, "\(group.ranks[rank].text)") }
        #expect(group.ranks[2].end == .exited(code: 0))
        expectNothingLeft(group)
    }

    @Test(arguments: [2, 8])
    func differentCallsAreAnErrorOnAllRanks(ranks: Int) throws {
        let group = RankProcesses()
        try group.start(["mismatch", "1"], of: ranks)
        try group.finish()
        for rank in group.ranks { #expect(rank.error == "mismatch 1", "\(rank.text)") }
        expectNothingLeft(group)
    }
}
