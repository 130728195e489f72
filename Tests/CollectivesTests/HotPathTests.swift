import Collectives
import Platform
import Testing

extension ProcessTests {
    /// That a small sum touches nothing but memory: no allocation, and no system call but those of waiting.
    ///
    /// The ranks are processes of their own, because both counts are of a whole process. Allocations are counted by a
    /// malloc of the program's own, which takes the C library's place, so they are exact. System calls are forbidden by
    /// a seccomp filter once the ranks are warm, and every attempt is counted. The filter lets pass what a rank needs
    /// that waits for another one, since on a busy machine one is late at times: sched_yield, futex, and fcntl, which
    /// tells who lives. So this proves that the way of the bytes has no call, and not that a rank never waits.
    @Suite(.serialized) struct HotPath {
        /// Limits so long that nobody looks whether the others live: a look allocates.
        private static let patient = ["FLEXMIG_TIMEOUT": "600", "FLEXMIG_DEATH_TIMEOUT": "600"]

        private func counts(
            floats: Int, memory: String, rounds: Int, task: String = "hot"
        ) throws -> [(allocations: Int, calls: Int, filter: Int)] {
            let group = RankProcesses()
            try group.start([task, "\(floats)", "\(rounds)", memory], of: 2, extra: Self.patient)
            try group.finish()
            return try group.ranks.map { rank in
                let calls = try #require(rank.words(after: "calls")?.compactMap { Int($0) }, "\(rank.text)")
                let allocations = try #require(rank.words(after: "allocations")?.first.flatMap { Int($0) })
                #expect(rank.end == .exited(code: 0))
                return (allocations, calls[0], calls[2])
            }
        }

        @Test(arguments: [2, 256], ["own", "tensor"])
        func aSmallSumAllocatesNothingAndCallsNothing(floats: Int, memory: String) throws {
            for counts in try counts(floats: floats, memory: memory, rounds: 10_000) {
                // -1 under a sanitizer, and an errno where the kernel has no filters: then nothing is proved.
                #expect(counts.allocations <= 0)
                #expect(counts.calls == 0)
            }
        }

        /// The others; in the line of a step or mailbox, and in slots.
        @Test(
            arguments: [2, 256],
            [
                "barrier", "broadcast", "all-gather", "reduce-scatter", "reduce", "gather", "scatter", "all-to-all",
                "send-receive", "messages",
            ])
        func anySmallCallAllocatesNothingAndCallsNothing(floats: Int, call: String) throws {
            for counts in try counts(floats: floats, memory: call, rounds: 2000, task: "hotcall") {
                #expect(counts.allocations <= 0)
                #expect(counts.calls == 0)
            }
        }

        /// That the counting counts: gathering into a new array allocates, and asking for the process's number is a
        /// system call.
        @Test func theCountsAreReal() throws {
            for counts in try counts(floats: 256, memory: "control", rounds: 1000) {
                #expect(counts.allocations >= 1000 || counts.allocations == -1)
                #expect(counts.calls == 1000 || counts.filter != 0)
            }
        }

        /// A rank that waits for two seconds spins and yields for one millisecond of them, and looks ten times.
        @Test func waitingCostsNoProcessorTime() throws {
            let group = RankProcesses()
            try group.start(["wait", "1", "2000"], of: 3)
            try group.finish()
            for rank in [0, 2] {
                let words = try #require(group.ranks[rank].words(after: "waited"), "\(group.ranks[rank].text)")
                #expect(Double(words[0]).map { $0 > 1900 } == true)
                #expect(Int(words[2]).map { $0 < 20_000 } == true, "\(group.ranks[rank].text)")
            }
        }
    }
}
