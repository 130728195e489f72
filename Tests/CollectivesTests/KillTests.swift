import Collectives
import Foundation
import Platform
import Testing

extension ProcessTests {
    /// A rank killed at any instruction: while it joins, sums, or allocates.
    ///
    /// The survivors check every result that they are given, so a wrong one would be said. `FLEXMIG_KILL_RUNS` sets how
    /// many runs; `make test-long` asks for 10,000.
    @Suite(.serialized) struct Kills {
        private static let runs = Environment.value("FLEXMIG_KILL_RUNS").flatMap { Int($0) } ?? 40

        @Test func theOthersAreToldAndNothingIsLeft() throws {
            let seed = Environment.value("FLEXMIG_KILL_SEED").flatMap { UInt64($0) } ?? .random(in: 0..<1 << 32)
            var generator = Seeded(state: seed)
            var met = 0
            for run in 0..<Self.runs {
                let comment = Comment(rawValue: "seed \(seed), run \(run)")
                let size = Int.random(in: 2...4, using: &generator)
                let victim = Int.random(in: 0..<size, using: &generator)
                let trials = UInt64.random(in: 0..<1 << 32, using: &generator)
                // Two thirds once all have joined, the others while they do.
                let isJoined = Int.random(in: 0..<3, using: &generator) > 0
                let microseconds = Int.random(in: 0..<(isJoined ? 20_000 : 15_000), using: &generator)

                let group = RankProcesses()
                // Each trial's result is checked; there is no end but the kill.
                try group.start(["storm", "\(trials)"], of: size, extra: ["FLEXMIG_TIMEOUT": isJoined ? "20" : "1"])
                if isJoined { try group.read(until: { $0.text.contains("ready") }) }
                pause(for: .microseconds(microseconds))
                let instant = ContinuousClock.now
                try group.kill(victim)
                try group.finish()

                for (rank, other) in group.ranks.enumerated() where rank != victim {
                    #expect(other.words(after: "wrong") == nil, "\(other.text)", sourceLocation: #_sourceLocation)
                    #expect(other.end == .exited(code: 3), comment)
                    let late = other.endedAt.map { $0 - instant } ?? .seconds(1000)
                    if isJoined {
                        // A second, and some more for a machine that runs other tests as well.
                        #expect(late < .seconds(2), comment)
                        #expect(other.error == "rank-died \(victim)", "\(comment): \(other.text)")
                        met += 1
                    } else {
                        // Before it joined nobody can know it dead: its absence ends the waiting.
                        #expect(late < .seconds(10), comment)
                        #expect(["rank-died", "join-timed-out"].contains(other.error?.prefix { $0 != " " }), comment)
                    }
                }
                #expect(group.leftovers == [], comment)
            }
            #expect(met > 0)
        }
    }
}

private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
