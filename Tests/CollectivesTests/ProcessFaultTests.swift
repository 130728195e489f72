import Collectives
import Platform
import Testing

extension ProcessTests {
    /// Ranks that end, stop, or do something else.
    @Suite(.serialized) struct Faults {
        private static let second = Duration.seconds(1)

        private func expectNothingLeft(_ group: RankProcesses, _ location: SourceLocation = #_sourceLocation) {
            #expect(group.leftovers == [], sourceLocation: location)
        }

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

        /// In calls of all kinds, wherever they are just then.
        @Test(arguments: [(2, 1), (3, 0), (4, 2)])
        func aRankKilledInAnyCallIsNamed(ranks: Int, victim: Int) throws {
            for _ in 0..<4 {
                let seed = UInt64.random(in: 0..<1 << 32)
                let group = RankProcesses()
                try group.start(["storm", "\(seed)"], of: ranks)
                try group.read(until: { $0.text.contains("ready") })
                // Any time will do, so it is drawn.
                _ = try group.isSilent(0, for: .milliseconds(Int(seed % 60)))
                let instant = ContinuousClock.now
                try group.kill(victim)
                try group.finish()
                expectDeath(of: victim, in: group, at: instant)
            }
        }

        @Test func aStoppedRankIsWaitedForUntilTheTimeIsUp() throws {
            let group = RankProcesses()
            try group.start(["loop", "1000"], of: 2, extra: ["FLEXMIG_TIMEOUT": "2.5"])
            try group.read(until: { $0.text.contains("ready") })
            let instant = ContinuousClock.now
            try group.ranks[1].process.send(.stop)
            // Longer than a death may take to be known: rank 0 must have nothing to say.
            #expect(try group.isSilent(0, for: .milliseconds(1500)))
            try group.read(until: { $0.process != group.ranks[0].process || $0.error != nil })
            #expect(group.ranks[0].error == "timed-out 1", "\(group.ranks[0].text)")
            #expect(ContinuousClock.now - instant < .seconds(4))
            let process = group.ranks[1].process
            let reason =
                "rank 1 did not come within 2.5 seconds: its process \(process) is stopped; kill -CONT \(process) "
                + "lets it go on; a larger FLEXMIG_TIMEOUT lets the others wait longer"
            #expect(group.ranks[0].text.contains(reason), "\(group.ranks[0].text)")
            // It finds that rank 0 has gone.
            try process.send(.continue)
            try group.finish()
            #expect(group.ranks[1].words(after: "error") != nil, "\(group.ranks[1].text)")
            expectNothingLeft(group)
        }

        @Test func aRankThatDoesSomethingElseIsNamed() throws {
            let group = RankProcesses()
            try group.start(["stall", "1"], of: 3, extra: ["FLEXMIG_TIMEOUT": "1"])
            try group.read(until: { $0.process == group.ranks[1].process || $0.error != nil })
            for rank in [0, 2] {
                #expect(group.ranks[rank].error == "timed-out 1", "\(group.ranks[rank].text)")
                #expect(group.ranks[rank].text.contains("its process \(group.ranks[1].process) sleeps"))
            }
        }

        @Test(arguments: [0, 1])
        func anAbortEndsAllRanks(victim: Int) throws {
            let group = RankProcesses()
            try group.start(["abort", "\(victim)"], of: 3, extra: ["FLEXMIG_TIMEOUT": "5"])
            try group.read(until: { $0.process == group.ranks[2].process || $0.error != nil })
            for rank in [0, 1] {
                #expect(group.ranks[rank].error == "aborted \(victim)", "\(group.ranks[rank].text)")
            }
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
}
