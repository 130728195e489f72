/// A program that was run to its end, and what it said.
public struct CapturedRun: Hashable, Sendable {
    /// nil when it was killed because its time was up.
    public let end: ProcessEnd?
    public let output: String
    public let errors: String

    /// More of either stream is read and thrown away.
    private static let mostBytes = 1 << 20

    /// Runs a program without input and waits for it.
    ///
    /// - Parameter limit: when this is over, the program and its group are killed.
    /// - Throws: `SystemError` when it can't be started.
    public init(
        _ executable: String, _ arguments: [String], environment: [String: String], limit: Duration
    ) throws(SystemError) {
        var child = ChildProcess(
            executable: executable, arguments: [executable] + arguments, environment: environment)
        child.group = .own
        let out = try Pipe()
        let err = try Pipe()
        let process = try Self.start(&child, out: out.writeEnd, err: err.writeEnd)
        let outEnd = out.readEnd
        let errEnd = err.readEnd
        let deadline = ContinuousClock.now + limit
        var texts: [[UInt8]] = [[], []]
        var open = [outEnd.number, errEnd.number]
        // A grandchild may keep the streams open: the program's own end is what is waited for.
        var end: ProcessEnd?
        while end == nil || open.contains(where: { $0 >= 0 }) {
            if ContinuousClock.now >= deadline { break }
            let seen = try poll(open.map { ($0, .readable) }, timeout: .milliseconds(20))
            for (index, ready) in seen.enumerated() where open[index] >= 0 && !ready.isEmpty {
                guard let bytes = try index == 0 ? outEnd.read(upTo: 65536) : errEnd.read(upTo: 65536) else {
                    open[index] = -1
                    continue
                }
                texts[index] += bytes.prefix(max(0, Self.mostBytes - texts[index].count))
            }
            if end == nil { end = pollEnd(of: process) } else if seen.allSatisfy(\.isEmpty) { break }
        }
        if end == nil {
            sendToGroup(.kill, of: process)
            _ = try waitForEnd(of: process)
        }
        self.end = end
        output = SystemText.string(texts[0])
        errors = SystemText.string(texts[1])
    }

    /// Starts the child with its ends of the streams, which are closed here: else their end would never be seen.
    private static func start(
        _ child: inout ChildProcess, out: consuming Descriptor, err: consuming Descriptor
    ) throws(SystemError) -> ProcessID {
        let null = try Descriptor.open("/dev/null", .readOnly)
        child.descriptors = [(null.number, 0), (out.number, 1), (err.number, 2)]
        return try child.spawn()
    }

    /// Whether it ended by itself with exit code 0.
    public var succeeded: Bool { end == .exited(code: 0) }
}
