import Launcher
import Testing

/// The environments of all ranks of one job, as its launcher really sets them.
struct RankEnvironments: Sendable, CustomTestStringConvertible {
    let word: String
    let origin: RankBinding.Origin
    /// In rank order: the node that the rank is on, and its environment without the leaves.
    let ranks: [(node: Int, variables: [String: String])]
    /// How the ranks learn of their leaves.
    var leafVariable = RankVariable.leaves

    var testDescription: String { word }

    /// The leaves of a node, as many as it has ranks.
    func leaves(on node: Int) -> [String] {
        (0..<ranks.count { $0.node == node }).map { "MIG-5c0ffee0-0000-5000-8000-0000000\(node)000\($0)" }
    }

    /// Everything that a rank finds, with something of the user's own.
    func environment(of rank: Int) -> [String: String] {
        let (node, variables) = ranks[rank]
        return variables.merging([leafVariable: leaves(on: node).joined(separator: ","), "HOME": "/home/anna"]) { $1 }
    }

    /// Ranks laid out block by block over nodes: (rank, node, local rank, ranks on the node).
    fileprivate static func blocks(_ perNode: [Int]) -> [(rank: Int, node: Int, local: Int, localSize: Int)] {
        var places: [(rank: Int, node: Int, local: Int, localSize: Int)] = []
        for (node, count) in perNode.enumerated() {
            for local in 0..<count { places.append((places.count, node, local, count)) }
        }
        return places
    }
}

extension RankEnvironments {
    static func flexmig(ranks count: Int) -> RankEnvironments {
        RankEnvironments(
            word: "flexmig run, \(count) ranks", origin: .flexmig,
            ranks: blocks([count]).map { place in
                (
                    place.node,
                    [
                        "FLEXMIG_JOB_ID": "j0123456789ab", RankVariable.rank: "\(place.rank)",
                        RankVariable.worldSize: "\(count)", RankVariable.rendezvous: "flexmig-j0123456789ab-77",
                        RankVariable.shares: Array(repeating: "0.25", count: count).joined(separator: ","),
                        RankVariable.supervisor: "4711", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "41234",
                    ]
                )
            })
    }

    /// `torchrun --nnodes N --nproc-per-node M`, with its default run id.
    static func torchrun(perNode: [Int], runID: String = "none", port: Int = 29500) -> RankEnvironments {
        let size = perNode.reduce(0, +)
        return RankEnvironments(
            word: "torchrun over \(perNode)", origin: .torchrun,
            ranks: blocks(perNode).map { place in
                (
                    place.node,
                    [
                        "TORCHELASTIC_RUN_ID": runID, "TORCHELASTIC_RESTART_COUNT": "0",
                        "TORCHELASTIC_MAX_RESTARTS": "0", "GROUP_RANK": "\(place.node)",
                        "GROUP_WORLD_SIZE": "\(perNode.count)", "ROLE_NAME": "default", "ROLE_RANK": "\(place.rank)",
                        "ROLE_WORLD_SIZE": "\(size)", "RANK": "\(place.rank)", "WORLD_SIZE": "\(size)",
                        "LOCAL_RANK": "\(place.local)", "LOCAL_WORLD_SIZE": "\(place.localSize)",
                        "MASTER_ADDR": perNode.count > 1 ? "node0" : "127.0.0.1", "MASTER_PORT": "\(port)",
                    ]
                )
            })
    }

    /// Open MPI 4 numbers its jobs, Open MPI 5 names them.
    static func openMPI(perNode: [Int], namespace: String = "3522756609") -> RankEnvironments {
        let size = perNode.reduce(0, +)
        return RankEnvironments(
            word: "Open MPI over \(perNode), job \(namespace)", origin: .openMPI,
            ranks: blocks(perNode).map { place in
                var variables = [
                    "OMPI_COMM_WORLD_RANK": "\(place.rank)", "OMPI_COMM_WORLD_SIZE": "\(size)",
                    "OMPI_COMM_WORLD_LOCAL_RANK": "\(place.local)", "OMPI_COMM_WORLD_LOCAL_SIZE": "\(place.localSize)",
                    "OMPI_COMM_WORLD_NODE_RANK": "\(place.local)", "OMPI_UNIVERSE_SIZE": "\(size)",
                    "PMIX_RANK": "\(place.rank)", "PMIX_NAMESPACE": namespace,
                ]
                if namespace.allSatisfy(\.isNumber) { variables["OMPI_MCA_ess_base_jobid"] = namespace }
                return (place.node, variables)
            })
    }

