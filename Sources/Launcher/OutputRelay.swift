import Platform

/// Cuts a rank's output into lines and puts the rank before each.
///
/// A carriage return ends a line too, so that progress bars show; a line longer than 64 KiB is cut.
package struct LinePrefixer: Sendable {
    private let prefix: [UInt8]
    private var line: [UInt8] = []
    private var lastEnd = LineEnd.lineFeed
    private static let longest = 65536

    private enum LineEnd { case lineFeed, carriageReturn, cut }

    package init(rank: Int) { prefix = Array("[rank \(rank)] ".utf8) }

    /// The complete lines in what came so far.
    package mutating func add(_ bytes: [UInt8]) -> [UInt8] {
        var complete: [UInt8] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n"), line.isEmpty, lastEnd != .lineFeed {
                // It ends the line before, not an empty one of its own; a cut line was given its end already.
                if lastEnd == .carriageReturn { complete.append(byte) }
                lastEnd = .lineFeed
                continue
            }
            line.append(byte)
            switch byte {
            case UInt8(ascii: "\n"): lastEnd = .lineFeed
            case UInt8(ascii: "\r"): lastEnd = .carriageReturn
            default:
                if line.count < Self.longest { continue }
                lastEnd = .cut
            }
            complete += prefix + line
            if lastEnd == .cut { complete.append(UInt8(ascii: "\n")) }
            line.removeAll(keepingCapacity: true)
        }
        return complete
    }

    /// What is left at the end, as a line.
    package mutating func finish() -> [UInt8] {
        if line.isEmpty { return [] }
        defer { line = [] }
        return prefix + line + [UInt8(ascii: "\n")]
    }
}

/// Passes the ranks' output on to this process's own, line by line, without ever blocking.
///
/// A pipe that is reported writable takes `PIPE_BUF` bytes at once, so writes are no longer than that. They end with a
/// line, unless one line is longer: both outputs may be one pipe, and what goes to the other comes between two writes.
/// When nobody reads, the ranks' pipes fill up and the ranks wait, as they would at a terminal.
package final class OutputRelay {
    /// Where a stream goes: 1 is standard output, 2 standard error.
    package typealias Target = CInt

    private struct Source {
        let pipe: SourcePipe
        let target: Target
        var prefixer: LinePrefixer
    }

    /// Boxed, because a descriptor can't be copied into an array.
    private final class SourcePipe {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    private var sources: [Source] = []
    private let targets: [Target]
    /// The same outputs, opened so that writing never blocks; where that can't be, the outputs themselves.
    private var outputs: [Target: SourcePipe] = [:]
    private var waiting: [Target: WaitingBytes] = [:]
    /// Outputs that can't be written to any more; what is for them is dropped.
    private var closed: Set<Target> = []
    /// Why the first of them can't.
    package private(set) var failure: SystemError?
    package var isClosed: Bool { failure != nil }
    private static let mostWaiting = 1 << 20
    private static let atOnce = 4096

    package init(targets: [Target] = [1, 2]) {
        self.targets = targets
        for target in targets {
            if let own = Descriptor.nonBlockingOutput(like: target) { outputs[target] = SourcePipe(own) }
        }
    }

    /// Queues a line of this process's own behind what the ranks have said.
    package func say(_ line: String) { append(Array((line + "\n").utf8), to: targets.last ?? 2) }

    private func number(of target: Target) -> CInt { outputs[target]?.descriptor.number ?? target }

    /// Adds the reading end of a rank's output.
    package func add(_ pipe: consuming Descriptor, rank: Int, to target: Target) throws(SystemError) {
        try pipe.setNonBlocking()
        sources.append(Source(pipe: SourcePipe(pipe), target: target, prefixer: LinePrefixer(rank: rank)))
    }

    /// Whether everything that was written has been passed on and every writer has closed.
    package var isDone: Bool { sources.isEmpty && waiting.values.allSatisfy(\.isEmpty) }

    /// What to wait for: the pipes while there is room, and the outputs while there is something for them.
    package var watched: [(descriptor: CInt, for: Readiness)] {
        let readable = sources.filter { (waiting[$0.target]?.count ?? 0) < Self.mostWaiting }
        return readable.map { ($0.pipe.descriptor.number, .readable) }
            + waiting.filter { !$0.value.isEmpty }.map { (number(of: $0.key), .writable) }
    }

    /// Reads and writes what can be without waiting.
    package func pump(_ ready: [CInt: Readiness]) throws(SystemError) {
        for target in targets {
            let output = number(of: target)
            guard let seen = ready[output], !seen.isEmpty, let bytes = waiting[target], !bytes.isEmpty else { continue }
            do throws(SystemError) {
                let count = try writeSome(bytes.lines(atMost: Self.atOnce), to: output)
                waiting[target]?.remove(count)
            } catch {
                // EAGAIN: somebody else shares the output and was faster.
                if error.isTryAgain { continue }
                failure = failure ?? error
                closed.insert(target)
                waiting[target] = nil
            }
        }
        var open: [Source] = []
        for var source in sources {
            let seen = ready[source.pipe.descriptor.number] ?? []
            guard !seen.isEmpty else {
                open.append(source)
                continue
            }
            do throws(SystemError) {
                if let bytes = try source.pipe.descriptor.read(upTo: 65536) {
                    append(source.prefixer.add(bytes), to: source.target)
                    open.append(source)
                } else {
                    append(source.prefixer.finish(), to: source.target)
                }
            } catch {
                guard error.isTryAgain else { throw error }
                open.append(source)
            }
        }
        sources = open
    }

    /// Takes what is in the pipes now and closes them: no process of the job is left, and what another process may still
    /// write into a pipe that it got hold of is not the job's.
    package func stopReading() throws(SystemError) {
        for var source in sources {
            // A pipe holds 64 KiB, or what a privileged process made it hold: no more is the job's.
            var most = 1 << 20
            while most > 0 {
                do throws(SystemError) {
                    guard let bytes = try source.pipe.descriptor.read(upTo: 65536) else { break }
                    append(source.prefixer.add(bytes), to: source.target)
                    most -= bytes.count
                } catch {
                    if error.isTryAgain { break }
                    throw error
                }
            }
            append(source.prefixer.finish(), to: source.target)
        }
        sources = []
    }

    private func append(_ bytes: [UInt8], to target: Target) {
        if !closed.contains(target) { waiting[target, default: WaitingBytes()].add(bytes) }
    }
}

/// Bytes in the order they came; taking some from the front does not move the others each time.
private struct WaitingBytes {
    private var bytes: [UInt8] = []
    private var taken = 0

    var count: Int { bytes.count - taken }
    var isEmpty: Bool { count == 0 }
    mutating func add(_ more: [UInt8]) { bytes += more }

    /// The lines at the front that are together no longer than that; the beginning of the first where it is longer.
    func lines(atMost most: Int) -> ArraySlice<UInt8> {
        let first = bytes[taken..<min(bytes.count, taken + most)]
        let end = first.lastIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        return end.map { first[...$0] } ?? first
    }

    mutating func remove(_ count: Int) {
        taken += count
        if taken > bytes.count / 2 {
            bytes.removeFirst(taken)
            taken = 0
        }
    }
}
