import DeviceInventory
import FoundationEssentials
import MIGModel
import Platform

/// Everything that a supervisor must know to run a job: sent to it through a pipe, never through its arguments.
public struct JobRequest: Hashable, Sendable, Codable {
    /// How the ranks come to be.
    public enum Start: String, Hashable, Sendable, Codable {
        /// The supervisor starts one process per leaf.
        case rankPerLeaf
        /// The command is started once and starts the ranks itself, each through `flexmig exec`.
        case once
    }

    public var job: JobID
    /// In rank order.
    public var leaves: [Leaf]
    /// Each rank's share of the work; they add up to 1.
    public var shares: [Double]
    /// The program, as it will be executed, and its arguments.
    public var command: [String]
    public var start: Start
    public var localRank: LocalRankStyle
    public var masterPort: Int
    /// What names the job's shared-memory files.
    public var rendezvous: String
    /// A directory for a file per rank; nil sends output lines to the caller's output.
    public var outputDirectory: String?
    /// The job is ended when it runs longer than this; nil lets it run for ever.
    public var timeLimitSeconds: Double?
    /// Between SIGTERM and SIGKILL.
    public var graceSeconds: Double
    /// The executable whose `exec` command binds a rank.
    public var flexmig: String
    /// The NVML library to ask whether the leaves are empty.
    public var library: String
    public var stateDirectory: String
    /// How the ranks' collectives go.
    public var runtime: JobRuntime
    /// The signal that a rank gets when its leaf is quarantined; nil for none.
    public var quarantineSignal: Int32?
    /// The GPU of each leaf, in rank order; empty where nobody asked.
    public var gpus: [GPUUUID]

    public init(
        job: JobID, leaves: [Leaf], shares: [Double], command: [String], start: Start, localRank: LocalRankStyle,
        masterPort: Int, rendezvous: String, outputDirectory: String?, timeLimitSeconds: Double?,
        graceSeconds: Double, flexmig: String, library: String, stateDirectory: String,
        runtime: JobRuntime = JobRuntime(), quarantineSignal: Int32? = nil, gpus: [GPUUUID] = []
    ) {
        self.job = job
        self.leaves = leaves
        self.shares = shares
        self.command = command
        self.start = start
        self.localRank = localRank
        self.masterPort = masterPort
        self.rendezvous = rendezvous
        self.outputDirectory = outputDirectory
        self.timeLimitSeconds = timeLimitSeconds
        self.graceSeconds = graceSeconds
        self.flexmig = flexmig
        self.library = library
        self.stateDirectory = stateDirectory
        self.runtime = runtime
        self.quarantineSignal = quarantineSignal
        self.gpus = gpus
    }

    /// The environment of a rank's `flexmig exec`, or of the one command that starts the ranks.
    package func environment(rank: Int?, base: [String: String], supervisor: ProcessID) -> [String: String] {
        var variables = base
        // What another job or launcher around us may have left.
        for name in RankVariable.all { variables[name] = nil }
        variables = runtime.environment(adding: variables)
        variables[JobID.environmentVariable] = job.rawValue
        variables[RankVariable.leaves] = leaves.map(\.uuid.rawValue).joined(separator: ",")
        variables[RankVariable.shares] = shares.map { decimal($0) }.joined(separator: ",")
        variables[RankVariable.rendezvous] = rendezvous
        variables[RankVariable.localRankStyle] = localRank.rawValue
        variables["MASTER_ADDR"] = "127.0.0.1"
        variables["MASTER_PORT"] = String(masterPort)
        if let rank {
            variables[RankVariable.rank] = String(rank)
            variables[RankVariable.worldSize] = String(leaves.count)
            variables[RankVariable.supervisor] = supervisor.description
        } else {
            // The launcher's ranks call `flexmig exec` by name, also when this one was called by its path.
            let directory = flexmig.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
            variables["PATH"] = (variables["PATH"].map { "\($0):" } ?? "/usr/local/bin:/usr/bin:/bin:") + directory
            // Torchrun and its like choose the port of their ranks themselves.
            variables["CUDA_VISIBLE_DEVICES"] = variables[RankVariable.leaves]
        }
        return variables
    }

    package func encoded() throws -> [UInt8] {
        let body = Array(try JSONEncoder().encode(self))
        let length = UInt32(body.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + body
    }

    /// More than any command line that the system takes, and less than what would hurt.
    private static let longest = 64 << 20

    /// Reads a request with the length before it; nil when the pipe ends too early or the length makes no sense.
    package static func read(from pipe: borrowing Descriptor) throws -> JobRequest? {
        guard let head = try read(exactly: 4, from: pipe) else { return nil }
        let length = head.reduce(0) { $0 << 8 | Int($1) }
        guard length <= longest else { return nil }
        guard let body = try read(exactly: length, from: pipe) else { return nil }
        return try JSONDecoder().decode(JobRequest.self, from: Data(body))
    }

    private static func read(exactly count: Int, from pipe: borrowing Descriptor) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let part = try pipe.read(upTo: min(count - bytes.count, 65536)) else { return nil }
            bytes += part
        }
        return bytes
    }
}

/// A share as text, the same everywhere: six digits after the point.
func decimal(_ value: Double) -> String {
    let millionths = Int((value * 1_000_000).rounded())
    let digits = String(millionths % 1_000_000)
    return "\(millionths / 1_000_000)." + String(repeating: "0", count: 6 - digits.count) + digits
}
