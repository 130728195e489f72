import Platform
import TestSupport
import Testing

struct CapturedRunTests {
    private func run(_ script: String, limit: Duration = .seconds(30)) throws -> CapturedRun {
        try CapturedRun(
            "/bin/sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin", "WORD": "here"], limit: limit)
    }

    @Test func bothStreamsAndTheEnd() throws {
        let run = try run("echo $WORD; echo wrong >&2; exit 3")
        #expect(run.output == "here\n" && run.errors == "wrong\n" && run.end == .exited(code: 3) && !run.succeeded)
        #expect(try self.run("cat").succeeded, "there is no input")
    }

    /// More than a pipe holds, and more than is kept.
    @Test func muchOutput() throws {
        let run = try run("head -c 3000000 /dev/zero; echo end >&2")
        #expect(run.succeeded && run.output.utf8.count == 1 << 20 && run.errors == "end\n")
    }

    @Test func theTimeIsUp() throws {
        let run = try run("sleep 600", limit: .milliseconds(300))
        #expect(run.end == nil && !run.succeeded)
    }

    /// A grandchild that keeps the streams open is not waited for.
    @Test func aDaemonIsNotWaitedFor() throws {
        let run = try run("(sleep 600 & echo $! >&2) ; echo done")
        #expect(run.succeeded && run.output == "done\n")
        let number = try #require(CInt(run.errors.dropLast()))
        try ProcessID(rawValue: number).send(.kill)
    }

    @Test func aMissingProgram() {
        #expect(throws: SystemError.self) {
            try CapturedRun("/nowhere", [], environment: [:], limit: .seconds(1))
        }
    }

    @Test func readingAtAPlace() throws {
        let directory = try TemporaryDirectory()
        try Files.replace(directory.path("a"), with: Array("0123456789".utf8))
        let file = try Descriptor.open(directory.path("a"), .readOnly)
        #expect(try file.read(at: 4, count: 3) == Array("456".utf8))
        #expect(try file.read(at: 8, count: 9) == Array("89".utf8))
        #expect(try file.read(at: 20, count: 1) == [] && file.read(at: 0, count: 0) == [])
    }
}
