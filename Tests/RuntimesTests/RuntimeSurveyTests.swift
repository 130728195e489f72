import Platform
import Runtimes
import TestSupport
import Testing

/// Where our Python package and its library are found.
struct RuntimeSurveyTests {
    private let directory: TemporaryDirectory
    private let torch: FakeTorch
    init() throws {
        directory = try TemporaryDirectory()
        torch = try FakeTorch(in: directory.path("venv"), nccl: "2.29.7")
        try FakeLibrary().write(to: directory.path("bin/libflexmig.so"))
    }

    private func package(in folder: String, withLibrary: Bool = false) throws {
        try Files.makeDirectories("\(folder)/flexmig")
        try Files.replace("\(folder)/flexmig/__init__.py", with: [])
        if withLibrary { try FakeLibrary().write(to: "\(folder)/flexmig/libflexmig.so") }
    }

    private func facts(_ environment: [String: String] = [:]) -> RuntimeFacts {
        RuntimeSurvey(
            command: [torch.python, "train.py"],
            environment: ["PATH": "/usr/bin:/bin", "HOME": directory.path("home")].merging(environment) { $1 },
            executableDirectory: directory.path("bin")
        ).facts(ranks: 2, isOneHost: true)
    }

    private func variables(_ facts: RuntimeFacts, base: [String: String] = [:]) throws -> [String: String] {
        try RuntimeDecision(.flexmig, facts, base: base).variables
    }

    @Test func nowhere() {
        #expect(facts().torch.packageFolder == nil)
        #expect(throws: RuntimeRefusal.self) { try RuntimeDecision(.flexmig, facts(), base: [:]) }
    }

    /// A wheel in the program's Python has all that is needed, so that nothing is set, and nothing put before it.
    @Test func anInstalledWheel() throws {
        try package(in: torch.packages, withLibrary: true)
        try package(in: directory.path("python"))
        let facts = facts()
        #expect(facts.torch.packageFolder == torch.packages && facts.torch.isInstalled)
        #expect(try variables(facts) == [:])
        // Another one can still be named.
        let named = self.facts(["FLEXMIG_PYTHON": directory.path("python")])
        #expect(try variables(named)["PYTHONPATH"] == directory.path("python"))
    }

    /// Sources that Python finds already lack the library alone.
    @Test func sourcesInPythonsPath() throws {
        try package(in: directory.path("sources"))
        let facts = facts(["PYTHONPATH": directory.path("sources")])
        #expect(try variables(facts) == ["FLEXMIG_LIBRARY": directory.path("bin/libflexmig.so")])
    }

    /// An installation, a bundle, and a folder .build/release of sources.
    @Test(arguments: ["lib/flexmig/python", "python"]) func besideTheProgram(folder: String) throws {
        try package(in: directory.path(folder))
        #expect(
            try variables(facts()) == [
                "PYTHONPATH": directory.path(folder), "FLEXMIG_LIBRARY": directory.path("bin/libflexmig.so"),
            ])
    }
}
