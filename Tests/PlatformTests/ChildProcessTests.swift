import Platform
import TestSupport
import Testing

/// What a spawned process gets, read from /proc.
struct ChildProcessTests {
    /// A process that waits for the end of its standard input. Whoever makes one also ends it, by `defer`.
    final class Cat {
        let process: ProcessID
        let input: Descriptor

        init(_ change: (inout ChildProcess) -> Void = { _ in }) throws {
            let pipe = try Pipe()
            let answer = try Pipe()
            var child = ChildProcess(executable: "/bin/cat", arguments: ["cat"], environment: [:])
            child.descriptors = [(pipe.readEnd.number, 0), (answer.writeEnd.number, 1)]
            change(&child)
            process = try child.spawn()
            input = try pipe.writeEnd.duplicate()
            // `spawn` returns before the kernel has closed what is closed on exec: the program must have run a little.
            try input.write([1])
            _ = try answer.readEnd.read(upTo: 1)
        }

        func status(_ key: String) throws -> String {
            let lines = try Files.readText("/proc/\(process)/status").split(separator: "\n")
            let line = try #require(lines.first { $0.hasPrefix("\(key):") })
            return line.dropFirst(key.count + 1).filter { $0 != " " && $0 != "\t" }
        }

        /// Process group and session.
        func groups() throws -> [Int] {
            let fields = try Files.readText("/proc/\(process)/stat").split(separator: ")")[1].split(separator: " ")
            return fields[2...3].compactMap { Int($0) }
        }

        func end() {
            try? process.send(.kill)
            _ = try? waitForEnd(of: process)
        }
    }

    @Test func descriptorsAreThoseNamed() throws {
        let directory = try TemporaryDirectory()
        let file = try Descriptor.open(directory.path("named"), [.readWrite, .create])
        let unnamed = try Descriptor.open(directory.path("unnamed"), [.readWrite, .create])
        let cat = try Cat { child in
            // Two names for one, and one whose number is another's source.
            child.descriptors += [(file.number, 500), (file.number, unnamed.number)]
        }
        defer { cat.end() }
        // Descriptors that this process itself inherited are inherited further; all of ours are not.
        let names = try Files.names(in: "/proc/\(cat.process)/fd").compactMap { CInt($0) }
        #expect(Set(names).isSuperset(of: [0, 1, 2, 500, unnamed.number]))
        #expect(Set(names).isDisjoint(with: [file.number, cat.input.number]))
        for number in [500, unnamed.number] {
            #expect(try Files.absolute("/proc/\(cat.process)/fd/\(number)") == directory.path("named"))
        }
    }

    /// Each source is another one's target: done one after the other, the second would copy the first.
    @Test func descriptorsCanBeSwapped() throws {
        let directory = try TemporaryDirectory()
        let first = try Descriptor.open(directory.path("first"), [.readWrite, .create])
        let second = try Descriptor.open(directory.path("second"), [.readWrite, .create])
        let cat = try Cat { child in
            child.descriptors += [(first.number, second.number), (second.number, first.number)]
        }
        defer { cat.end() }
        #expect(try Files.absolute("/proc/\(cat.process)/fd/\(first.number)") == directory.path("second"))
        #expect(try Files.absolute("/proc/\(cat.process)/fd/\(second.number)") == directory.path("first"))
    }

    @Test func aClosedDescriptorIsAnError() throws {
        var child = ChildProcess(executable: "/bin/true", arguments: ["true"], environment: [:])
        child.descriptors = [(9999, 3)]
        let error = try #require(throws: SystemError.self) { try child.spawn() }
        #expect(error.call == "fcntl(F_DUPFD)")
    }

    @Test(arguments: [("inherited", 0), ("own", 1), ("ownSession", 2)])
    func groups(word: String, case index: Int) throws {
        let group = [ChildProcess.Group.inherited, .own, .ownSession][index]
        let cat = try Cat { $0.group = group }
        defer { cat.end() }
        let own = Int(cat.process.rawValue)
        let ours = try Files.readText("/proc/self/stat").split(separator: ")")[1].split(separator: " ")[2...3]
            .compactMap { Int($0) }
        #expect(try cat.groups() == [[ours[0], ours[1]], [own, ours[1]], [own, own]][index], "\(word)")
    }

