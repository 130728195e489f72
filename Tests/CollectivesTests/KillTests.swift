import Collectives
import Foundation
import Platform
import Synchronization
import Testing

extension ProcessTests {
    /// A rank killed at any instruction: while it joins, calls, allocates, or splits.
    ///
    /// The survivors check every result that they are given, so a wrong one would be said. Set by the environment:
    ///
    /// - `FLEXMIG_KILL_RUNS`: how many runs; 40. `make test-long` asks for 10,000.
    /// - `FLEXMIG_KILL_LANES`: how many at the same time; 2. Most of a run is waiting, for a look or for a time limit.
    /// - `FLEXMIG_KILL_SEED`: what they are drawn from, and `FLEXMIG_KILL_RUN`: the only one to do.
    @Suite(.serialized) struct Kills {
        @Test func theOthersAreToldAndNothingIsLeft() throws {
            let seed =
                try Self.setting("FLEXMIG_KILL_SEED", in: 0...Int(UInt32.max)).map { UInt64($0) }
                ?? .random(in: 0..<1 << 32)
            let only = try Self.setting("FLEXMIG_KILL_RUN", in: 0...1_000_000)
            let numbers =
                try only.map { $0..<$0 + 1 } ?? 0..<(Self.setting("FLEXMIG_KILL_RUNS", in: 1...1_000_000) ?? 40)
            let tally = Tally(numbers, seed: seed)
            let lanes = min(numbers.count, try Self.setting("FLEXMIG_KILL_LANES", in: 1...64) ?? 2)
            let running = DispatchGroup()
            for _ in 0..<lanes {
                running.enter()
                Thread {
                    while let number = tally.next() { tally.perform(number) }
                    running.leave()
                }.start()
            }
            running.wait()
            print("kills: \(tally.summary), \(lanes) at the same time")
            for failure in tally.failures { Issue.record("\(failure)") }
            // A test that met only some of them would look as well.
            if numbers.count >= 40 { #expect(tally.scenes == Set(KillRun.Scene.allCases)) }
        }

        private struct BadSetting: Error, CustomStringConvertible { let description: String }

        /// A typing error must not pass for fewer runs.
        private static func setting(_ name: String, in allowed: ClosedRange<Int>) throws -> Int? {
            guard let text = Environment.value(name) else { return nil }
            guard let value = Int(text), allowed.contains(value) else {
                throw BadSetting(description: "\(name) is \"\(text)\"; it is a number in \(allowed)")
            }
            return value
        }
    }
}

/// The runs that are left, and what came of the others. Used by all lanes.
private final class Tally: Sendable {
    private struct Counts {
        var left: Range<Int>
        var done: [KillRun.Scene: Int] = [:]
        var latest: [KillRun.Scene: Duration] = [:]
        var failures: [String] = []
    }
    private let counts: Mutex<Counts>
    private let seed: UInt64
    private let total: Int
    private let beginning = ContinuousClock.now

    /// After so many the rest would say nothing new.
    private static let mostFailures = 20

    init(_ numbers: Range<Int>, seed: UInt64) {
        counts = Mutex(Counts(left: numbers))
        total = numbers.count
        self.seed = seed
    }

    func next() -> Int? {
        counts.withLock { counts in
            counts.failures.count < Self.mostFailures ? counts.left.popFirst() : nil
        }
    }

    func perform(_ number: Int) {
        let run = KillRun(seed: seed, number: number)
        let outcome = Result { try run.perform() }
        counts.withLock { counts in
            counts.done[run.scene, default: 0] += 1
            let comment = "FLEXMIG_KILL_SEED=\(seed) FLEXMIG_KILL_RUN=\(number), \(run)"
            switch outcome {
            case .success(let outcome):
                counts.latest[run.scene] = max(counts.latest[run.scene] ?? .zero, outcome.latest)
                counts.failures += outcome.failures.map { "\(comment): \($0)" }
            case .failure(let error): counts.failures.append("\(comment): \(error)")
            }
        }
        let done = counts.withLock { $0.done.values.reduce(0, +) }
        if done % 500 == 0 { print("kills: \(summary)") }
    }

    var scenes: Set<KillRun.Scene> { counts.withLock { Set($0.done.keys) } }
    var failures: [String] { counts.withLock { $0.failures } }

    var summary: String {
        let counts = counts.withLock { $0 }
        let scenes = KillRun.Scene.allCases.map { scene in
            let latest = Int((counts.latest[scene] ?? .zero) / .milliseconds(1))
            return "\(counts.done[scene] ?? 0) \(scene) (latest survivor after \(latest) ms)"
        }
        let seconds = beginning.duration(to: .now) / .seconds(1)
        return "\(counts.done.values.reduce(0, +)) of \(total) runs: \(scenes.joined(separator: ", ")); "
            + "\(counts.failures.count) failures, seed \(seed), \(Int(seconds)) s"
    }
}
