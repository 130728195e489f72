import Launcher
import Platform
import TestSupport

/// An `OutputRelay` between ranks that write and somebody who reads, all in this thread; nothing here ever blocks.
final class RelayHarness {
    let relay: OutputRelay
    /// What the reader has got.
    private(set) var result: [UInt8] = []
    private var reader: Descriptor?
    private let output: Descriptor
    /// The same pipe under another number, as after `2>&1`.
    private let errors: Descriptor
    private var ranks: [RankOutput] = []
    private var random: SplitMix
    private var turns = 0

    /// What a rank has still to write, and where.
    private final class RankOutput {
        var pipe: Descriptor?
        var rest: ArraySlice<UInt8>

        init(_ pipe: consuming Descriptor, _ bytes: [UInt8]) {
            self.pipe = consume pipe
            rest = bytes[...]
        }
    }

    init(seed: UInt64 = 1) throws {
        // Writing to a pipe without a reader is an error then, as it is in the supervisor.
        Signal.pipe.ignore()
        let pipe = try Pipe()
        try pipe.readEnd.setNonBlocking()
        reader = consume pipe.readEnd
        output = pipe.writeEnd
        errors = try output.duplicate()
        relay = OutputRelay(targets: [output.number, errors.number])
        random = SplitMix(seed: seed)
    }

    /// Adds a rank that writes these bytes, in parts of random size, and closes its output.
    ///
    /// - Parameter asErrors: to the second of the two outputs, which are one pipe.
    func add(_ bytes: [UInt8], asErrors: Bool = false) throws {
        let pipe = try Pipe()
        try pipe.writeEnd.setNonBlocking()
        ranks.append(RankOutput(pipe.writeEnd, bytes))
        try relay.add(pipe.readEnd, rank: ranks.count - 1, to: asErrors ? errors.number : output.number)
    }

    /// Bytes that the ranks could not write yet.
    var unwritten: Int { ranks.reduce(0) { $0 + $1.rest.count } }

    /// One turn of the supervisor's loop, after the ranks have written what fits, and before the reader reads.
    ///
    /// - Throws: `TimedOut` when a test has taken so many turns that it must be going round in circles.
    func turn(reads: Bool = true) throws {
        turns += 1
        if turns > 1_000_000 { throw TimedOut() }
        for rank in ranks.shuffled(using: &random) { try write(rank) }
        let watched = relay.watched
        var ready: [CInt: Readiness] = [:]
        for (entry, seen) in zip(watched, try poll(watched, timeout: .zero)) { ready[entry.descriptor] = seen }
        try relay.pump(ready)
        if reads { try read() }
    }

    /// Turns until everything has been passed on and read.
    func finish() throws {
        while !relay.isDone { try turn() }
        try read()
    }

    func closeReader() { reader = nil }

    private func write(_ rank: RankOutput) throws {
        let part = rank.rest.prefix(.random(in: 1...20_000, using: &random))
        do throws(SystemError) {
            if part.isEmpty { rank.pipe = nil }
            if let count = try rank.pipe?.write(some: part) { rank.rest = rank.rest.dropFirst(count) }
        } catch {
            if !error.isTryAgain { throw error }
        }
    }

    private func read() throws {
        do throws(SystemError) {
            while let bytes = try reader?.read(upTo: 1 << 16) { result += bytes }
        } catch {
            if !error.isTryAgain { throw error }
        }
    }
}
