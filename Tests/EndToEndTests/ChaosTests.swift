import Foundation
import Platform
import SimulatedDriver
import Testing

/// Starts jobs at random times with random sizes on one node and kills a third of them somewhere with -9.
///
/// Runs as long as FLEXMIG_CHAOS_SECONDS says (180 in `make test`, more in `make test-long`), from the seed in
/// FLEXMIG_CHAOS_SEED or a new one, which is printed.
@Suite struct ChaosTests {
    static let seconds = Environment.value("FLEXMIG_CHAOS_SECONDS").flatMap { Double($0) } ?? 20

    @Test(.timeLimit(.minutes(90))) func nothingIsEverLeftOrShared() throws {
        let seed = Environment.value("FLEXMIG_CHAOS_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
        print("chaos: seed \(seed), \(Self.seconds) s; again with FLEXMIG_CHAOS_SEED=\(seed)")
        var chaos = Chaos(node: try TestNode(), random: SplitMix64(state: seed))
        try chaos.run(for: .seconds(Self.seconds))
        print("chaos: \(chaos.summary)")
        // After both guardians of a job were killed, the next command on the node cleans up.
        let last = try chaos.node.flexmig("run", "--leaves", "1", "--wait", "--", "true")
        #expect(last.exitCode == 0, "\(last)")
        try chaos.node.expectClean(within: .seconds(60))
        // A run in which nothing was started, killed or computed would prove nothing.
        #expect(chaos.started > 5 && chaos.finished[0, default: 0] > 0)
        #expect(chaos.kills.values.reduce(0, +) * 3 >= chaos.started, "fewer than a third were killed")
        #expect(try chaos.node.contextsOpened() > 10)
    }
}

private struct Chaos {
    enum Victim: String, CaseIterable { case launcher, supervisor, rank, child, launcherAndSupervisor }

    let node: TestNode
    var random: SplitMix64
    var started = 0
    /// By exit code.
    var finished: [Int: Int] = [:]
    var kills: [Victim: Int] = [:]

    private struct Job {
        let program: RunningProgram
        let killAt: ContinuousClock.Instant?
        let victim: Victim
        var isKilled = false
    }
    private var jobs: [Job] = []

    init(node: TestNode, random: SplitMix64) {
        self.node = node
        self.random = random
    }

    var summary: String {
        let codes = finished.sorted { $0.key < $1.key }.map { "\($0.value) x code \($0.key)" }.joined(separator: ", ")
        let killed = kills.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.value) \($0.key.rawValue)" }
        return "\(started) jobs started; ended: \(codes); killed: \(killed.joined(separator: ", "))"
    }

    mutating func run(for duration: Duration) throws {
        let end = ContinuousClock.now + duration
        var nextStart = ContinuousClock.now
        while ContinuousClock.now < end || !jobs.isEmpty {
            if ContinuousClock.now < end, jobs.count < 6, ContinuousClock.now >= nextStart {
                try startJob()
                nextStart = .now + .milliseconds(Int.random(in: 0...400, using: &random))
            }
            try killSome()
            try collect(limit: end + .seconds(60))
            pause(for: .milliseconds(5))
        }
    }

    private mutating func startJob() throws {
        let leaves = Int.random(in: 1...7, using: &random)
        var options = ["run", "--leaves", "\(leaves)", "--grace", "0.5s"]
        if Bool.random(using: &random) { options.append("--wait") }
        if Bool.random(using: &random) { options.append("--spread") }
        let seconds = Double.random(in: 0...1.5, using: &random)
        var rank = ["--", Program.jobRank, "--seconds", "\(seconds)"]
        if Int.random(in: 0..<3, using: &random) == 0 {
            rank += ["--children", "\(Int.random(in: 1...2, using: &random))"]
            if Bool.random(using: &random) { rank.append("--children-in-own-session") }
            if Bool.random(using: &random) { rank.append("--orphans") }
            if Bool.random(using: &random) { rank.append("--stubborn") }
        }
        if Int.random(in: 0..<8, using: &random) == 0 { rank += ["--failing-rank", "0", "--exit-code", "3"] }
        // Most are chosen, because many of those have ended or been refused when their time comes.
        let isVictim = Int.random(in: 0..<5, using: &random) > 0
        let killAt = Int.random(in: 20...Int(seconds * 800) + 60, using: &random)
        let victim = Victim.allCases.randomElement(using: &random) ?? .rank
        jobs.append(
            Job(
                program: try node.start(options + rank), killAt: isVictim ? .now + .milliseconds(killAt) : nil,
                victim: victim))
        started += 1
    }

    private mutating func killSome() throws {
        for index in jobs.indices {
            guard let killAt = jobs[index].killAt, !jobs[index].isKilled, killAt <= .now else { continue }
            jobs[index].isKilled = true
            let targets = try targets(of: jobs[index])
            if targets.isEmpty { continue }
            for target in targets { try target.send(.kill) }
            kills[jobs[index].victim, default: 0] += 1
        }
    }

    /// The processes to kill; none when the job has none of the kind at this moment.
    private mutating func targets(of job: Job) throws -> [ProcessID] {
        let launcher = job.program.process
        if pollIsOver(job.program) { return [] }
        if job.victim == .launcher { return [launcher] }
        guard let supervisor = node.supervisor(of: launcher) else { return [] }
        if job.victim == .supervisor { return [supervisor] }
        if job.victim == .launcherAndSupervisor { return [launcher, supervisor] }
        let ranks = node.ranks(of: supervisor)
        if job.victim == .rank { return ranks.randomElement(using: &random).map { [$0] } ?? [] }
        let all = ProcessTable.descendants(of: supervisor).map(\.process)
        return all.randomElement(using: &random).map { [$0] } ?? []
    }

    private func pollIsOver(_ program: RunningProgram) -> Bool {
        program.end != nil || ProcessTable.row(of: program.process)?.isZombie ?? true
    }

    private mutating func collect(limit: ContinuousClock.Instant) throws {
        var running: [Job] = []
        for job in jobs {
            if pollIsOver(job.program) || ContinuousClock.now > limit {
                let outcome = try job.program.wait(limit: .seconds(1))
                finished[outcome.exitCode, default: 0] += 1
                let expected: Set = job.isKilled ? [0, 3, 75, 137] : [0, 3, 75]
                #expect(expected.contains(outcome.exitCode), "\(outcome)")
            } else {
                running.append(job)
            }
        }
        jobs = running
    }
}

/// A small generator with a printable seed (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