    /// A child starts with no signal blocked or ignored, whatever its parent does. In a process of its own, because
    /// what it blocks and ignores is this whole process's.
    @Test func signalsAreAsNew() async throws {
        await #expect(processExitsWith: .success) {
            Signal.pipe.ignore()
            Signal.hangUp.ignore()
            let queue = try SignalQueue([.terminate, .child, .user1])
            let cat = try Cat()
            defer { cat.end() }
            // 32 and 33 are the C library's own.
            for (key, allowed) in [("SigBlk", 0), ("SigIgn", 0x1_8000_0000), ("SigCgt", 0)] {
                let mask = try #require(Int(try cat.status(key), radix: 16))
                #expect(mask & ~allowed == 0, "\(key) is \(mask)")
            }
            #expect(try queue.drain().isEmpty)
        }
    }

    @Test func environmentAndArgumentsArriveAsTheyAre() throws {
        let environment = ["FIRST": "a b", "ÄRGER": "ü=ü", "EMPTY": "", "LINE": "1\n2"]
        let arguments = ["cat", "", "with space", "new\nline", "é"]
        let pipe = try Pipe()
        var child = ChildProcess(executable: "/usr/bin/env", arguments: ["env", "-0"], environment: environment)
        child.descriptors = [(pipe.writeEnd.number, 1)]
        #expect(try waitForEnd(of: try child.spawn()) == .exited(code: 0))
        let printed = try #require(try pipe.readEnd.read(upTo: 4096))
        let variables = printed.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        #expect(variables.sorted() == ["EMPTY=", "FIRST=a b", "LINE=1\n2", "ÄRGER=ü=ü"].sorted())

        let shell = ["sh", "-c", "for a in \"$@\"; do printf '%s|' \"$a\"; done"] + arguments
        var second = ChildProcess(executable: "/bin/sh", arguments: shell, environment: [:])
        second.descriptors = [(pipe.writeEnd.number, 1)]
        #expect(try waitForEnd(of: try second.spawn()) == .exited(code: 0))
        let text = String(decoding: try pipe.readEnd.read(upTo: 4096) ?? [], as: UTF8.self)
        #expect(text == "|with space|new\nline|é|", "sh takes the first word as its name")
    }

    @Test(arguments: [
        ("missing", "/no/such/program", "No such file or directory"), ("a directory", "/tmp", "Permission denied"),
        ("not executable", "/etc/passwd", "Permission denied"),
    ])
    func whatCannotBeStarted(word: String, path: String, reason: String) throws {
        let child = ChildProcess(executable: path, arguments: ["x"], environment: [:])
        let error = try #require(throws: SystemError.self) { try child.spawn() }
        #expect(error.description == "\(path): \(reason) (posix_spawn)", "\(word)")
    }

    @Test(arguments: [
        ("success", "exit 0", ProcessEnd.exited(code: 0), 0), ("failure", "exit 42", .exited(code: 42), 42),
        ("highest code", "exit 255", .exited(code: 255), 255), ("TERM", "kill -TERM $$", .signalled(.terminate), 143),
        ("KILL", "kill -KILL $$", .signalled(.kill), 137),
        ("a core dump's flag is no part of the signal", "kill -ABRT $$", .signalled(Signal(rawValue: 6)), 134),
    ])
    func ends(word: String, script: String, end: ProcessEnd, code: Int) throws {
        let shell = ChildProcess(
            executable: "/bin/sh", arguments: ["sh", "-c", "ulimit -c 0; \(script)"], environment: [:])
        let seen = try waitForEnd(of: try shell.spawn())
        #expect(seen == end, "\(word)")
        #expect(seen.exitCode == code)
    }

    @Test func becomesAnotherProgram() throws {
        let program = try LineProgram("second-process")
        #expect(try program.ask("become /usr/bin/env") == "ONLY=this")
        #expect(try program.nextLine() == nil)
        #expect(try program.waitUntilEnd() == .exited(code: 0))
        let error = try #require(throws: SystemError.self) {
            try ChildProcess.become(executable: "/no/such", arguments: [], environment: [:])
        }
        #expect(error.description == "/no/such: No such file or directory (execve)")
    }

    @Test func commandsAreLocated() throws {
        let directory = try TemporaryDirectory()
        for (name, permissions) in [("tool", 0o755 as UInt32), ("text", 0o644)] {
            try Files.replace(directory.path(name), with: [], permissions: permissions)
        }
        try Files.makeDirectory(directory.path("folder"))
        try Files.makeDirectory(directory.path("second"))
        try Files.replace(directory.path("second/text"), with: [], permissions: 0o755)
        let path = "/no/such:\(directory.path):\(directory.path("second"))"
        #expect(try ChildProcess.locate("tool", path: path) == directory.path("tool"))
        #expect(
            try ChildProcess.locate("text", path: path) == directory.path("second/text"), "the first executable one")
        #expect(try ChildProcess.locate(directory.path("tool"), path: nil) == directory.path("tool"))
        #expect(try ChildProcess.locate("sh", path: nil).hasSuffix("bin/sh"))
        for (word, command, wanted, reason) in [
            ("nowhere", "nothing", path, "No such file or directory"),
            ("no permission", "text", directory.path, "Permission denied"),
            ("a directory", "folder", directory.path, "No such file or directory"),
            ("by path, missing", "/no/such", path, "No such file or directory"),
            ("by path, no permission", directory.path("text"), path, "Permission denied"),
            ("nothing", "", path, "No such file or directory"),
        ] {
            let error = #expect(throws: SystemError.self, "\(word)") { try ChildProcess.locate(command, path: wanted) }
            #expect(error?.reason == reason, "\(word)")
        }
    }
}

