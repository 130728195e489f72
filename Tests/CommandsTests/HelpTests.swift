import Platform
import TestSupport
import Testing

/// The help of every command, compared with the text in `Help/`.
///
/// When a help text changes on purpose, write the files anew and read the difference before committing it:
///
///     FLEXMIG_REWRITE_HELP=1 swift test -c release --filter HelpTests
struct HelpTests {
    private static let isRewriting = Environment.value("FLEXMIG_REWRITE_HELP") != nil

    static let commands: [(file: String, words: [String])] = [
        ("flexmig", []), ("node", ["node"]), ("node-list", ["node", "list"]), ("node-show", ["node", "show"]),
        ("node-flatten", ["node", "flatten"]), ("node-plan", ["node", "plan"]), ("node-apply", ["node", "apply"]),
        ("node-verify", ["node", "verify"]), ("node-export", ["node", "export"]), ("node-assign", ["node", "assign"]),
        ("node-quarantine", ["node", "quarantine"]), ("node-restore", ["node", "restore"]),
        ("node-watch", ["node", "watch"]), ("cdi", ["cdi"]), ("cdi-generate", ["cdi", "generate"]), ("run", ["run"]),
        ("exec", ["exec"]),
        ("doctor", ["doctor"]), ("measure", ["measure"]),
        ("node-fault", ["node", "fault"]), ("node-fault-add", ["node", "fault", "add"]),
        ("node-fault-list", ["node", "fault", "list"]), ("node-fault-clear", ["node", "fault", "clear"]),
        ("node-fault-xid", ["node", "fault", "xid"]), ("node-fault-restart", ["node", "fault", "restart"]),
        ("trace", ["trace"]), ("trace-inspect", ["trace", "inspect"]),
        ("trace-convert", ["trace", "convert"]), ("trace-generate", ["trace", "generate"]),
        ("simulate", ["simulate"]), ("advise", ["advise"]),
        ("bench", ["bench"]), ("bench-collectives", ["bench", "collectives"]),
    ]

    private func path(_ file: String) -> String {
        let here = #filePath
        return "\(here[..<(here.lastIndex(of: "/") ?? here.endIndex)])/Help/\(file).txt"
    }

    @Test(arguments: commands)
    func help(file: String, words: [String]) throws {
        let help = try Flexmig.run(words + ["--help"])
        #expect(help.end == .exited(code: 0))
        if Self.isRewriting { try Files.replace(path(file), with: Array(help.output.utf8)) }
        #expect(help.output == (try Files.readText(path(file))))
    }

    /// The other ways to ask give the same text.
    @Test(arguments: commands)
    func otherWays(file: String, words: [String]) throws {
        let help = try Flexmig.run(words + ["--help"]).output
        #expect(try Flexmig.run(words + ["-h"]).output == help)
        #expect(try Flexmig.run(["help"] + words).output == help)
    }

    /// No file is left over from a command that is gone.
    @Test(.disabled(if: isRewriting)) func everyFileIsACommands() throws {
        let directory = path("x").dropLast("/x.txt".count)
        #expect(try Files.names(in: String(directory)) == Self.commands.map { "\($0.file).txt" }.sorted())
    }

    /// Nothing is wrapped by the parser where it was not meant to be: what is indented fits into 80 columns.
    @Test(arguments: commands)
    func linesFit(file: String, words: [String]) throws {
        let text = try Flexmig.run(words + ["--help"]).output
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("USAGE:") }
        #expect(lines.filter { $0.count > 80 } == [])
        // Wider, the same tables and examples.
        let wide = try Flexmig.run(words + ["--help"], environment: ["COLUMNS": "200"]).output.split(separator: "\n")
        let fixed = wide.prefix { !$0.hasPrefix("USAGE:") }.filter { $0.hasPrefix("  ") }
        #expect(fixed.filter { !lines.contains($0) } == [])
    }
}
