// A job's rank as the tests need it: takes its leaf, does as it is told, and leaves children behind if asked.

import ArgumentParser
import Platform
import SimulatedDriver

struct JobRank: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "job-rank", abstract: "A rank for the tests.")

    @Option(help: "Seconds to stay.") var seconds = 0.0
    @Option(help: "The exit code at the end.") var exitCode: Int32 = 0
    @Option(help: "Only this rank has that exit code; the others stay a minute longer.") var failingRank: Int?
    @Option(help: "How many children to leave running.") var children = 0
    @Flag(help: "Children start a session of their own.") var childrenInOwnSession = false
    @Flag(help: "Children are left behind by a process that ends at once, as daemons do.") var orphans = false
    @Flag(help: "Ignore TERM and INT.") var stubborn = false
    @Flag(help: "Do not take the leaf.") var withoutContext = false
    @Flag(help: "Say \"ready\" when all is set up.") var sayReady = false
    @Flag(help: "Also print this to standard error.") var complain = false

    func run() throws {
        if stubborn {
            Signal.terminate.ignore()
            Signal.interrupt.ignore()
        }
        let context = withoutContext ? nil : try SimulatedContext.openIfSimulated()
        for _ in 0..<children { try startChild() }
        if sayReady { print("ready"); try flushStandardOutput() }
        if complain { writeToStandardError("complaint") }
        let rank = Environment.value("RANK").flatMap { Int($0) }
        let isFailing = failingRank == nil || failingRank == rank
        pause(for: .seconds(isFailing ? seconds : seconds + 60))
        if isFailing, exitCode != 0 { leave(with: Int(exitCode)) }
        context?.close()
    }

    private func startChild() throws {
        let executable = try Files.absolute("/proc/self/exe")
        // Children stay for ten minutes: somebody has to end them.
        var arguments = ["job-rank", "--without-context", "--seconds", "600"]
        if stubborn { arguments.append("--stubborn") }
        var child = ChildProcess(executable: executable, arguments: arguments, environment: Environment.all())
        if childrenInOwnSession { child.group = .ownSession }
        if orphans {
            // In between stands a process that starts the child and ends.
            child.executable = "/bin/sh"
            child.arguments = ["sh", "-c", "\"$0\" \"$@\" &", executable] + arguments.dropFirst()
        }
        _ = try child.spawn()
    }
}

JobRank.main()
