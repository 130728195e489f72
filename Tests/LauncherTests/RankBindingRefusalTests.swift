import Launcher
import Testing

/// Environments that no rank can be bound in, and what the user reads.
struct RankBindingRefusalTests {
    private func refusal(_ environment: [String: String]) throws -> String {
        let error = try #require(throws: RankBindingError.self) {
            try RankBinding(environment: environment, user: 1000)
        }
        return error.description
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let word: String
        let job: RankEnvironments
        let variable: String
        /// nil takes the variable away.
        let value: String?
        let message: String
        var testDescription: String { word }

        init(_ word: String, _ job: RankEnvironments, _ variable: String, _ value: String?, _ message: String) {
            self.word = word
            self.job = job
            self.variable = variable
            self.value = value
            self.message = message
        }
    }

    static let wrong: [Wrong] = [
        Wrong(
            "no world size", .flexmig(ranks: 4), "FLEXMIG_WORLD_SIZE", nil,
            "FLEXMIG_WORLD_SIZE is not set, though the other variables of flexmig run are"),
        Wrong(
            "rank beyond the world", .flexmig(ranks: 4), "FLEXMIG_RANK", "4",
            "FLEXMIG_RANK is \"4\": it needs a whole number from 0 to 3"),
        Wrong(
            "negative rank", .flexmig(ranks: 4), "FLEXMIG_RANK", "-1",
            "FLEXMIG_RANK is \"-1\": it needs a whole number from 0 to 3"),
        Wrong(
            "rank in words", .torchrun(perNode: [4]), "RANK", "two",
            "RANK is \"two\": it needs a whole number from 0 to 3"),
        Wrong(
            "rank with a fraction", .torchrun(perNode: [4]), "RANK", "1.0",
            "RANK is \"1.0\": it needs a whole number from 0 to 3"),
        Wrong(
            "rank beyond Int", .torchrun(perNode: [4]), "RANK", "99999999999999999999",
            "RANK is \"99999999999999999999\": it needs a whole number from 0 to 3"),
        Wrong(
            "no rank", .torchrun(perNode: [4]), "RANK", nil,
            "RANK is not set, though the other variables of torchrun are"),
        Wrong(
            "empty rank", .torchrun(perNode: [4]), "RANK", "",
            "RANK is not set, though the other variables of torchrun are"),
        Wrong(
            "no local rank", .torchrun(perNode: [4]), "LOCAL_RANK", nil,
            "LOCAL_RANK is not set, though the other variables of torchrun are"),
        Wrong(
            "world of nobody", .openMPI(perNode: [4]), "OMPI_COMM_WORLD_SIZE", "0",
            "OMPI_COMM_WORLD_SIZE is \"0\": it needs a whole number from 1 to 1000000"),
        Wrong(
            "no world size of Open MPI", .openMPI(perNode: [4]), "OMPI_COMM_WORLD_SIZE", nil,
            "OMPI_COMM_WORLD_SIZE is not set, though the other variables of Open MPI's mpirun are"),
        Wrong(
            "local size in words", .openMPI(perNode: [4]), "OMPI_COMM_WORLD_LOCAL_SIZE", "all",
            "OMPI_COMM_WORLD_LOCAL_SIZE is \"all\": it needs a whole number from 1 to 1000000"),
        Wrong(
            "local rank beyond the world", .hydra(perNode: [4]), "MPI_LOCALRANKID", "9",
            "MPI_LOCALRANKID is \"9\": it needs a whole number from 0 to 3"),
        Wrong(
            "local rank beyond the node", .hydra(perNode: [2, 2]), "MPI_LOCALRANKID", "3",
            "local rank 3 of 2, of 4 ranks in all: these variables of MPICH's or Intel MPI's mpirun contradict "
                + "each other"),
        Wrong(
            "node larger than the world", .hydra(perNode: [2]), "MPI_LOCALNRANKS", "5",
            "local rank 0 of 5, of 2 ranks in all: these variables of MPICH's or Intel MPI's mpirun contradict "
                + "each other"),
        Wrong(
            "no local id", .srun(perNode: [4], tasksPerNode: "4"), "SLURM_LOCALID", nil,
            "SLURM_LOCALID is not set, though the other variables of srun are"),
        Wrong(
            "node number in words", .srun(perNode: [4], tasksPerNode: "4"), "SLURM_NODEID", "first",
            "SLURM_NODEID is \"first\": it needs a whole number from 0 to 100000"),
        Wrong(
            "port of zero", .flexmig(ranks: 4), "MASTER_PORT", "0",
            "MASTER_PORT is \"0\": it needs a whole number from 1 to 65535"),
        Wrong(
            "port too large", .torchrun(perNode: [4]), "MASTER_PORT", "65536",
            "MASTER_PORT is \"65536\": it needs a whole number from 1 to 65535"),
        Wrong(
            "port in words", .torchrun(perNode: [4]), "MASTER_PORT", "http",
            "MASTER_PORT is \"http\": it needs a whole number from 1 to 65535"),
        Wrong(
            "share in words", .flexmig(ranks: 4), "FLEXMIG_RANK_SHARES", "half,1,1,1",
            "FLEXMIG_RANK_SHARES is \"half,1,1,1\": it needs a number from 0 to 1 for each local rank"),
        Wrong(
            "share above 1", .flexmig(ranks: 4), "FLEXMIG_RANK_SHARES", "1.5,0,0,0",
            "FLEXMIG_RANK_SHARES is \"1.5,0,0,0\": it needs a number from 0 to 1 for each local rank"),
        Wrong(
            "share that is none", .flexmig(ranks: 4), "FLEXMIG_RANK_SHARES", "nan,0,0,0",
            "FLEXMIG_RANK_SHARES is \"nan,0,0,0\": it needs a number from 0 to 1 for each local rank"),
    ]

    @Test(arguments: wrong)
    func names(the test: Wrong) throws {
        var environment = test.job.environment(of: 0)
        environment[test.variable] = test.value
        #expect(try refusal(environment) == test.message)
    }

    @Test func tooFewShares() throws {
        var environment = RankEnvironments.flexmig(ranks: 4).environment(of: 3)
        environment[RankVariable.shares] = "0.5,0.5"
        #expect(
            try refusal(environment)
                == "FLEXMIG_RANK_SHARES is \"0.5,0.5\": it needs a number from 0 to 1 for each local rank")
    }

    @Test func moreRanksThanLeaves() throws {
        var environment = RankEnvironments.torchrun(perNode: [4]).environment(of: 3)
        environment[RankVariable.leaves] = "MIG-a,MIG-b"
        #expect(
            try refusal(environment) == """
                this is local rank 3 of 4 (by torchrun), but FLEXMIG_LEAVES names 2 leaves
                Start as many ranks on this node as the job has leaves here.
                """)
        environment[RankVariable.leaves] = nil
        environment["CUDA_VISIBLE_DEVICES"] = "MIG-a"
        #expect(try refusal(environment).contains("CUDA_VISIBLE_DEVICES names 1 leaf\n"))
    }

    @Test(arguments: [
        ("nothing at all", [:]), ("a whole GPU", ["CUDA_VISIBLE_DEVICES": "0"]),
        ("no device", ["CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "void"]),
        ("all devices", ["NVIDIA_VISIBLE_DEVICES": "all"]),
    ])
    func noLeaf(what: String, environment: [String: String]) throws {
        #expect(
            try refusal(environment) == """
                no leaf to run on: none of FLEXMIG_LEAVES, CUDA_VISIBLE_DEVICES and NVIDIA_VISIBLE_DEVICES names a MIG \
                device (MIG-...)
                Start the job with: flexmig run --leaves N -- COMMAND
                """, "\(what)")
    }

    /// Slurm's list as it should not be: the ranks are bound all the same, and the node is taken for the whole job.
    @Test(arguments: [
        ("words", "four"), ("nothing", ""), ("fewer nodes than the rank's", "4"), ("only commas", ",,"),
    ])
    func oddTasksPerNode(what: String, text: String) throws {
        var environment = RankEnvironments.srun(perNode: [4, 4], tasksPerNode: text).environment(of: 5)
        environment["SLURM_NODEID"] = "1"
        #expect(try RankBinding(environment: environment, user: 1000).localWorldSize == 8, "\(what)")
    }
}
