import Platform
import Runtimes
import TestSupport
import Testing

struct PythonInstallationTests {
    private static let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first { Files.isExecutable($0) }

    /// What a real Python itself says of a real virtual environment, but for directories that are not there.
    @Test(.enabled(if: python != nil), arguments: [false, true])
    func sameAsARealPython(isOpen: Bool) throws {
        let directory = try TemporaryDirectory()
        let home = ["PATH": "/usr/bin:/bin", "HOME": directory.path("home")]
        let flags = isOpen ? ["--system-site-packages"] : []
        let made = try CapturedRun(
            try #require(Self.python), ["-m", "venv", "--without-pip"] + flags + [directory.path("venv")],
            environment: home, limit: .seconds(60))
        try #require(made.succeeded, "\(made.errors)")
        let interpreter = directory.path("venv/bin/python")
        let said = try CapturedRun(
            interpreter, ["-c", "import sys; print('\\n'.join(p for p in sys.path if 'packages' in p))"],
            environment: home, limit: .seconds(60))
        let theirs = said.output.split(separator: "\n").map(String.init).filter { Files.isDirectory($0) }
        let ours = PythonInstallation(interpreter: interpreter, environment: home).packageDirectories
        #expect(ours.filter { $0.contains("packages") } == theirs)
        #expect(!theirs.isEmpty)
    }

    @Test(.enabled(if: python != nil)) func sameAsTheSystemsPython() throws {
        let directory = try TemporaryDirectory()
        try Files.makeDirectories(directory.path("extra"))
        let home = ["PATH": "/usr/bin:/bin", "HOME": directory.path("home"), "PYTHONPATH": directory.path("extra")]
        let interpreter = try #require(Self.python)
        let said = try CapturedRun(
            interpreter, ["-c", "import sys; print('\\n'.join(sys.path))"], environment: home, limit: .seconds(60))
        let theirs = said.output.split(separator: "\n").map(String.init).filter {
            Files.isDirectory($0) && ($0.contains("packages") || $0.hasSuffix("/extra"))
        }
        let ours = PythonInstallation(interpreter: interpreter, environment: home).packageDirectories
        #expect(ours == theirs)
    }

    /// A script that chooses a Python, as pyenv's, is asked.
    @Test(.enabled(if: python != nil)) func aScriptIsAsked() throws {
        let directory = try TemporaryDirectory()
        let shim = directory.path("python3")
        let text = "#!/bin/sh\nPYTHONPATH='\(directory.path(""))' exec \(try #require(Self.python)) \"$@\"\n"
        try Files.replace(shim, with: Array(text.utf8), permissions: 0o755)
        try Files.makeDirectories(directory.path("torch"))
        try Files.replace(directory.path("torch/__init__.py"), with: [])
        try Files.replace(directory.path("torch/version.py"), with: Array("x = 1\n__version__ = '2.9.1+cpu'\n".utf8))
        let installation = PythonInstallation(interpreter: shim, environment: ["PATH": "/usr/bin:/bin"])
        let torch = try #require(TorchInstallation(in: installation))
        #expect(torch.version == "2.9.1+cpu")
    }

    @Test func brokenInterpretersHaveNothing() throws {
        let directory = try TemporaryDirectory()
        try Files.replace(directory.path("python"), with: Array("#!/bin/false\n".utf8), permissions: 0o755)
        for name in ["python", "missing"] {
            let installation = PythonInstallation(interpreter: directory.path(name), environment: ["PATH": "/bin"])
            #expect(installation.packageDirectories == [] && TorchInstallation(in: installation) == nil)
        }
    }
}
