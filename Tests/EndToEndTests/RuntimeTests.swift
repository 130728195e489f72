import Foundation
import Platform
import TestSupport
import Testing

/// How `flexmig run` and `exec` choose a runtime. The NCCL libraries are fakes of which only versions and headers
/// matter: nothing here runs NCCL.
@Suite struct RuntimeTests {
    private let directory: String
    init() throws { directory = try TemporaryDirectory().path }

    /// A plugin of which only the header matters.
    private func fakePlugin(machine: UInt16 = FakeLibrary.ownMachine) throws -> String {
        try FakeLibrary(machine: machine).write(to: "\(directory)/libnccl-net-flexmig.so")
        return "\(directory)/libnccl-net-flexmig.so"
    }

    private static let show = "echo $FLEXMIG_ROUTE $NCCL_HOSTID $NCCL_NET $NCCL_NET_PLUGIN $NCCL_MULTI_RANK_GPU_ENABLE"

    /// The rank's words after "[rank N]", in rank order.
    private func words(_ outcome: Outcome) -> [[String]] {
        outcome.lines.filter { $0.hasPrefix("[rank ") }.sorted().map {
            $0.split(separator: " ").dropFirst(2).map(String.init)
        }
    }

    @Test(arguments: [
        ("a100-40gb:1", "2.29.7", "nccl-plugin", "from 2.31 on"),
        ("a100-40gb:1", "2.31.2", "nccl-plugin", "compute capability 8.0"),
        ("h100-80gb:1", "2.31.2", "nccl", "supports MIG itself"),
        ("h100-80gb:1", "2.20.5", "nccl-socket", "needs 2.21"),
    ])
    func autoByFakeVersions(spec: String, version: String, route: String, reason: String) throws {
        let node = try TestNode(spec)
        let torch = try FakeTorch(in: "\(directory)/venv", nccl: version)
        let plugin = try fakePlugin()
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--", torch.python, "-c", Self.show, environment: ["FLEXMIG_PLUGIN": plugin])
        #expect(outcome.exitCode == 0, "\(outcome)")
        // One line says which and why.
        let said = outcome.errors.split(separator: "\n").filter { $0.contains("runtime") }
        #expect(
            said.count == 1 && said[0].contains("runtime \(route): NCCL \(version)") && said[0].contains(reason),
            "\(outcome)")
        let ranks = words(outcome)
        #expect(ranks.count == 2 && ranks.allSatisfy { $0.first == route }, "\(outcome)")
        if route == "nccl" {
            #expect(ranks.allSatisfy { $0 == ["nccl", "1"] }, "\(outcome)")
        } else {
            // Each rank has an identity of its own.
            #expect(Set(ranks.map { $0[1] }).count == 2 && ranks[0][1].hasSuffix("-0") && ranks[1][1].hasSuffix("-1"))
            #expect(ranks[0].dropFirst(2) == (route == "nccl-plugin" ? ["FlexMIG", plugin] : ["Socket"]))
        }
        try node.expectClean()
    }

    /// Programs that load no NCCL hear nothing of it.
    @Test func programsWithoutNCCLHearNothing() throws {
        let node = try TestNode()
        let outcome = try node.flexmig("run", "--leaves", "2", "--", "true")
        #expect(outcome.exitCode == 0 && outcome.errors.isEmpty && outcome.output.isEmpty, "\(outcome)")
        let single = try node.flexmig("run", "--leaves", "1", "--", "sh", "-c", "echo \"<$NCCL_HOSTID$FLEXMIG_ROUTE>\"")
        #expect(single.output.contains("<>"), "\(single)")
    }

    @Test func debugTellsTheWholeReasoning() throws {
        let node = try TestNode()
        let torch = try FakeTorch(in: "\(directory)/venv", nccl: "2.29.7")
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--", torch.python, "-c", "true",
            environment: ["FLEXMIG_DEBUG": "info", "NCCL_NVLS_ENABLE": "1"])
        for text in [
            "route nccl: not possible", "route nccl-plugin: ", "route nccl-socket: possible", "route flexmig: ",
            "libnccl.so.2, by the RPATH of", "NCCL_HOSTID to JOB-RANK", "leaves NCCL_NVLS_ENABLE=1, set by you",
        ] { #expect(outcome.errors.contains(text), "\(text): \(outcome)") }
        try node.expectClean()
    }

    @Test func theUsersVariablesStay() throws {
        let node = try TestNode()
        let torch = try FakeTorch(in: "\(directory)/venv", nccl: "2.29.7")
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--runtime", "nccl-socket", "--", torch.python, "-c", "echo $NCCL_SOCKET_IFNAME",
            environment: ["NCCL_SOCKET_IFNAME": "eth7"])
        #expect(words(outcome) == [["eth7"], ["eth7"]], "\(outcome)")
        #expect(outcome.errors.contains("NCCL_SOCKET_IFNAME=eth7, which stays"), "\(outcome)")
    }

    /// What an outer job has set is not taken for the user's.
    @Test func aJobInAJob() throws {
        let node = try TestNode()
        let inner = "\(Program.flexmig) run --leaves 2 --runtime nccl-socket -- sh -c 'echo inner $NCCL_HOSTID'"
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--runtime", "nccl-socket", "--", "sh", "-c",
            "echo outer $NCCL_HOSTID; test $RANK = 1 || \(inner)")
        let identities = outcome.lines.filter { $0.contains("inner") || $0.contains("outer") }.map {
            String($0.split(separator: " ").last ?? "")
        }
        #expect(Set(identities).count == 4, "\(outcome)")
        #expect(!outcome.errors.contains("stays"), "\(outcome)")
        try node.expectClean()
    }

    @Test func theVariableChoosesToo() throws {
        let node = try TestNode()
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--", "sh", "-c", Self.show, environment: ["FLEXMIG_RUNTIME": "nccl-socket"])
        let ranks = words(outcome)
        #expect(outcome.exitCode == 0 && ranks.count == 2, "\(outcome)")
        #expect(ranks.allSatisfy { $0.first == "nccl-socket" }, "\(outcome)")
        let wrong = try node.flexmig("run", "--leaves", "2", "--", "true", environment: ["FLEXMIG_RUNTIME": "fast"])
        #expect(
            wrong.exitCode == 64 && wrong.errors.contains("FLEXMIG_RUNTIME is \"fast\"; allowed are auto"), "\(wrong)")
    }

    /// PyTorch's backend is found by the program, which must choose it itself.
    @Test func theBackendIsInPythonsPath() throws {
        let node = try TestNode()
        try Files.makeDirectories("\(directory)/python/flexmig")
        try Files.replace("\(directory)/python/flexmig/__init__.py", with: [])
        let outcome = try node.flexmig(
            "run", "--leaves", "2", "--runtime", "flexmig", "--", "sh", "-c", "echo $PYTHONPATH $FLEXMIG_LIBRARY",
            environment: ["FLEXMIG_PYTHON": "\(directory)/python"])
        #expect(outcome.exitCode == 0 && outcome.errors.contains("init_process_group(\"flexmig\")"), "\(outcome)")
        let ranks = words(outcome)
        #expect(ranks.count == 2, "\(outcome)")
        #expect(
            ranks.allSatisfy { $0.count == 2 && $0[0] == "\(directory)/python" && $0[1].contains("libflexmig") },
            "\(outcome)")
        let without = try FakeTorch(in: "\(directory)/venv", nccl: nil)
        try Files.rename("\(without.packages)/torch", to: "\(without.packages)/nothing")
        let refused = try node.flexmig(
            "run", "--leaves", "2", "--runtime", "flexmig", "--", without.python, "-c", "true",
            environment: ["FLEXMIG_PYTHON": "\(directory)/python"])
        #expect(refused.exitCode == 69 && refused.errors.contains("has no PyTorch; install it"), "\(refused)")
    }

    // MARK: What can't be

    @Test func refusalsNameTheReasonAndTheWayOut() throws {
        let node = try TestNode()
        let torch = try FakeTorch(in: "\(directory)/venv", nccl: "2.31.2")
        // Known only when the driver was asked, and so when leaves were taken: they are given back.
        let stock = try node.flexmig("run", "--leaves", "2", "--runtime", "nccl", "--", torch.python, "-c", "true")
        #expect(stock.exitCode == 69 && stock.errors.contains("compute capability 8.0"), "\(stock)")
        #expect(try node.list().leaves.allSatisfy { $0.state == "free" })

        let other = try fakePlugin(machine: FakeLibrary.otherMachine)
        let plugin = try node.flexmig(
            "run", "--leaves", "2", "--", torch.python, "-c", "true", environment: ["FLEXMIG_PLUGIN": other])
        #expect(
            plugin.exitCode == 69 && plugin.errors.contains("FLEXMIG_PLUGIN names \(other), and it is for"), "\(plugin)"
        )

        try FakeLibrary.nccl("2.31.2", machine: FakeLibrary.otherMachine).write(to: torch.nccl)
        let library = try node.flexmig("run", "--leaves", "2", "--", torch.python, "-c", "true")
        #expect(library.exitCode == 69 && library.errors.contains("libtorch_cuda.so needs it"), "\(library)")
        try node.expectClean()
    }

    /// A libnccl without the text: a child process loads it and asks.
    @Test func theVersionOfALibraryWithoutText() throws {
        let node = try TestNode()
        let torch = try FakeTorch(in: "\(directory)/venv", nccl: nil)
        try Files.makeDirectories("\(torch.packages)/nvidia/nccl/lib")
        try Files.replace(torch.nccl, with: try Files.read("\(Program.directory)/libodd-nccl.so"), permissions: 0o755)
        let outcome = try node.flexmig("run", "--leaves", "2", "--", torch.python, "-c", "true")
        #expect(outcome.exitCode == 0 && outcome.errors.contains("NCCL 2.23.4"), "\(outcome)")
        // What can't be loaded stays unknown, and is no reason to fail.
        try FakeLibrary().write(to: torch.nccl)
        let unknown = try node.flexmig("run", "--leaves", "2", "--", torch.python, "-c", "true")
        #expect(unknown.exitCode == 0 && unknown.errors.contains("NCCL of unknown version"), "\(unknown)")
    }

    // MARK: Ranks that each decide for themselves

    private static func job() -> String { "\(ProcessID.current)\(randomToken(bytes: 3))" }

    /// Starts a rank of two as srun would.
    private func start(
        _ node: TestNode, rank: Int, _ words: [String], job: String, _ variables: [String: String] = [:]
    ) throws -> RunningProgram {
        let leaves = try node.list().leaves.prefix(2).map(\.uuid).joined(separator: ",")
        return try node.start(
            ["exec"] + words,
            environment: [
                "CUDA_VISIBLE_DEVICES": leaves, "SLURM_JOB_ID": job, "SLURM_STEP_ID": "0", "SLURM_PROCID": "\(rank)",
                "SLURM_NTASKS": "2", "SLURM_LOCALID": "\(rank)",
            ].merging(variables) { $1 })
    }

    /// Starts both ranks, each with its own words, and waits for both.
    private func pair(
        _ node: TestNode, _ first: [String], _ second: [String], second variables: [String: String] = [:]
    ) throws -> [Outcome] {
        let job = Self.job()
        let started = [
            try start(node, rank: 0, first, job: job), try start(node, rank: 1, second, job: job, variables),
        ]
        return try started.map { try $0.wait() }
    }

    /// Where the ranks of a job compare their runtimes.
    private func places(_ job: String) -> [SharedMemoryName] {
        SharedMemoryName.all(withPrefix: "flexmig-").filter { $0.text.contains(job) }
    }

    /// A rank 0 whose rank 1 never comes, once it waits for it.
    private func lonely(_ node: TestNode, job: String) throws -> RunningProgram {
        let rank = try start(
            node, rank: 0, ["--runtime", "nccl-socket", "--", "touch", "\(directory)/ran"], job: job,
            ["FLEXMIG_TIMEOUT": "60"])
        #expect(eventually(within: .seconds(20)) { !places(job).isEmpty }, "\(rank.errors)")
        return rank
    }

    @Test func agreeingRanksStart() throws {
        let node = try TestNode()
        let words = [
            "--runtime", "nccl-socket", "--", "sh", "-c", "echo $NCCL_HOSTID; grep SigBlk /proc/self/status",
        ]
        let outcomes = try pair(node, words, words)
        #expect(outcomes.allSatisfy { $0.exitCode == 0 }, "\(outcomes)")
        #expect(Set(outcomes.compactMap(\.lines.first)).count == 2, "\(outcomes)")
        // Signals that were held back while the ranks met act on the program.
        #expect(outcomes.allSatisfy { $0.lines.last == "SigBlk:\t0000000000000000" }, "\(outcomes)")
        // One of them says which.
        #expect(outcomes.count { $0.errors.contains("runtime nccl-socket") } == 1, "\(outcomes)")
    }

    @Test func differentRuntimesAreAnErrorOnAllRanks() throws {
        let node = try TestNode()
        let outcomes = try pair(
            node, ["--runtime", "nccl-socket", "--", "touch", "\(directory)/ran"],
            ["--runtime", "nccl", "--", "touch", "\(directory)/ran"])
        for outcome in outcomes {
            #expect(outcome.exitCode == 69, "\(outcome)")
            #expect(outcome.errors.contains("rank 0 of this node: nccl-socket, NCCL"), "\(outcome)")
            #expect(outcome.errors.contains("rank 1 of this node: nccl, NCCL"), "\(outcome)")
        }
        #expect(!Files.exists("\(directory)/ran"))
    }

    @Test func differentFakeVersionsAreAnErrorOnAllRanks() throws {
        let node = try TestNode()
        let (old, new) = (
            try FakeTorch(in: "\(directory)/old", nccl: "2.27.5"), try FakeTorch(in: "\(directory)/new", nccl: "2.29.7")
        )
        let outcomes = try pair(node, ["--", old.python, "-c", "true"], ["--", new.python, "-c", "true"])
        for outcome in outcomes {
            #expect(outcome.exitCode == 69 && outcome.errors.contains("NCCL 2.27.5"), "\(outcome)")
            #expect(outcome.errors.contains("NCCL 2.29.7"), "\(outcome)")
        }
    }

    /// A rank that can't start tells the others, which do not wait for it.
    @Test func aRefusalOnOneRankIsAnErrorOnAll() throws {
        let node = try TestNode()
        let torch = try FakeTorch(in: "\(directory)/venv", nccl: "2.29.7")
        let broken = try FakeTorch(in: "\(directory)/broken", nccl: nil)
        let outcomes = try pair(node, ["--", torch.python, "-c", "true"], ["--", broken.python, "-c", "true"])
        #expect(outcomes.allSatisfy { $0.exitCode == 69 }, "\(outcomes)")
        #expect(outcomes[0].errors.contains("rank 1 of this node: can't start"), "\(outcomes)")
        #expect(outcomes[1].errors.contains("libtorch_cuda.so needs it"), "\(outcomes)")
    }

    /// A rank that can't even read its own variables.
    @Test func aWrongVariableOnOneRankIsAnErrorOnAll() throws {
        let node = try TestNode()
        let words = ["--", "touch", "\(directory)/ran"]
        let outcomes = try pair(node, words, words, second: ["FLEXMIG_RUNTIME": "fast"])
        #expect(outcomes[0].exitCode == 69 && outcomes[1].exitCode == 64, "\(outcomes)")
        #expect(
            outcomes[0].errors.contains("rank 1 of this node: can't start: FLEXMIG_RUNTIME is \"fast\""), "\(outcomes)")
        #expect(outcomes[1].errors.contains("allowed are auto"), "\(outcomes)")
        #expect(!Files.exists("\(directory)/ran"))
    }

    /// The program is not started where it would wait for its peer.
    @Test func aRankThatDoesNotComeIsAnError() throws {
        let node = try TestNode()
        let job = Self.job()
        let outcome = try start(
            node, rank: 0, ["--runtime", "nccl-socket", "--", "touch", "\(directory)/ran"], job: job,
            ["FLEXMIG_TIMEOUT": "0.5"]
        ).wait()
        #expect(outcome.exitCode == 69 && outcome.errors.contains("could not compare their runtimes"), "\(outcome)")
        #expect(
            outcome.errors.contains("1 of 2 ranks have not joined") && outcome.errors.contains("FLEXMIG_TIMEOUT"),
            "\(outcome)")
        #expect(!Files.exists("\(directory)/ran") && places(job).isEmpty)
    }

    @Test func aNameThatIsNoneIsAnError() throws {
        let node = try TestNode()
        let outcome = try start(
            node, rank: 0, ["--runtime", "nccl-socket", "--", "touch", "\(directory)/ran"], job: Self.job(),
            ["FLEXMIG_RENDEZVOUS": "a/b"]
        ).wait()
        #expect(
            outcome.exitCode == 69 && outcome.errors.contains("\"a/b\" is no name for a place to meet"), "\(outcome)")
        #expect(!Files.exists("\(directory)/ran"))
    }

    @Test(arguments: [Signal.terminate, .interrupt, .hangUp])
    func aSignalWhileRanksCompareLeavesNothing(signal: Signal) throws {
        let node = try TestNode()
        let job = Self.job()
        let rank = try lonely(node, job: job)
        // A few words of each rank are all that goes through it.
        for place in places(job) { #expect(try Files.read(place.path).count < 256 << 10) }
        try rank.process.send(signal)
        let outcome = try rank.wait()
        #expect(outcome.exitCode == 128 + Int(signal.rawValue) && rank.end == .signalled(signal), "\(outcome)")
        #expect(places(job).isEmpty && !Files.exists("\(directory)/ran"))
    }

    /// What ranks leave that were killed while they compared, the next job removes.
    @Test func whatAKilledRankLeavesIsRemoved() throws {
        let node = try TestNode()
        let job = Self.job()
        let killed = try lonely(node, job: job)
        try killed.process.send(.kill)
        _ = try killed.wait()
        let left = try #require(places(job).first)
        // Its maker is not just about to lock it.
        try FileManager.default.setAttributes([.modificationDate: Date.now - 3600], ofItemAtPath: left.path)
        let words = ["--runtime", "nccl-socket", "--", "true"]
        let outcomes = try pair(node, words, words)
        #expect(outcomes.allSatisfy { $0.exitCode == 0 }, "\(outcomes)")
        #expect(places(job).isEmpty)
    }
}
