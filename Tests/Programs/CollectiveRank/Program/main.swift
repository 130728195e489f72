// One rank for the tests of several processes. The rendezvous comes from the environment, the task from the
// arguments; every line of the output is an event that a test waits for or checks.
import CollectiveTrials
import Collectives
import Platform

let output = Descriptor(owning: 1)

func say(_ line: String) throws { try output.write(Array("\(line)\n".utf8)) }

func word(_ index: Int) -> String {
    guard CommandLine.arguments.indices.contains(index) else { fatalError("argument \(index) is missing") }
    return CommandLine.arguments[index]
}

func number(_ index: Int) -> Int {
    guard let value = Int(word(index)) else { fatalError("argument \(index) is no number") }
    return value
}

do {
    try run(CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "join")
} catch let error as CollectiveError {
    try say("error \(error.code) \(error.rank.map { "\($0)" } ?? "-") \(error)")
    abruptExit(code: 3)
} catch let failure as SplitTrial.Failure {
    // The rank as the job numbers it, and which ranks the communicator had.
    try say("members \(failure.members.map { "\($0)" }.joined(separator: " "))")
    try say("error \(failure.error.code) \(failure.rank.map { "\($0)" } ?? "-") \(failure.error)")
    abruptExit(code: 3)
} catch {
    try say("wrong \(error)")
    abruptExit(code: 4)
}
