import Commands
import Platform
import TestSupport
import Testing

/// The configuration file: what it may say, and where it is wrong.
struct ConfigurationTests {
    private func refusal(_ text: String) throws -> CommandFailure {
        try #require(throws: CommandFailure.self) { try Configuration(text: text, path: "/etc/c.yaml") }
    }

    @Test func everyKey() throws {
        let configuration = try Configuration(
            text: """
                # Which node to talk to.
                simulate: a100-40gb:2,h100-80gb:1
                node-directory: "/tmp/a node"
                library: libnvidia-ml.so.1
                state-directory: /run/flexmig
                """, path: "c.yaml")
        #expect(configuration.simulate == "a100-40gb:2,h100-80gb:1")
        #expect(configuration.nodeDirectory == "/tmp/a node")
        #expect(configuration.library == "libnvidia-ml.so.1")
        #expect(configuration.stateDirectory == "/run/flexmig")
    }

    @Test(arguments: [("nothing", ""), ("only comments", "# simulate: x\n"), ("a document mark", "---\n")])
    func emptyFile(what: String, text: String) throws {
        let configuration = try Configuration(text: text, path: "c.yaml")
        #expect(configuration.simulate == nil, "\(what)")
        #expect(configuration.library == nil)
    }

    @Test func someKeys() throws {
        let configuration = try Configuration(text: "library: /opt/libnvidia-ml.so\n", path: "c.yaml")
        #expect(configuration.library == "/opt/libnvidia-ml.so")
        #expect(configuration.simulate == nil)
    }

    /// What looks like a number is a text all the same.
    @Test func numbers() throws {
        #expect(try Configuration(text: "node-directory: 2026", path: "c.yaml").nodeDirectory == "2026")
    }

    static let known = "known: library, node-directory, simulate, state-directory"
    static let mistakes: [(what: String, text: String, message: String)] = [
        ("unknown key", "simulate: x\nsimulat: y\n", "/etc/c.yaml:2:1: unknown key \"simulat\"; \(known)"),
        ("wrong capitals", "Library: x\n", "/etc/c.yaml:1:1: unknown key \"Library\"; \(known)"),
        ("indented key", "\n  leaves: 4\n", "/etc/c.yaml:2:3: unknown key \"leaves\"; \(known)"),
        ("a list as key", "? [a]\n: x\n", "/etc/c.yaml:1:3: unknown key \"?\"; \(known)"),
        ("a list as value", "library:\n  - a\n", "/etc/c.yaml:2:3: the value of library must be a text"),
        ("a map as value", "simulate: {gpus: 2}", "/etc/c.yaml:1:11: the value of simulate must be a text"),
        ("no value", "simulate:\nlibrary: x\n", "/etc/c.yaml:1:10: the value of simulate must be a text"),
        ("an empty value", "simulate: ''\n", "/etc/c.yaml:1:11: the value of simulate must be a text"),
        ("a null", "simulate: ~\n", "/etc/c.yaml:1:11: the value of simulate must be a text"),
        ("a list", "- simulate\n", "/etc/c.yaml:1:1: it must be a list of \"key: value\" lines"),
        ("a word", "a100-40gb:2", "/etc/c.yaml:1:1: it must be a list of \"key: value\" lines"),
    ]

    @Test(arguments: mistakes)
    func refused(what: String, text: String, message: String) throws {
        let failure = try refusal(text)
        #expect(failure.description == message, "\(what)")
        #expect(failure.code == CommandExit.usage)
    }

    @Test(arguments: [
        ("an open bracket", "simulate: [a"), ("a tab", "simulate:\n\t- a"), ("an open quote", "library: \"a"),
        ("a key twice", "library: a\nlibrary: b\n"),
    ])
    func notYAML(what: String, text: String) throws {
        let failure = try refusal(text)
        #expect(failure.description.hasPrefix("the configuration file /etc/c.yaml is not YAML: "), "\(what)")
        #expect(failure.code == CommandExit.usage)
    }

    @Test func fileThatIsMissing() throws {
        let failure = try #require(throws: CommandFailure.self) { try Configuration(file: "/nowhere/c.yaml") }
        #expect(
            failure.description
                == "the configuration file can't be read: /nowhere/c.yaml: No such file or directory (open)")
        #expect(failure.code == CommandExit.usage)
    }

    // MARK: In a command

    /// The node that a command talks to: flags win over the environment, and that over the file.
    @Test func whoSaysWhichNode() throws {
        let directory = try TemporaryDirectory()
        let file = directory.path("config.yaml")
        try Files.replace(
            file, with: Array("simulate: a30-24gb:1\nnode-directory: \(directory.path("file"))\n".utf8))
        func node(_ arguments: [String], _ environment: [String: String]) throws -> String {
            let all = environment.merging(["FLEXMIG_CONFIG": file]) { $1 }
            let lines = try Flexmig.run(["node", "list", "--json"] + arguments, environment: all).output
                .split(separator: "\n")
            return lines.filter { $0.contains("\"nodeDirectory\"") || $0.contains("\"model\"") }.joined()
        }
        let fromFile = try node([], [:])
        #expect(fromFile.contains("\"\(directory.path("file"))\""))
        #expect(fromFile.contains("\"a30-24gb\""))
        let variables = ["FLEXMIG_SIMULATE": "a100-40gb:1", "FLEXMIG_NODE_DIRECTORY": directory.path("variable")]
        let fromVariables = try node([], variables)
        #expect(fromVariables.contains("\"\(directory.path("variable"))\""))
        #expect(fromVariables.contains("\"a100-40gb\""))
        let flags = ["--simulate", "h200-141gb:1", "--node-directory", directory.path("flag")]
        let fromFlags = try node(flags, variables)
        #expect(fromFlags.contains("\"\(directory.path("flag"))\""))
        #expect(fromFlags.contains("\"h200-141gb\""))
    }

    @Test func fileOfTheUser() throws {
        let directory = try TemporaryDirectory()
        try Files.makeDirectories(directory.path("flexmig"))
        try Files.replace(directory.path("flexmig/config.yaml"), with: Array("simulat: a30-24gb:1\n".utf8))
        let (output, end) = try Flexmig.run(["node", "list"], environment: ["XDG_CONFIG_HOME": directory.path])
        #expect(end == .exited(code: CommandExit.usage))
        #expect(
            output
                == "flexmig: \(directory.path)/flexmig/config.yaml:1:1: unknown key \"simulat\"; \(Self.known)\n")
    }
}
