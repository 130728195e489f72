import DeviceInventory
import Launcher
import MIGModel
import Platform
import Testing

/// What a supervisor is told of its job, and what it tells the ranks.
struct JobRequestTests {
    private static func leaf(_ number: Int) -> Leaf {
        Leaf(
            uuid: MIGDeviceUUID(rawValue: "MIG-\(number)"), gpu: 0, gpuInstance: GPUInstanceID(rawValue: 7 + number),
            computeInstance: 0, profile: "1g.5gb", leafType: .thin, placement: Placement(start: number, size: 1),
            memoryMiB: 4864, multiprocessors: 14, numaNode: number == 0 ? nil : 1)
    }

    private func request(shares: [Double] = [0.5, 0.5], start: JobRequest.Start = .rankPerLeaf) -> JobRequest {
        JobRequest(
            job: JobID(rawValue: "j0123456789ab"), leaves: (0..<shares.count).map(Self.leaf), shares: shares,
            command: ["/bin/train", "--name", "wörds \"and\" \n lines", ""], start: start, localRank: .node,
            masterPort: 41234, rendezvous: "flexmig-j0123456789ab-77", outputDirectory: "/tmp/o",
            timeLimitSeconds: 90.5, graceSeconds: 10, flexmig: "/usr/bin/flexmig", library: "libnvidia-ml.so.1",
            stateDirectory: "/run/flexmig")
    }

    // MARK: Through the pipe

    @Test func isReadAsItWasWritten() throws {
        let pipe = try Pipe()
        for request in [request(), request(start: .once)] {
            try pipe.writeEnd.write(try request.encoded())
            #expect(try JobRequest.read(from: pipe.readEnd) == request)
        }
    }

    @Test func leavesTheRestOfThePipeAlone() throws {
        let pipe = try Pipe()
        try pipe.writeEnd.write(try request().encoded() + [15])
        #expect(try JobRequest.read(from: pipe.readEnd) == request())
        #expect(try pipe.readEnd.read(upTo: 64) == [15])
    }

    /// A caller that dies while it writes: there is no job, whatever has come.
    @Test func truncatedRequest() throws {
        let bytes = try request().encoded()
        for length in 0..<bytes.count {
            let pipe = try Pipe()
            try pipe.writeEnd.write(bytes.prefix(length))
            #expect(try Self.readToEnd(pipe) == nil, "\(length) of \(bytes.count) bytes")
        }
    }

    @Test func otherBytes() throws {
        let pipe = try Pipe()
        try pipe.writeEnd.write([0, 0, 0, 3, 0x7b, 0x7d, 0x7d])
        #expect(throws: (any Error).self) { try JobRequest.read(from: pipe.readEnd) }
    }

    private static func readToEnd(_ pipe: consuming Pipe) throws -> JobRequest? {
        let readEnd = pipe.readEnd
        _ = consume pipe.writeEnd
        return try JobRequest.read(from: readEnd)
    }

    // MARK: The environment

    private static let supervisor = ProcessID(rawValue: 4711)

    @Test func environmentOfARank() {
        let variables = request(shares: [0.25, 0.75]).environment(
            rank: 1, base: ["HOME": "/home/anna", "CUDA_VISIBLE_DEVICES": "0"], supervisor: Self.supervisor)
        #expect(
            variables == [
                "HOME": "/home/anna", "CUDA_VISIBLE_DEVICES": "0", "FLEXMIG_JOB_ID": "j0123456789ab",
                "FLEXMIG_LEAVES": "MIG-0,MIG-1", "FLEXMIG_RANK_SHARES": "0.250000,0.750000",
                "FLEXMIG_RENDEZVOUS": "flexmig-j0123456789ab-77", "FLEXMIG_LOCAL_RANK_STYLE": "node",
                "FLEXMIG_RANK": "1", "FLEXMIG_WORLD_SIZE": "2", "FLEXMIG_SUPERVISOR": "4711",
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "41234",
            ])
    }

    /// A launcher that starts the ranks itself must not look like a rank.
    @Test func environmentOfALauncher() {
        let variables = request(start: .once).environment(rank: nil, base: [:], supervisor: Self.supervisor)
        #expect(variables["FLEXMIG_RANK"] == nil)
        #expect(variables["FLEXMIG_WORLD_SIZE"] == nil)
        #expect(variables["FLEXMIG_SUPERVISOR"] == nil)
        // Its ranks call `flexmig exec` by name.
        #expect(variables["PATH"]?.split(separator: ":").contains("/usr/bin") == true)
        let path = request(start: .once).environment(
            rank: nil, base: ["PATH": "/home/anna/bin"], supervisor: Self.supervisor)["PATH"]
        #expect(path == "/home/anna/bin:/usr/bin")
        #expect(variables["CUDA_VISIBLE_DEVICES"] == "MIG-0,MIG-1")
        #expect(variables["FLEXMIG_LEAVES"] == "MIG-0,MIG-1")
    }

    /// `flexmig run` within a rank of another job: nothing of that job shines through.
    @Test func outerJobIsForgotten() {
        let outer = request(shares: [0.1, 0.2, 0.7])
        var inner = request()
        inner.job = JobID(rawValue: "jother")
        inner.rendezvous = "flexmig-jother-1"
        for rank in [0, nil] {
            let around = outer.environment(rank: 2, base: [:], supervisor: ProcessID(rawValue: 99))
                .merging(["FLEXMIG_LEAF": "MIG-2", "FLEXMIG_RANK_SHARE": "0.7", "FLEXMIG_LOCAL_RANK": "2"]) { $1 }
            let clean = inner.environment(rank: rank, base: [:], supervisor: Self.supervisor)
            #expect(inner.environment(rank: rank, base: around, supervisor: Self.supervisor) == clean)
        }
    }

    /// Shares as every process reads them: a point and six digits.
    static let shareTexts: [(what: String, shares: [Double], text: String)] = [
        ("one", [1.0], "1.000000"), ("halves", [0.5, 0.5], "0.500000,0.500000"),
        ("thirds", [1 / 3.0, 1 / 3.0, 1 / 3.0], "0.333333,0.333333,0.333333"),
        ("unequal leaves", [26 / 42.0, 16 / 42.0], "0.619048,0.380952"),
        ("next to nothing", [0.000_000_4, 0.999_999_6], "0.000000,1.000000"),
        ("rounded up to 1", [0.999_999_9, 0.000_000_1], "1.000000,0.000000"),
        ("leading zeros", [0.000_001, 0.012_345], "0.000001,0.012345"),
    ]

    @Test(arguments: shareTexts)
    func shares(what: String, shares: [Double], text: String) throws {
        let variables = request(shares: shares).environment(rank: 0, base: [:], supervisor: Self.supervisor)
        #expect(variables["FLEXMIG_RANK_SHARES"] == text, "\(what)")
    }

    /// `flexmig exec` finds in it what `flexmig run` meant.
    @Test func ranksAreBoundByIt() throws {
        let request = request(shares: [0.25, 0.75])
        for rank in 0..<2 {
            let environment = request.environment(rank: rank, base: [:], supervisor: Self.supervisor)
            let binding = try RankBinding(environment: environment, user: 1000)
            #expect(binding.origin == .flexmig)
            #expect(binding.job == "j0123456789ab")
            #expect([binding.rank, binding.localRank] == [rank, rank])
            #expect([binding.worldSize, binding.localWorldSize] == [2, 2])
            #expect(binding.leaf == "MIG-\(rank)")
            #expect(binding.share == request.shares[rank])
            #expect(binding.masterPort == 41234)
            #expect(binding.rendezvous == "flexmig-j0123456789ab-77")
        }
    }
}
