import Launcher
import Testing

/// Which rank and which leaf a process gets under every launcher.
struct RankBindingTests {
    private static let user: UInt32 = 1000

    private func bindings(_ job: RankEnvironments) throws -> [RankBinding] {
        try job.ranks.indices.map { try RankBinding(environment: job.environment(of: $0), user: Self.user) }
    }

    @Test(arguments: RankEnvironments.all)
    func ranksAreThoseOfTheLauncher(job: RankEnvironments) throws {
        for (rank, binding) in try bindings(job).enumerated() {
            let node = job.ranks[rank].node
            let local = job.ranks[..<rank].count { $0.node == node }
            #expect(binding.origin == job.origin)
            #expect(binding.rank == rank)
            #expect(binding.worldSize == job.ranks.count)
            #expect(binding.localRank == local)
            #expect(binding.localWorldSize == job.ranks.count { $0.node == node })
            #expect(binding.leaf == job.leaves(on: node)[local])
        }
    }

    /// No leaf is given out twice.
    @Test(arguments: RankEnvironments.all)
    func leavesAreDistinct(job: RankEnvironments) throws {
        #expect(Set(try bindings(job).map(\.leaf)).count == job.ranks.count)
    }

    /// Ranks that disagree would wait for each other for ever.
    @Test(arguments: RankEnvironments.all)
    func ranksAgree(job: RankEnvironments) throws {
        let bindings = try bindings(job)
        #expect(Set(bindings.map(\.job)).count == 1)
        #expect(Set(bindings.map(\.rendezvous)).count == 1)
        #expect(Set(bindings.map(\.masterPort)).count == 1)
        #expect(Set(bindings.map(\.masterAddress)).count == 1)
        #expect(bindings.allSatisfy { (1...65535).contains($0.masterPort) })
        #expect(bindings.allSatisfy { !$0.rendezvous.contains("/") })
    }

    /// The shares add up to 1, as far as six digits go.
    @Test(arguments: RankEnvironments.all)
    func sharesAddUp(job: RankEnvironments) throws {
        let sum = try bindings(job).reduce(0) { $0 + $1.share }
        #expect(abs(sum - (job.word.hasPrefix("flexmig run") ? 0.25 * Double(job.ranks.count) : 1)) < 1e-9)
    }

    /// An unchanged program calls `set_device(LOCAL_RANK)`: there must be such a device.
    @Test(arguments: RankEnvironments.all)
    func localRankIsADevice(job: RankEnvironments) throws {
        for (rank, binding) in try bindings(job).enumerated() {
            let given = job.environment(of: rank)
            let bound = binding.environment(adding: given, localRankStyle: .device)
            let devices = try #require(bound["CUDA_VISIBLE_DEVICES"]).split(separator: ",")
            #expect(devices == [Substring(binding.leaf)])
            let localRank = try #require(bound["LOCAL_RANK"].flatMap { Int($0) })
            #expect(localRank < devices.count)
            #expect(bound["LOCAL_WORLD_SIZE"] == "1")
            // What the launcher says of the node is never lost.
            #expect(bound[RankVariable.localRank] == "\(binding.localRank)")
            #expect(bound[RankVariable.localWorldSize] == "\(binding.localWorldSize)")
        }
    }

    @Test(arguments: RankEnvironments.all)
    func localRankCountsTheNodeWhenAskedTo(job: RankEnvironments) throws {
        for (rank, binding) in try bindings(job).enumerated() {
            let bound = binding.environment(adding: job.environment(of: rank), localRankStyle: .node)
            #expect(bound["LOCAL_RANK"] == "\(binding.localRank)")
            #expect(bound["LOCAL_WORLD_SIZE"] == "\(binding.localWorldSize)")
            #expect(bound["CUDA_VISIBLE_DEVICES"] == binding.leaf)
        }
    }