/// Signals, orphans and deaths, in a process that may reap every child that it has.
struct ProcessFamilyTests {
    @Test func queuedSignalsAreRead() throws {
        let program = try LineProgram("second-process")
        #expect(try program.ask("signals") == "ready")
        try program.process.send(.user1)
        try program.process.send(.terminate)
        try program.process.send(.user1)
        #expect(try program.ask("tell") == "SIGUSR1 SIGTERM end", "each once, the first of a kind")
    }

    /// The shell ends before its background process, which then belongs to the subreaper.
    @Test func orphansAreReaped() throws {
        let program = try LineProgram("second-process")
        #expect(try program.ask("adopt (read line < /dev/null; exit 3) & exit 4") == "3 4")
        #expect(try program.ask("adopt exit 5") == "5")
    }

    /// The end of the output means that the child, which has it too, is gone as well.
    @Test func aMortalChildDiesWithItsParent() throws {
        let program = try LineProgram("second-process")
        let answer = try program.ask("mortal-child")
        let child = try #require(answer.flatMap { Int32($0) })
        #expect(ProcessTable.row(of: ProcessID(rawValue: child))?.parent == program.process)
        try program.kill()
        #expect(try program.nextLine() == nil)
    }

    @Test func signallingTheDeadIsFine() throws {
        let child = ChildProcess(executable: "/bin/true", arguments: ["true"], environment: [:])
        let process = try child.spawn()
        _ = try waitForEnd(of: process)
        try process.send(.terminate)
        let error = try #require(throws: SystemError.self) { try waitForEnd(of: process) }
        #expect(error.call == "waitpid")
    }

    @Test func signalsHaveNames() {
        #expect(Signal.terminate.description == "SIGTERM")
        #expect(Signal(rawValue: 40).description == "signal 40")
        #expect(ProcessEnd.signalled(.kill).description == "SIGKILL")
        #expect(ProcessEnd.exited(code: 3).description == "exit code 3")
    }
}
