// second-process
//
// The other process of a test: carries out the commands on its standard input, one a line, and answers each with a
// line. Words are separated by single spaces.

import Platform

if CommandLine.arguments.contains("--mortal") {
    // What "mortal-child" starts: lives until its parent ends.
    try dieWithParent(.kill)
    _ = try writeSome([1], to: 3)
    while true { _ = try poll([], timeout: nil) }
}

var input = LineReader()

func say(_ line: String) throws { _ = try writeSome(ArraySlice((line + "\n").utf8), to: 1) }

func range(_ words: ArraySlice<Substring>) -> LockRange {
    let numbers = words.compactMap { Int64($0) }
    return LockRange(start: numbers[0], length: numbers[1])
}

while let line = try input.next() {
    let words = line.split(separator: " ")
    switch words.first {
    case "lock":  // PATH START LENGTH: "yes" or "no"
        let file = try LockFile.open(String(words[1]))
        try say(try file.descriptor.tryLock(range(words[2...])) ? "yes" : "no")

    case "unlock":  // PATH START LENGTH: "done"
        try LockFile.open(String(words[1])).descriptor.unlock(range(words[2...]))
        try say("done")

    case "mutex":  // PATH: "in" once it has the mutex, "out" after the next line
        try FileMutex.withLock(path: String(words[1]), timeout: nil) {
            try say("in")
            _ = try input.next()
        }
        try say("out")

    case "count":  // FILE MUTEX TIMES: adds 1 to the number in the file so often, each time under the mutex
        for _ in 0..<(Int(words[3]) ?? 0) {
            try FileMutex.withLock(path: String(words[2]), timeout: nil) {
                let number = Int(try Files.readText(String(words[1]))) ?? 0
                try Files.replace(String(words[1]), with: Array("\(number + 1)".utf8))
            }
        }
        try say("done")

    case "signals":  // queues SIGTERM and SIGUSR1: "ready", then the signals that came, by the next line
        let queue = try SignalQueue([.terminate, .user1])
        try say("ready")
        _ = try input.next()
        let signals = try queue.drain().sorted { $0.rawValue < $1.rawValue }
        try say((signals.map(\.description) + ["end"]).joined(separator: " "))

    case "adopt":  // COMMAND: as subreaper starts a shell; its and its orphans' exit codes, when none is left
        try becomeSubreaper()
        let queue = try SignalQueue([.child])
        let shell = ChildProcess(
            executable: "/bin/sh", arguments: ["sh", "-c", words.dropFirst().joined(separator: " ")],
            environment: Environment.all())
        _ = try shell.spawn()
        var codes: [Int] = []
        while true {
            let (ended, childrenLeft) = reapChildren()
            codes += ended.map(\.end.exitCode)
            if !childrenLeft { break }
            _ = try poll([(queue.number, .readable)], timeout: nil)
            _ = try queue.drain()
        }
        try say(codes.sorted().map(String.init).joined(separator: " "))

    case "mortal-child":  // starts a process that dies with this one: "PID"
        let ready = try Pipe()
        var child = ChildProcess(
            executable: try Files.absolute("/proc/self/exe"), arguments: ["second-process", "--mortal"],
            environment: Environment.all())
        child.descriptors = [(ready.writeEnd.number, 3)]
        let process = try child.spawn()
        // The child has asked for its death once it has written.
        _ = try ready.readEnd.read(upTo: 1)
        try say("\(process)")

    case "become":  // PATH ARGUMENT...: becomes that program
        let arguments = words.dropFirst().map(String.init)
        try ChildProcess.become(executable: arguments[0], arguments: arguments, environment: ["ONLY": "this"])

    default:
        try say("unknown command")
    }
}

/// Lines of standard input.
struct LineReader: ~Copyable {
    private let descriptor = Descriptor(owning: 0)
    private var pending: [UInt8] = []

    mutating func next() throws -> String? {
        while true {
            if let newline = pending.firstIndex(of: UInt8(ascii: "\n")) {
                defer { pending.removeSubrange(...newline) }
                return String(decoding: pending[..<newline], as: UTF8.self)
            }
            guard let bytes = try descriptor.read(upTo: 4096) else { return nil }
            pending += bytes
        }
    }
}
