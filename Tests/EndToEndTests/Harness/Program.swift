import Foundation
import Platform
import Testing

/// How a program ended, and what it said.
struct Outcome: CustomStringConvertible {
    let exitCode: Int
    let output: String
    let errors: String
    var description: String { "exit code \(exitCode)\n--- output\n\(output)\n--- errors\n\(errors)" }
    var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A program of the build that has been started; its output goes to files, so that nothing it starts can block it.
final class RunningProgram {
    let process: ProcessID
    private let directory: String
    private(set) var end: ProcessEnd?

    fileprivate init(process: ProcessID, directory: String) {
        self.process = process
        self.directory = directory
    }

    var output: String { (try? Files.readText("\(directory)/output")) ?? "" }
    var errors: String { (try? Files.readText("\(directory)/errors")) ?? "" }

    /// Waits for the end; a program that stays longer than `limit` is killed and the test fails.
    func wait(limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation) throws -> Outcome {
        let ended = eventually(within: limit) { () -> Bool in
            if end == nil { end = pollEnd(of: process) }
            return end != nil
        }
        if !ended {
            try process.send(.kill)
            end = try waitForEnd(of: process)
            Issue.record(
                "the program did not end within \(limit)\n\(output)\n\(errors)", sourceLocation: sourceLocation)
        }
        let outcome = Outcome(exitCode: end?.exitCode ?? -1, output: output, errors: errors)
        try FileManager.default.removeItem(atPath: directory)
        return outcome
    }

    /// Waits until the output holds a text.
    func waitForOutput(
        _ text: String, limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let seen = eventually(within: limit) { output.contains(text) || errors.contains(text) }
        #expect(seen, "no \"\(text)\" in:\n\(output)\n\(errors)", sourceLocation: sourceLocation)
    }
}

/// The programs of this build.
enum Program {
    static let directory: String = (try? Files.executableDirectory()) ?? "."
    static var flexmig: String { "\(directory)/flexmig" }
    static var jobRank: String { "\(directory)/JobRank" }
    static var digits: String { "\(directory)/digits-training" }

    /// Starts a program with exactly this environment and `PATH`.
    static func start(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:],
        group: ChildProcess.Group = .own
    ) throws -> RunningProgram {
        let directory = temporaryDirectory("output")
        var variables = environment
        variables["PATH"] = variables["PATH"] ?? Environment.value("PATH") ?? "/usr/bin:/bin"
        variables["FLEXMIG_CONFIG"] = variables["FLEXMIG_CONFIG"] ?? "/dev/null"
        var child = ChildProcess(executable: executable, arguments: [executable] + arguments, environment: variables)
        let null = try Descriptor.open("/dev/null", .readOnly)
        let output = try Descriptor.open("\(directory)/output", [.writeOnly, .create, .append])
        let errors = try Descriptor.open("\(directory)/errors", [.writeOnly, .create, .append])
        child.descriptors = [(null.number, 0), (output.number, 1), (errors.number, 2)]
        child.group = group
        return RunningProgram(process: try child.spawn(), directory: directory)
    }

    static func run(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Outcome
    {
        try start(executable, arguments, environment: environment).wait()
    }
}

/// Asks again and again until the answer is yes or the time is up.
func eventually(within limit: Duration, _ condition: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + limit
    while !condition() {
        if ContinuousClock.now >= deadline { return false }
        pause(for: .milliseconds(5))
    }
    return true
}

/// A new directory of this test process's.
func temporaryDirectory(_ name: String) -> String {
    let path = "/tmp/flexmig-test-\(ProcessID.current)-\(name)-\(randomToken(bytes: 4))"
    try? Files.makeDirectories(path)
    return path
}
