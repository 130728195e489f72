import Collectives
import Testing

/// Which way stores go: learned from a machine that is a pair of times.
struct StorePolicyTests {
    private static let size = StorePolicy.SizeClass(bytes: 1 << 20, .shown)

    /// A machine on which a call takes that long, and a policy that runs calls on it.
    private struct Machine {
        var policy = StorePolicy()
        var isStreaming = false
        var cached: Float
        var streaming: Float
        var streamedCalls = 0

        mutating func run(_ calls: Int) {
            streamedCalls = 0
            for call in 0..<calls {
                guard policy.times(StorePolicyTests.size) else { continue }
                // Now and then the operating system takes the processor away.
                let noise: Float = call % 37 == 0 ? 5 : 1
                policy.record(
                    StorePolicyTests.size, streamed: isStreaming, time: (isStreaming ? streaming : cached) * noise)
                if isStreaming { streamedCalls += 1 }
                isStreaming = policy.next(StorePolicyTests.size)
            }
        }
    }

    /// All ranks learn the ways of all size classes from one word.
    @Test func aWordHasABitForEachClass() {
        for kind in StorePolicy.SizeClass.Kind.allCases {
            #expect(StorePolicy.SizeClass(bytes: 1 << 40, kind).number < UInt64.bitWidth)
        }
    }

    @Test func triesBothAndKeepsTheFasterWay() {
        var together = Machine(cached: 1, streaming: 3)
        together.run(20)
        #expect(together.streamedCalls >= 1)
        together.run(1000)
        #expect(together.streamedCalls <= 50)

        var apart = Machine(cached: 8, streaming: 1)
        apart.run(20)
        apart.run(1000)
        #expect(apart.streamedCalls >= 950)
    }

    @Test func triesTheSlowerWayTheMoreRarelyTheSlowerItIs() {
        for factor: Float in [1.5, 3, 10, 100] {
            var machine = Machine(cached: 1, streaming: factor)
            machine.run(20)
            machine.run(20_000)
            let extra = Float(machine.streamedCalls) * (factor - 1) / 20_000
            #expect(machine.streamedCalls >= 20_000 / 512 - 1)
            // A hundred times slower, the longest interval costs more than a fortieth.
            #expect(extra < (factor < 15 ? 0.05 : 0.25), "\(factor)")
        }
    }

    @Test func followsTheMachineWhenItChanges() {
        var machine = Machine(cached: 1, streaming: 3)
        machine.run(20_000)
        // The cores are no longer neighbours.
        (machine.cached, machine.streaming) = (10, 2)
        machine.run(600)
        machine.run(1000)
        #expect(machine.streamedCalls >= 900)
        // And back.
        (machine.cached, machine.streaming) = (1, 3)
        machine.run(600)
        machine.run(1000)
        #expect(machine.streamedCalls <= 100)
    }

    @Test func sizesAndKindsLearnApart() {
        let classes = [2048, 4096, 1 << 20, 1 << 30].flatMap { bytes in
            StorePolicy.SizeClass.Kind.allCases.map { StorePolicy.SizeClass(bytes: bytes, $0) }
        }
        #expect(Set(classes).count == classes.count)
        #expect(
            StorePolicy.SizeClass(bytes: 5000, .direct) == StorePolicy.SizeClass(bytes: 8000, .direct))
        // All numbers fit into the 64 bits that rank 0 shows.
        for bytes in [0, 1, 2048, Int.max] {
            #expect((0..<64).contains(StorePolicy.SizeClass(bytes: bytes, .direct).number))
        }
    }
}
