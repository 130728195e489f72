import Platform
import Synchronization
import Testing

/// Doorbells between threads, threads, and the memory of processes.
struct SharedWaitingTests {
    /// Two threads that hand a turn to each other; a lost ring would cost the test its minute.
    private final class Game: Sendable {
        static let rounds = 20_000
        private let bell = ProcessDoorbell()
        private let turn = Atomic<Int>(0)

        func play(_ own: Int) {
            for round in 0..<Self.rounds { wait(for: 2 * round + own) }
        }

        func waitForEnd() { while count != 2 * Self.rounds { yieldProcessor() } }
        var count: Int { turn.load(ordering: .acquiring) }

        private func wait(for number: Int) {
            while true {
                let rung = bell.count
                if count == number { break }
                bell.sleep(since: rung, atMost: .seconds(60))
            }
            turn.wrappingAdd(1, ordering: .releasing)
            bell.ring()
        }
    }

    @Test func aRingAfterTheReadIsNeverLost() throws {
        let game = Game()
        let clock = ContinuousClock()
        let beginning = clock.now
        try startThread { game.play(1) }
        game.play(0)
        game.waitForEnd()
        #expect(game.count == 2 * Game.rounds)
        #expect(beginning.duration(to: clock.now) < .seconds(50))
    }

    @Test func sleepsNoLongerThanAsked() {
        let bell = ProcessDoorbell()
        let count = bell.count
        let clock = ContinuousClock()
        let beginning = clock.now
        bell.sleep(since: count, atMost: .milliseconds(20))
        #expect(beginning.duration(to: clock.now) < .seconds(10))
        bell.ring()
        bell.sleep(since: count, atMost: .seconds(600))
    }

    @Test func readsMemoryOfAProcess() throws {
        let source = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var copy = [UInt8](repeating: 0, count: source.count)
        try unsafe source.withUnsafeBytes { source in
            try unsafe copy.withUnsafeMutableBytes { copy in
                guard let from = source.baseAddress, let to = copy.baseAddress else { return }
                try unsafe ProcessMemory.read(
                    .current, at: UInt64(UInt(bitPattern: from)), into: to, count: copy.count)
            }
        }
        #expect(copy == source)
        let nowhere = Result { () throws(SystemError) in
            var word: UInt64 = 0
            try unsafe ProcessMemory.read(.current, at: 8, into: &word, count: 8)
        }
        guard case .failure(let error) = nowhere else { return #expect(Bool(false), "there is no memory at 8") }
        #expect(error.call == "process_vm_readv")
    }

    @Test func seesHugePagesInTheMap() {
        let map = """
            10000-20000 rw-p 00000000 00:00 0
            Rss:                  64 kB
            AnonHugePages:         0 kB
            200000-800000 rw-p 00000000 00:00 0   [heap]
            Size:               6144 kB
            Rss:                6144 kB
            AnonHugePages:      4096 kB
            900000-a00000 rw-p 00000000 00:00 0
            Rss:                1024 kB
            """
        #expect(ProcessMemory.isInHugePages(0x300000, smaps: map))
        for address: UInt64 in [0x10000, 0x1ffff, 0x20000, 0x800000, 0x900000, 0] {
            #expect(!ProcessMemory.isInHugePages(address, smaps: map))
        }
        #expect(!ProcessMemory.isInHugePages(0x300000, smaps: "gibberish\n\n- -"))
    }
}
