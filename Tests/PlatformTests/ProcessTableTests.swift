import Platform
import TestSupport
import Testing

struct ProcessTableTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let name: String
        var testDescription: String { word }
    }

    static let tail = "S 77 42 42 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 1 0 123456 1000 20"

    /// The name is up to 15 bytes of the program's choice.
    @Test(arguments: [
        Case(word: "plain", name: "cat"), Case(word: "space", name: "tmux: server"),
        Case(word: "parentheses", name: "(sd-pam)"), Case(word: "a closing one", name: "a) R 1 1"),
        Case(word: "an opening one", name: "(((("), Case(word: "nothing", name: ""),
        Case(word: "a line's end", name: "a\nb"), Case(word: "carriage return", name: "\r\n"),
        Case(word: "an accent first", name: "\u{301}x"), Case(word: "an accent last", name: "x)\u{301}"),
        Case(word: "a broken character", name: "\u{FFFD}"),
    ])
    func namesAreSkipped(test: Case) throws {
        let row = try #require(ProcessRow(stat: "42 (\(test.name)) \(Self.tail)\n"))
        #expect(row.process == ProcessID(rawValue: 42))
        #expect(row.parent == ProcessID(rawValue: 77))
        #expect(row.state == "S")
        #expect(row.startTime == 123_456)
        #expect(!row.isZombie)
    }

    @Test(arguments: [
        ("nothing", ""), ("no name", "42 S 77"), ("no number", "(cat) \(tail)"), ("a word", "x (cat) \(tail)"),
        ("parentheses swapped", "42 )cat( \(tail)"), ("cut short", "42 (cat) S 77 42 42"),
        ("parent is no number", "42 (cat) S x\(tail.dropFirst(4))"), ("only the name", "42 (cat)"),
    ])
    func brokenRowsAreNone(word: String, text: String) {
        #expect(ProcessRow(stat: text) == nil, "\(word)")
    }

    @Test(arguments: ["Z", "X"])
    func theDeadAreZombies(state: String) throws {
        #expect(try #require(ProcessRow(stat: "42 (cat) \(state)\(Self.tail.dropFirst())")).isZombie)
    }

    /// As the kernel itself writes it, for a program with a name made to confuse.
    @Test(arguments: ["a) R 1 (b", ") ) )", "x y"])
    func theKernelsOwnText(name: String) throws {
        let directory = try TemporaryDirectory()
        try Files.replace(directory.path(name), with: try Files.read("/bin/cat"), permissions: 0o755)
        let program = try LineProgram(directory.path(name))
        #expect(try program.ask("hello") == "hello")
        let row = try #require(ProcessTable.row(of: program.process))
        #expect(row.process == program.process)
        #expect(row.parent == .current)
        #expect(row.startTime > 0)
        #expect(ProcessTable.rows().contains { $0.process == program.process && $0.startTime == row.startTime })
        try program.kill()
        #expect(ProcessTable.row(of: program.process) == nil)
    }

    @Test func descendantsOfAnyDepth() throws {
        let program = try LineProgram(
            "/bin/sh", ["-c", "exec 3<&0; sh -c 'echo $$; exec cat' <&3 & cat >/dev/null; wait"])
        let line = try program.nextLine()
        let grandchild = try #require(line.flatMap { Int32($0) })
        let ours = ProcessTable.descendants(of: .current).map(\.process)
        #expect(ours.contains(program.process))
        #expect(ours.contains(ProcessID(rawValue: grandchild)))
        #expect(ProcessTable.descendants(of: program.process).map(\.process).contains(ProcessID(rawValue: grandchild)))
        #expect(!ProcessTable.descendants(of: program.process).map(\.process).contains(program.process))
        try ProcessID(rawValue: grandchild).send(.kill)
    }

    @Test func environmentOfAnotherProcess() throws {
        let program = try LineProgram("/bin/cat", environment: ["FLEXMIG_TEST_WORD": "a=b c"])
        #expect(try program.ask("hello") == "hello", "it has become the program")
        #expect(ProcessTable.environment(of: program.process)?["FLEXMIG_TEST_WORD"] == "a=b c")
        try program.kill()
        #expect(ProcessTable.environment(of: program.process) == nil)
    }

    @Test func usersHaveNames() {
        #expect(ProcessTable.userName(0) == "root")
        #expect(ProcessTable.userName(4_000_000_123) == "4000000123")
    }
}
