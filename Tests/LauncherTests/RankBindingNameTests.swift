import Launcher
import Testing

/// Names that keep one job's ranks together, and other jobs' ranks out.
struct RankBindingNameTests {
    private func binding(_ job: RankEnvironments, _ more: [String: String] = [:]) throws -> RankBinding {
        try RankBinding(environment: job.environment(of: 0).merging(more) { $1 }, user: 1000)
    }

    /// Two jobs of one user that can run on one node at the same time.
    static let pairs: [(what: String, first: RankEnvironments, second: RankEnvironments)] = [
        ("torchrun, two ports", .torchrun(perNode: [2]), .torchrun(perNode: [2], port: 29501)),
        ("torchrun, two run ids", .torchrun(perNode: [2], runID: "a"), .torchrun(perNode: [2], runID: "b")),
        ("Open MPI, two jobs", .openMPI(perNode: [2]), .openMPI(perNode: [2], namespace: "3522756610")),
        ("Slurm, two steps", .srun(perNode: [2], tasksPerNode: "2"), .srun(perNode: [2], tasksPerNode: "2", step: "1")),
        // These differ in nothing but their leaves: here in their number.
        ("Hydra, two jobs", .hydra(perNode: [2]), .hydra(perNode: [3])),
        ("Hydra in one Slurm job", .hydra(perNode: [2], batchJob: "815"), .hydra(perNode: [3], batchJob: "815")),
    ]

    @Test(arguments: pairs)
    func jobsAreKeptApart(what: String, first: RankEnvironments, second: RankEnvironments) throws {
        let (first, second) = (try binding(first), try binding(second))
        #expect(first.job != second.job, "\(what)")
        #expect(first.rendezvous != second.rendezvous)
    }

    /// Lone programs on two leaves must not meet in one segment or at one port.
    @Test func loneProcessesAreKeptApart() throws {
        let bindings = try ["MIG-a", "MIG-b"].map {
            try RankBinding(environment: ["CUDA_VISIBLE_DEVICES": $0], user: 1000)
        }
        #expect(bindings[0].job != bindings[1].job)
        #expect(bindings[0].rendezvous != bindings[1].rendezvous)
        #expect(bindings[0].masterPort != bindings[1].masterPort)
    }

    @Test func usersAreKeptApart() throws {
        let environment = RankEnvironments.openMPI(perNode: [2]).environment(of: 0)
        let names = try [UInt32(1000), 1001].map { try RankBinding(environment: environment, user: $0).rendezvous }
        #expect(names[0] != names[1])
    }

    /// A rendezvous is the beginning of file names, whatever a launcher calls its job.
    @Test(arguments: [
        ("slash", RankEnvironments.torchrun(perNode: [2], runID: "../../etc/x")),
        ("space and umlaut", .torchrun(perNode: [2], runID: "mein Lauf ä")),
        ("Open MPI 5", .openMPI(perNode: [2], namespace: "prterun-node0-24680@1")),
    ])
    func rendezvousIsAFileName(what: String, job: RankEnvironments) throws {
        let name = try binding(job).rendezvous
        #expect(name.hasPrefix("flexmig-"))
        #expect(name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-.".contains($0)) }, "\(name)")
    }

    @Test func jobIDOfTheUserIsAFileNameToo() throws {
        let binding = try binding(.openMPI(perNode: [2]), ["FLEXMIG_JOB_ID": "a/b"])
        #expect(binding.job == "a/b")
        #expect(binding.rendezvous == "flexmig-a-b-1000")
    }

    /// The environment's own words win over what would be made up, but empty ones are none.
    @Test func emptyVariablesAreUnset() throws {
        let job = RankEnvironments.openMPI(perNode: [2])
        let empty = try binding(
            job, ["FLEXMIG_JOB_ID": "", RankVariable.rendezvous: "", "MASTER_ADDR": "", "MASTER_PORT": ""])
        #expect(empty == (try binding(job)))
        let given = try binding(
            job, ["FLEXMIG_JOB_ID": "j1", RankVariable.rendezvous: "r1", "MASTER_ADDR": "node7", "MASTER_PORT": "4000"])
        #expect([given.job, given.rendezvous, given.masterAddress] == ["j1", "r1", "node7"])
        #expect(given.masterPort == 4000)
    }

    /// Ports are made up outside the range that the kernel hands out by itself.
    @Test(arguments: RankEnvironments.all.filter { ![.flexmig, .torchrun].contains($0.origin) })
    func madeUpPorts(job: RankEnvironments) throws {
        #expect((20000..<32768).contains(try binding(job).masterPort))
    }
}
