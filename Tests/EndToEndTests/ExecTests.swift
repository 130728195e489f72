import Platform
import Testing

@Suite struct ExecTests {
    static let printPlace = [
        "sh", "-c", "echo $RANK $WORLD_SIZE $LOCAL_RANK $FLEXMIG_LOCAL_RANK $CUDA_VISIBLE_DEVICES",
    ]

    /// A real launcher that nobody here wrote numbers the ranks, and each finds its own leaf.
    @Test(.enabled(if: (try? ChildProcess.locate("mpirun", path: Environment.value("PATH"))) != nil))
    func everyRankOfMPIGetsItsOwnLeaf() throws {
        let node = try TestNode()
        let mpi = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "4", Program.flexmig, "exec", "--"]
        let outcome = try node.start(
            ["run", "--leaves", "4", "--"] + mpi + Self.printPlace, environment: ["HOME": "/tmp"]
        ).wait()
        #expect(outcome.exitCode == 0, "\(outcome)")
        let rows = outcome.lines.map { $0.split(separator: " ").map(String.init) }.sorted { $0[0] < $1[0] }
        #expect(rows.map { Array($0.prefix(4)) } == (0..<4).map { ["\($0)", "4", "0", "\($0)"] }, "\(outcome)")
        #expect(Set(rows.compactMap(\.last)).count == 4)
        #expect(Set(rows.compactMap(\.last)).isSubset(of: try node.list().leaves.map(\.uuid)))
        try node.expectClean()
    }

    /// What mpirun leaves behind is ended like everything else of a job.
    @Test(.enabled(if: (try? ChildProcess.locate("mpirun", path: Environment.value("PATH"))) != nil))
    func anEndedMPIJobLeavesNothing() throws {
        let node = try TestNode()
        let job = try node.start(
            [
                "run", "--leaves", "3", "--grace", "1", "--", "mpirun", "--allow-run-as-root", "--oversubscribe", "-n",
                "3", Program.flexmig, "exec", "--", Program.jobRank, "--say-ready", "--seconds", "600",
            ], environment: ["HOME": "/tmp"])
        let isReady = eventually(within: .seconds(30)) {
            (try? node.list().leaves.count { $0.holder?.processes.count == 1 }) == 3
        }
        #expect(isReady, "\(job.output) \(job.errors)")
        try #require(node.supervisor(of: job.process)).send(.kill)
        #expect(try job.wait().exitCode == 137)
        try node.expectClean()
    }

    @Test func withoutLeavesTheWayOutIsShown() throws {
        let outcome = try Program.run(Program.flexmig, ["exec", "--", "true"])
        #expect(outcome.exitCode == 64 && outcome.errors.contains("flexmig run --leaves N"), "\(outcome)")
    }

    @Test func moreRanksThanLeavesIsAnError() throws {
        let outcome = try Program.run(
            Program.flexmig, ["exec", "--"] + Self.printPlace,
            environment: [
                "FLEXMIG_LEAVES": "MIG-a,MIG-b", "SLURM_PROCID": "2", "SLURM_NTASKS": "3", "SLURM_LOCALID": "2",
            ])
        #expect(outcome.exitCode == 64 && outcome.errors.contains("names 2 leaves"), "\(outcome)")
    }

    @Test func theProgramReplacesExec() throws {
        let program = try Program.start(
            Program.flexmig, ["exec", "--", "sh", "-c", "echo $$; exit 5"], environment: ["FLEXMIG_LEAVES": "MIG-a"])
        let process = program.process
        let outcome = try program.wait()
        #expect(outcome.exitCode == 5 && outcome.lines == ["\(process)"], "\(outcome)")
    }

    @Test func aMissingProgramIsTold() throws {
        let outcome = try Program.run(
            Program.flexmig, ["exec", "--", "nosuchcommand"], environment: ["FLEXMIG_LEAVES": "MIG-a"])
        #expect(outcome.exitCode == 127 && outcome.errors.contains("nosuchcommand"), "\(outcome)")
    }
}