    /// MPICH's Hydra, and Intel MPI's, which sets the same and more.
    static func hydra(perNode: [Int], intel: Bool = false, batchJob: String? = nil) -> RankEnvironments {
        let size = perNode.reduce(0, +)
        let name = (intel ? "Intel MPI" : "MPICH Hydra") + " over \(perNode)"
        return RankEnvironments(
            word: batchJob.map { "\(name) in Slurm job \($0)" } ?? name, origin: .hydra,
            ranks: blocks(perNode).map { place in
                var variables = [
                    "PMI_RANK": "\(place.rank)", "PMI_SIZE": "\(size)", "PMI_FD": "\(9 + place.local)",
                    "MPI_LOCALRANKID": "\(place.local)", "MPI_LOCALNRANKS": "\(place.localSize)",
                ]
                if intel { variables["I_MPI_MPIRUN"] = "mpirun" }
                if let batchJob {
                    variables["SLURM_JOB_ID"] = batchJob
                    variables["SLURM_PROCID"] = "0"
                    variables["SLURM_NTASKS"] = "\(size)"
                    variables["SLURM_LOCALID"] = "0"
                }
                return (place.node, variables)
            })
    }

    static func srun(perNode: [Int], tasksPerNode: String, step: String = "0") -> RankEnvironments {
        let size = perNode.reduce(0, +)
        return RankEnvironments(
            word: "srun over \(tasksPerNode), step \(step)", origin: .slurm,
            ranks: blocks(perNode).map { place in
                (
                    place.node,
                    [
                        "SLURM_JOB_ID": "815", "SLURM_STEP_ID": step, "SLURM_PROCID": "\(place.rank)",
                        "SLURM_NTASKS": "\(size)", "SLURM_LOCALID": "\(place.local)", "SLURM_NODEID": "\(place.node)",
                        "SLURM_STEP_TASKS_PER_NODE": tasksPerNode, "SLURM_STEP_NUM_TASKS": "\(size)",
                        "SLURM_NNODES": "\(perNode.count)",
                    ]
                )
            })
    }

    /// The same job with more variables around each of its ranks.
    func inside(_ word: String, _ more: [String: String]) -> RankEnvironments {
        RankEnvironments(
            word: "\(self.word) inside \(word)", origin: origin,
            ranks: ranks.map { ($0.node, more.merging($0.variables) { $1 }) }, leafVariable: leafVariable)
    }

    /// The same job, told of its leaves in another way.
    func told(by variable: String) -> RankEnvironments {
        var job = self
        job.leafVariable = variable
        return job
    }

    /// What `sbatch` leaves in the environment of everything that its script starts.
    static let slurmBatchScript = [
        "SLURM_JOB_ID": "815", "SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_LOCALID": "0", "SLURM_NODEID": "0",
        "SLURM_TASKS_PER_NODE": "4(x2)",
    ]

    static let all: [RankEnvironments] = [
        .flexmig(ranks: 4), .flexmig(ranks: 1),
        .flexmig(ranks: 4).inside("a Slurm batch script", slurmBatchScript),
        .torchrun(perNode: [4]), .torchrun(perNode: [4, 4]), .torchrun(perNode: [2, 3], runID: "1b2e-77", port: 41001),
        .torchrun(perNode: [4]).told(by: "CUDA_VISIBLE_DEVICES"),
        .torchrun(perNode: [4]).inside("a Slurm batch script", slurmBatchScript),
        .openMPI(perNode: [4]), .openMPI(perNode: [3, 2]), .openMPI(perNode: [2], namespace: "prterun-node0-24680@1"),
        .openMPI(perNode: [4]).inside("a Slurm batch script", slurmBatchScript),
        .openMPI(perNode: [7]).told(by: "NVIDIA_VISIBLE_DEVICES"),
        .hydra(perNode: [4]), .hydra(perNode: [2, 2]), .hydra(perNode: [4], intel: true),
        .hydra(perNode: [2, 2], intel: true, batchJob: "815"), .hydra(perNode: [3], batchJob: "815"),
        .srun(perNode: [4], tasksPerNode: "4"), .srun(perNode: [4, 4, 3], tasksPerNode: "4(x2),3"),
        .srun(perNode: [1, 2, 2], tasksPerNode: "1,2(x2)", step: "12"),
        .srun(perNode: [7], tasksPerNode: "7").told(by: "CUDA_VISIBLE_DEVICES"),
    ]
}
