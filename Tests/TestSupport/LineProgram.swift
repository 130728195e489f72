import Platform

/// What was built beside the test executable.
public enum BuiltProduct {
    /// The absolute path of an executable or a library of this package.
    ///
    /// - Throws: `SystemError` with `ENOENT` when it was not built.
    public static func path(_ name: String) throws -> String {
        try Files.absolute("\(try Files.executableDirectory())/\(name)")
    }
}

/// A child process that is talked to line by line, so that tests wait for what it says and never for a time.
///
/// It lives until its input is closed, until it is killed, or until this process ends; the end of this value's last use
/// changes nothing, because a test may need the process for longer.
public final class LineProgram {
    public let process: ProcessID
    private var input: Descriptor?
    private let output: Descriptor
    private var pending: [UInt8] = []
    private var end: ProcessEnd?

    /// Starts a program of this package, or any other by its absolute path.
    ///
    /// - Parameter environment: is added to this process's.
    public init(_ program: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let path = program.hasPrefix("/") ? program : try BuiltProduct.path(program)
        let toChild = try Pipe()
        let fromChild = try Pipe()
        var child = ChildProcess(
            executable: path, arguments: [path] + arguments,
            environment: Environment.all().merging(environment) { $1 })
        child.descriptors = [(toChild.readEnd.number, 0), (fromChild.writeEnd.number, 1)]
        process = try child.spawn()
        input = try toChild.writeEnd.duplicate()
        output = try fromChild.readEnd.duplicate()
        // Kept for ever: without its input and output the program would end.
        _ = unsafe Unmanaged.passRetained(self)
    }

    /// Sends one line.
    public func send(_ line: String) throws {
        try input?.write(Array((line + "\n").utf8))
    }

    /// Sends a line and answers the line that comes back.
    public func ask(_ line: String) throws -> String? {
        try send(line)
        return try nextLine()
    }

    /// Closes the program's standard input.
    public func closeInput() { input = nil }

    /// The next line, or nil at the end of the output.
    ///
    /// - Throws: `SystemError` with ETIMEDOUT when nothing comes for `timeout`.
    public func nextLine(timeout: Duration = .seconds(60)) throws -> String? {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let newline = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<newline], as: UTF8.self)
                pending.removeSubrange(...newline)
                return line
            }
            let seen = try poll([(output.number, .readable)], timeout: deadline - .now)
            if seen[0].isEmpty {
                guard ContinuousClock.now >= deadline else { continue }
                throw TimedOut()
            }
            guard let bytes = try output.read(upTo: 4096) else { return nil }
            pending += bytes
        }
    }

    /// Waits for the program to end.
    public func waitUntilEnd() throws -> ProcessEnd {
        if let end { return end }
        let end = try waitForEnd(of: process)
        self.end = end
        return end
    }

    /// Kills the program and waits until it is gone.
    public func kill() throws {
        try process.send(.kill)
        _ = try waitUntilEnd()
    }
}

/// Nothing came in time.
public struct TimedOut: Error {
    public init() {}
}
