import Platform
import TestSupport

/// Peers made of shell scripts, which speak the protocol of the benchmark and write down when they were asked what.
struct FakePeers {
    let directory: TemporaryDirectory
    /// Where the benchmark puts its own directory.
    let temporary: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        temporary = try TemporaryDirectory()
    }

    /// What a peer does when it is asked to measure; shell, with the command's words in $1, $2, ...
    enum Behaviour: String {
        case answers =
            "samples=ok; i=0; while [ $i -lt $7 ]; do samples=\"$samples 1000.0\"; i=$((i + 1)); done; echo \"$samples\" >&4"
        case diesOnSmallOnes =
            "[ $4 -ge 64 ] || exit 3; samples=ok; i=0; while [ $i -lt $7 ]; do samples=\"$samples 1000.0\"; i=$((i + 1)); done; echo \"$samples\" >&4"
        case failsOnSmallOnes = "if [ $4 -lt 64 ]; then echo 'error wrong result' >&4; else echo unsupported >&4; fi"
        case dies = "echo 'out of luck' >&2; exit 3"
        case hangs = "exec sleep 1000"
    }

    func add(_ name: String, _ behaviour: Behaviour) throws {
        try add(
            name,
            script: """
                rank() {
                    exec 3<"$2/command.$1" 4>"$2/result.$1"
                    rank=$1
                    while read -r line <&3 && [ "$line" != quit ]; do
                        set -- $line
                        echo "\(name) $rank begin $line" >>"\(log)"
                        echo "\(name) $rank end" >>"\(log)"
                        \(behaviour.rawValue)
                    done
                }
                i=0
                while [ $i -lt "$1" ]; do
                    rank $i "$2" &
                    i=$((i + 1))
                done
                wait
                """)
    }

    func add(_ name: String, script: String) throws {
        let folder = directory.path(name)
        try Files.makeDirectory(folder)
        try Files.replace("\(folder)/run", with: Array("#!/bin/sh\n\(script)\n".utf8), permissions: 0o755)
        try Files.replace("\(folder)/version", with: Array("The \(name) 1.0\n".utf8))
    }

    private var log: String { directory.path("log") }

    /// What all have written down.
    func lines() -> [String] {
        ((try? Files.readText(log)) ?? "").split(separator: "\n").map(String.init)
    }

    var environment: [String: String] { ["FLEXMIG_PEERS": directory.path, "TMPDIR": temporary.path] }

    /// Runs the benchmark against all of them.
    func run(_ arguments: [String]) throws -> (output: String, end: ProcessEnd) {
        try Flexmig.run(
            ["bench", "collectives", "--quick", "--batch-time", "0.0005", "--against", "all"] + arguments,
            environment: environment)
    }

    /// Whether no process of the benchmark lives, and its directory is gone.
    func leftNothing() throws -> Bool {
        let isOurs = { (row: ProcessRow) in
            ProcessTable.environment(of: row.process)?["TMPDIR"] == temporary.path && !row.isZombie
        }
        return try Files.names(in: temporary.path) == [] && !ProcessTable.rows().contains(where: isOurs)
    }
}
