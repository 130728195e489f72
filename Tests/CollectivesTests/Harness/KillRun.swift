import Platform

/// A group of ranks, one of which is killed at any instant. What is drawn depends on the seed and the number alone, so
/// that a run can be repeated without those before it.
struct KillRun {
    /// What the ranks do meanwhile.
    enum Scene: CaseIterable {
        case joining, calling, splitting
    }

    let scene: Scene
    let size: Int
    let victim: Int
    /// What the calls are made of.
    let trials: UInt64
    /// From the moment in which the ranks are ready, or from their start while they join.
    let delay: Duration

    /// How a run went.
    struct Outcome {
        /// What did not hold.
        var failures: [String] = []
        /// From the kill to the last survivor's end.
        var latest = Duration.zero
    }

    init(seed: UInt64, number: Int) {
        var generator = Seeded(state: seed &+ UInt64(number) &* 0xd134_2543_de82_ef95)
        scene =
            [.joining, .joining, .calling, .calling, .calling, .splitting, .splitting, .splitting]
            .randomElement(using: &generator) ?? .calling
        size = Int.random(in: 2...4, using: &generator)
        victim = Int.random(in: 0..<size, using: &generator)
        trials = UInt64.random(in: 0..<1 << 32, using: &generator)
        let longest =
            switch scene {
            case .joining: 15_000
            case .calling: 20_000
            case .splitting: 30_000
            }
        delay = .microseconds(Int.random(in: 0..<longest, using: &generator))
    }

    /// Starts the ranks, kills one, and looks at what the others say and leave behind.
    func perform() throws -> Outcome {
        let group = RankProcesses()
        // Each call's result is checked; there is no end but the kill.
        try group.start(
            [scene == .splitting ? "splits" : "storm", "\(trials)"], of: size,
            extra: ["FLEXMIG_TIMEOUT": scene == .joining ? "1" : "20"])
        if scene != .joining { try group.read(until: { $0.text.contains("ready") }) }
        pause(for: delay)
        let instant = ContinuousClock.now
        try group.kill(victim)
        try group.finish()

        var outcome = Outcome()
        for (rank, other) in group.ranks.enumerated() where rank != victim {
            let late = other.endedAt.map { $0 - instant } ?? .seconds(1000)
            outcome.latest = max(outcome.latest, late)
            if other.end != .exited(code: 3) || !isRight(other) {
                outcome.failures.append("rank \(rank) ended with \(other.end.map { "\($0)" } ?? "?"): \(other.text)")
            }
            if late >= limit { outcome.failures.append("rank \(rank) knew it after \(late): \(other.text)") }
        }
        if !group.leftovers.isEmpty { outcome.failures.append("left in /dev/shm: \(group.leftovers)") }
        return outcome
    }

    /// A second, and some more for a machine that runs other tests as well. While ranks join, nobody can know a rank
    /// dead that has not: its absence ends the waiting.
    private var limit: Duration { scene == .joining ? .seconds(10) : .seconds(2) }

    /// Whether a survivor said what it must.
    private func isRight(_ other: RankProcesses.Rank) -> Bool {
        if other.error == "rank-died \(victim)" { return true }
        let code = other.error?.prefix { $0 != " " }
        switch scene {
        case .calling: return false
        case .joining: return code == "join-timed-out"
        case .splitting:
            // A group that the victim is not in: there it matters only that another rank has gone because of it.
            let members = other.words(after: "members") ?? []
            return code == "rank-left" && !members.contains("\(victim)")
        }
    }
}

extension KillRun: CustomStringConvertible {
    var description: String { "rank \(victim) of \(size) killed \(delay) into \(scene)" }
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
