import Collectives
import Platform

/// The ranks of a test as real processes: `collective-rank`, built beside the test program.
///
/// Their output comes through pipes, so a test waits for what they say instead of for time.
final class RankProcesses {
    /// One rank: its process, what it has said, and how it ended.
    struct Rank {
        let process: ProcessID
        var text = ""
        var end: ProcessEnd?
        /// When its output ended, which is when the process did.
        var endedAt: ContinuousClock.Instant?
        var lines: [Substring] { text.split(separator: "\n") }
        /// The words of its line that begins so.
        func words(after first: String) -> [Substring]? {
            let all = lines.map { $0.split(separator: " ") }
            return all.first { $0.first == first[...] }.map { Array($0.dropFirst()) }
        }
        /// Code and rank of the error that it said.
        var error: String? { words(after: "error").map { $0.prefix(2).joined(separator: " ") } }
    }

    /// A prefix that no other test has; nothing of it may be in /dev/shm at the end.
    let prefix = "flexmig-test-\(randomToken(bytes: 6))"
    private(set) var ranks: [Rank] = []
    private var pipes: [PipeEnd] = []

    private final class PipeEnd {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    init() {}

    /// Starts ranks of a world of `size`.
    ///
    /// - Parameter which: all of them unless given.
    /// - Parameter withErrors: whether `text` gets what they write to the standard error, too.
    func start(
        _ arguments: [String], of size: Int, only which: [Int]? = nil, extra: [String: String] = [:],
        wrappedIn wrapper: [String] = [], withErrors: Bool = false
    ) throws {
        let executable = try Files.executableDirectory() + "/collective-rank"
        for rank in which ?? Array(0..<size) {
            let command = wrapper + [executable] + arguments
            var child = ChildProcess(
                executable: try ChildProcess.locate(command[0], path: Environment.value("PATH")), arguments: command,
                environment: [
                    "RANK": "\(rank)", "WORLD_SIZE": "\(size)", "FLEXMIG_RENDEZVOUS": prefix, "FLEXMIG_TIMEOUT": "60",
                    "PATH": Environment.value("PATH") ?? "/usr/bin:/bin",
                ].merging(extra) { $1 })
            let pipe = try Pipe()
            child.descriptors = [(ours: pipe.writeEnd.number, childs: 1)]
            if withErrors { child.descriptors.append((ours: pipe.writeEnd.number, childs: 2)) }
            ranks.append(Rank(process: try child.spawn()))
            pipes.append(PipeEnd(try pipe.readEnd.duplicate()))
        }
    }

    /// Reads the ranks' output until all of those that are not ended satisfy the condition, or all have ended.
    ///
    /// - Throws: `TookTooLong` after a minute.
    func read(until satisfied: (Rank) -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let open = ranks.indices.filter { ranks[$0].endedAt == nil }
            if open.allSatisfy({ satisfied(ranks[$0]) }) { return }
            if ContinuousClock.now > deadline { throw TookTooLong(ranks: ranks.map(\.text)) }
            let seen = try poll(open.map { (pipes[$0].descriptor.number, .readable) }, timeout: .seconds(1))
            for (index, readiness) in zip(open, seen) where !readiness.isEmpty {
                if let bytes = try pipes[index].descriptor.read(upTo: 4096) {
                    ranks[index].text += String(decoding: bytes, as: UTF8.self)
                } else {
                    ranks[index].endedAt = .now
                    ranks[index].end = try waitForEnd(of: ranks[index].process)
                }
            }
        }
    }

    /// Whether a rank says nothing, and does not end, for that long.
    func isSilent(_ index: Int, for duration: Duration) throws -> Bool {
        try poll([(pipes[index].descriptor.number, .readable)], timeout: duration).allSatisfy(\.isEmpty)
    }

    /// Waits until every rank has ended.
    func finish() throws { try read(until: { _ in false }) }

    func kill(_ index: Int) throws { try ranks[index].process.send(.kill) }

    /// Waits until so many ranks have taken their locks on rank 0's segment; asks from outside, as the library does.
    func waitUntilAttached(_ count: Int) throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            if let file = try? Descriptor.open("/dev/shm/\(prefix)-0", .readWrite),
                try file.holders(in: LockRange(start: 0, length: 1024)).count >= count
            {
                return
            }
            if ContinuousClock.now > deadline { throw TookTooLong(ranks: ranks.map(\.text)) }
            yieldProcessor()
        }
    }

    /// What the ranks have left in /dev/shm.
    var leftovers: [String] { SharedMemoryName.all(withPrefix: prefix).map(\.text) }

    // Whoever is left after a failed test is our child, not reaped yet: the number is still its own.
    deinit {
        for rank in ranks where rank.end == nil {
            try? rank.process.send(.kill)
            _ = try? waitForEnd(of: rank.process)
        }
        for name in SharedMemoryName.all(withPrefix: prefix) { try? name.unlink() }
    }
}

struct TookTooLong: Error {
    let ranks: [String]
}
