import Launcher
import Platform
import TestSupport
import Testing

/// The way of the ranks' output to the caller's.
struct OutputRelayTests {
    /// The lines of one rank in what was passed on, without the prefix.
    private func lines(of rank: Int, in output: [UInt8]) -> [ArraySlice<UInt8>] {
        let prefix = Array("[rank \(rank)] ".utf8)
        return output.split(separator: 0x0a, omittingEmptySubsequences: false)
            .filter { $0.starts(with: prefix) }
            .map { $0.dropFirst(prefix.count) }
    }

    @Test func passesLinesOn() throws {
        let harness = try RelayHarness()
        try harness.add(Array("one\ntwo".utf8))
        try harness.finish()
        #expect(harness.result == Array("[rank 0] one\n[rank 0] two\n".utf8))
    }

    @Test func isDoneWithoutRanks() throws {
        let harness = try RelayHarness()
        #expect(harness.relay.isDone)
        #expect(harness.relay.watched.isEmpty)
    }

    @Test func silentRanks() throws {
        let harness = try RelayHarness()
        for _ in 0..<3 { try harness.add([]) }
        #expect(!harness.relay.isDone)
        try harness.finish()
        #expect(harness.result.isEmpty)
    }

    /// Ranks that write at the same time, to one output or to two that are one pipe: no line is torn, lost or doubled, and
    /// each rank's are in its order.
    @Test(arguments: [UInt64(11), 12, 13], [false, true])
    func keepsEachRanksOrder(seed: UInt64, inTwoOutputs: Bool) throws {
        var random = SplitMix(seed: seed)
        let harness = try RelayHarness(seed: random.seed)
        let texts = (0..<5).map { rank in
            (0..<2000).map { line in
                Array("\(rank).\(line) ".utf8) + Array(repeating: 0xff, count: .random(in: 0...300, using: &random))
            }
        }
        for (rank, lines) in texts.enumerated() {
            try harness.add(lines.flatMap { $0 + [0x0a] }, asErrors: inTwoOutputs && !rank.isMultiple(of: 2))
        }
        try harness.finish()
        for (rank, expected) in texts.enumerated() {
            #expect(lines(of: rank, in: harness.result).elementsEqual(expected.map { $0[...] }), "seed \(random.seed)")
        }
        #expect(harness.result.count { $0 == 0x0a } == 5 * 2000)
    }

    /// A rank that never ends its line does not keep the others' lines back, and its own comes in pieces.
    @Test func hugeLineBesideOthers() throws {
        let harness = try RelayHarness()
        try harness.add(Array(repeating: 0x78, count: 200_000))
        try harness.add(Array("short\n".utf8))
        try harness.finish()
        let pieces = lines(of: 0, in: harness.result)
        #expect(pieces.map(\.count) == [65536, 65536, 65536, 200_000 - 3 * 65536])
        #expect(lines(of: 1, in: harness.result) == [Array("short".utf8)[...]])
    }

    /// When nobody reads, the ranks have to wait instead of filling the memory; nothing is lost.
    @Test func waitsForASlowReader() throws {
        let harness = try RelayHarness()
        let bytes = (0..<400_000).flatMap { Array("\($0)\n".utf8) }
        try harness.add(bytes)
        var before = -1
        // Each turn takes at most 20,000 bytes from the rank: after some idle ones the way is full.
        var idle = 0
        while idle < 20 {
            try harness.turn(reads: false)
            idle = harness.unwritten == before ? idle + 1 : 0
            before = harness.unwritten
        }
        let taken = bytes.count - harness.unwritten
        #expect(harness.unwritten > 0)
        // 1 MiB of lines is kept, in which every line has its prefix; the pipes hold 64 KiB each.
        #expect(taken < (1 << 20) + 3 * (1 << 16))
        #expect(harness.relay.watched.map(\.for) == [.writable])
        try harness.finish()
        #expect(harness.result.count == bytes.count + 400_000 * "[rank 0] ".count)
        #expect(lines(of: 0, in: harness.result).count == 400_000)
    }

    /// Nobody reads any more: the ranks are emptied out all the same, so that they don't hang.
    @Test func readerThatIsGone() throws {
        let harness = try RelayHarness()
        try harness.add((0..<100_000).flatMap { Array("\($0)\n".utf8) })
        try harness.turn()
        #expect(!harness.relay.isClosed)
        harness.closeReader()
        while !harness.relay.isClosed { try harness.turn() }
        #expect(harness.relay.failure?.isBrokenPipe == true)
        let read = harness.result.count
        while harness.unwritten > 0 { try harness.turn() }
        #expect(harness.result.count == read)
        while !harness.relay.watched.isEmpty { try harness.turn() }
        #expect(harness.relay.isDone)
    }
}
