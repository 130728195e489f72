import Platform
import Runtimes
import TestSupport
import Testing

/// Which libnccl is found; the libraries are fakes of which only place, header and version text matter.
struct NCCLSearchTests {
    private let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory() }

    private func find(
        _ command: [String], _ environment: [String: String] = [:], thorough: Bool = false
    ) -> NCCLFinding {
        var variables = ["PATH": "/usr/bin:/bin", "HOME": directory.path("home")]
        variables.merge(environment) { $1 }
        let program = CommandProgram(command: command, environment: variables)
        var python: PythonInstallation?
        if case .python(let interpreter) = program.kind {
            python = PythonInstallation(interpreter: interpreter, environment: program.environment)
        }
        var search = NCCLSearch(program, python: python, isThorough: thorough, cachePath: directory.path("no-cache"))
        return search.run()
    }

    private func library(_ finding: NCCLFinding) throws -> NCCLLibrary {
        guard case .found(let library) = finding else { throw NotFound(finding: finding) }
        return library
    }
    private struct NotFound: Error { let finding: NCCLFinding }

    @Test func theOneThatPyTorchAsksForByFakeVersions() throws {
        let torch = try FakeTorch(in: directory.path("venv"), nccl: "2.29.7")
        let found = try library(find([torch.python, "train.py"]))
        #expect(found.version == NCCLVersion(2, 29, 7) && found.isCertain)
        #expect(try Files.absolute(found.path) == (try Files.absolute(torch.nccl)))
    }

    /// PyTorch's wheels have an RPATH, which counts before LD_LIBRARY_PATH; only LD_PRELOAD is before it.
    @Test func rpathIsBeforeTheVariable() throws {
        let torch = try FakeTorch(in: directory.path("venv"), nccl: "2.29.7")
        try FakeLibrary.nccl("2.31.2").write(to: directory.path("new/libnccl.so.2"))
        let variables = ["LD_LIBRARY_PATH": directory.path("new")]
        #expect(try library(find([torch.python, "train.py"], variables)).version == NCCLVersion(2, 29, 7))
        let preloaded = find([torch.python, "train.py"], ["LD_PRELOAD": directory.path("new/libnccl.so.2")])
        #expect(try library(preloaded).version == NCCLVersion(2, 31, 2))
        #expect(try library(preloaded).how == "LD_PRELOAD")
    }

    /// A RUNPATH, as other builds have it, counts after LD_LIBRARY_PATH.
    @Test func runpathIsBehindTheVariable() throws {
        let torch = try FakeTorch(in: directory.path("venv"), nccl: "2.29.7")
        var cuda = FakeLibrary()
        cuda.needed = ["libnccl.so.2"]
        cuda.runpath = "$ORIGIN/../../nvidia/nccl/lib"
        try cuda.write(to: "\(torch.packages)/torch/lib/libtorch_cuda.so")
        #expect(try library(find([torch.python, "train.py"])).version == NCCLVersion(2, 29, 7))
        try FakeLibrary.nccl("2.31.2").write(to: directory.path("new/libnccl.so.2"))
        let variables = ["LD_LIBRARY_PATH": "/nowhere:" + directory.path("new")]
        #expect(try library(find([torch.python, "train.py"], variables)).version == NCCLVersion(2, 31, 2))
    }

    /// Variables that the command's own `env` sets, scripts whose first line names a Python, and launchers around
    /// `flexmig exec` lead to the same library.
    @Test func throughWrappers() throws {
        let torch = try FakeTorch(in: directory.path("venv"), nccl: "2.27.5")
        let script = directory.path("torchrun")
        try Files.replace(script, with: Array("#!\(torch.python)\nprint()\n".utf8), permissions: 0o755)
        let commands = [
            ["env", "A=1", torch.python, "train.py"], [script, "--nproc-per-node", "2", "train.py"],
            ["mpirun", "-n", "2", "flexmig", "exec", "--", torch.python, "train.py"],
            // Only the first "--" behind exec is ours.
            ["/opt/bin/flexmig", "exec", "--", torch.python, "train.py", "--", "--lr", "1"],
            ["srun", "--", "flexmig", "exec", "--local-rank", "node", "--", torch.python, "train.py", "--", "x"],
            ["env", "PATH=" + directory.path("venv/bin"), "python", "train.py"],
        ]
        for command in commands {
            #expect(try library(find(command)).version == NCCLVersion(2, 27, 5), "\(command)")
        }
    }

    @Test func packageWithoutPyTorch() throws {
        let torch = try FakeTorch(in: directory.path("venv"), nccl: "2.28.9")
        try Files.rename("\(torch.packages)/torch", to: "\(torch.packages)/nothing")
        #expect(try library(find([torch.python, "train.py"])).version == NCCLVersion(2, 28, 9))
    }

    @Test func insidePyTorch() throws {
        let torch = try FakeTorch(in: directory.path("venv"), nccl: nil)
        var cuda = FakeLibrary.nccl("2.21.5")
        cuda.needed = ["libc10.so"]
        try cuda.write(to: "\(torch.packages)/torch/lib/libtorch_cuda.so")
        let found = try library(find([torch.python, "train.py"]))
        #expect(found.version == NCCLVersion(2, 21, 5) && found.path.hasSuffix("libtorch_cuda.so"))
    }

    @Test func aLinkedProgram() throws {
        var program = FakeLibrary()
        program.needed = ["libnccl.so.2", "libc.so.6"]
        program.runpath = "$ORIGIN/lib"
        try program.write(to: directory.path("train"))
        guard case .broken(let path, let reason, let advice) = find([directory.path("train")]) else {
            Issue.record("nothing is there to be found")
            return
        }
        #expect(path == "libnccl.so.2" && reason.contains("nowhere") && advice.contains("pip install"))
        try FakeLibrary.nccl("2.26.2").write(to: directory.path("lib/libnccl.so.2"))
        #expect(try library(find([directory.path("train")])).version == NCCLVersion(2, 26, 2))
    }

    @Test(arguments: [["true"], ["sh", "-c", "exit"], ["/nowhere/train"], ["env", "-i", "true"], []])
    func programsWithoutNCCL(command: [String]) {
        guard case .none = find(command) else {
            Issue.record("\(find(command))")
            return
        }
    }

    /// What such a program would get if it loaded one by name is only looked for by the doctor.
    @Test func byNameOnlyWhenThorough() throws {
        try FakeLibrary.nccl("2.30.7").write(to: directory.path("libnccl.so.2"))
        let variables = ["LD_LIBRARY_PATH": directory.path("")]
        guard case .none = find(["true"], variables) else {
            Issue.record("found")
            return
        }
        let found = try library(find(["true"], variables, thorough: true))
        #expect(found.version == NCCLVersion(2, 30, 7) && !found.isCertain)
    }

    // MARK: What can't be loaded

    @Test(arguments: ["missing", "text", "other"]) func brokenPreload(kind: String) throws {
        let path = directory.path("libnccl.so.2")
        if kind == "text" { try Files.replace(path, with: Array("not a library, but long enough".utf8)) }
        if kind == "other" { try FakeLibrary.nccl("2.29.7", machine: FakeLibrary.otherMachine).write(to: path) }
        guard case .broken(let found, let reason, let advice) = find(["true"], ["LD_PRELOAD": path]) else {
            Issue.record("not seen")
            return
        }
        #expect(found == path && advice.contains("LD_PRELOAD"))
        let words = ["missing": "does not exist", "text": "no ELF file", "other": "this machine is"]
        #expect(reason.contains(try #require(words[kind])), "\(reason)")
    }

    /// The loader goes past a library of another processor, and says nothing.
    @Test func passedOver() throws {
        let torch = try FakeTorch(in: directory.path("venv"), nccl: nil)
        try FakeLibrary.nccl("2.29.7", machine: FakeLibrary.otherMachine).write(to: torch.nccl)
        guard case .broken(_, let reason, _) = find([torch.python, "train.py"]) else {
            Issue.record("not seen")
            return
        }
        #expect(reason.contains("is for") && reason.contains("libtorch_cuda.so needs it"), "\(reason)")
    }
}