    /// The program's whole environment, once.
    @Test func environmentOfAProgram() throws {
        let job = RankEnvironments.flexmig(ranks: 4)
        let binding = try RankBinding(environment: job.environment(of: 2), user: Self.user)
        let leaves = job.leaves(on: 0)
        let bound = binding.environment(adding: job.environment(of: 2), localRankStyle: .device)
        #expect(
            bound == [
                "HOME": "/home/anna", "CUDA_VISIBLE_DEVICES": leaves[2], "RANK": "2", "WORLD_SIZE": "4",
                "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "41234",
                "FLEXMIG_JOB_ID": "j0123456789ab", "FLEXMIG_LEAF": leaves[2], "FLEXMIG_LOCAL_RANK": "2",
                "FLEXMIG_LOCAL_WORLD_SIZE": "4", "FLEXMIG_RANK_SHARE": "0.250000",
                "FLEXMIG_RENDEZVOUS": "flexmig-j0123456789ab-77", "FLEXMIG_LEAVES": leaves.joined(separator: ","),
                "FLEXMIG_RANK": "2", "FLEXMIG_WORLD_SIZE": "4", "FLEXMIG_RANK_SHARES": "0.25,0.25,0.25,0.25",
            ])
    }

    /// A launcher under `flexmig run` numbers the ranks; the job stays the one that has the leases.
    @Test(arguments: [
        RankEnvironments.torchrun(perNode: [4]), .openMPI(perNode: [4]), .hydra(perNode: [4]),
        .srun(perNode: [4], tasksPerNode: "4"),
    ])
    func launcherInsideFlexmigRun(job: RankEnvironments) throws {
        let around = [
            "FLEXMIG_JOB_ID": "j0123456789ab", RankVariable.rendezvous: "flexmig-j0123456789ab-77",
            RankVariable.shares: "0.1,0.2,0.3,0.4", "MASTER_PORT": "41234",
        ]
        for (rank, binding) in try bindings(job.inside("flexmig run", around)).enumerated() {
            #expect(binding.origin == job.origin)
            #expect(binding.job == "j0123456789ab")
            #expect(binding.rendezvous == "flexmig-j0123456789ab-77")
            #expect(binding.share == Double(rank + 1) / 10)
            #expect(binding.masterPort == (job.origin == .torchrun ? 29500 : 41234))
        }
    }

    @Test func aloneWithOneLeaf() throws {
        let binding = try RankBinding(environment: ["CUDA_VISIBLE_DEVICES": "MIG-a"], user: Self.user)
        #expect(binding.origin == .alone)
        #expect([binding.rank, binding.localRank] == [0, 0])
        #expect([binding.worldSize, binding.localWorldSize] == [1, 1])
        #expect(binding.leaf == "MIG-a")
        #expect(binding.share == 1)
        #expect(binding.masterAddress == "127.0.0.1")
    }

    /// Which of several variables counts, and that whole GPUs are passed over.
    @Test(arguments: [
        ("leases", ["FLEXMIG_LEAVES": "MIG-a", "CUDA_VISIBLE_DEVICES": "MIG-b"], "MIG-a"),
        ("no leases", ["CUDA_VISIBLE_DEVICES": "MIG-b", "NVIDIA_VISIBLE_DEVICES": "MIG-c"], "MIG-b"),
        ("a container", ["NVIDIA_VISIBLE_DEVICES": "MIG-c"], "MIG-c"),
        ("a whole GPU first", ["CUDA_VISIBLE_DEVICES": "0,MIG-b"], "MIG-b"),
        ("whole GPUs only", ["CUDA_VISIBLE_DEVICES": "0,1", "NVIDIA_VISIBLE_DEVICES": "MIG-c"], "MIG-c"),
        ("empty ones", ["FLEXMIG_LEAVES": "", "CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "MIG-c"], "MIG-c"),
        ("an old name", ["CUDA_VISIBLE_DEVICES": "MIG-GPU-1234/7/0"], "MIG-GPU-1234/7/0"),
    ])
    func leafComesFrom(what: String, environment: [String: String], leaf: String) throws {
        #expect(try RankBinding(environment: environment, user: Self.user).leaf == leaf, "\(what)")
    }
}
