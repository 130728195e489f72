import Foundation
import Platform
import SimulatedDriver
import Testing

/// A simulated node of a test's own, used through the `flexmig` program alone.
final class TestNode {
    let directory: String
    let spec: String

    /// Makes the node and flattens it.
    init(_ spec: String = "a100-40gb:2", layout: String? = "thin") throws {
        directory = temporaryDirectory("node")
        self.spec = spec
        let made = try flexmig("node", "list", "--simulate", spec)
        #expect(made.exitCode == 0, "\(made)")
        if let layout {
            let flat = try flexmig("node", "flatten", "--layout", layout)
            #expect(flat.exitCode == 0, "\(flat)")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var environment: [String: String] { ["FLEXMIG_NODE_DIRECTORY": directory] }

    @discardableResult
    func flexmig(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
        try start(arguments, environment: environment).wait()
    }

    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> RunningProgram {
        try Program.start(
            Program.flexmig, arguments, environment: self.environment.merging(environment) { $1 })
    }

    /// Starts `flexmig run` with a JobRank per leaf and waits until every rank is ready.
    func startJob(
        leaves: Int, options: [String] = ["--grace", "1"], _ rank: String...
    ) throws -> RunningProgram {
        let job = try start(
            ["run", "--leaves", "\(leaves)"] + options + ["--", Program.jobRank, "--say-ready"] + rank)
        let isReady = eventually(within: .seconds(20)) {
            job.output.split(separator: "\n").count { $0.hasSuffix("ready") } == leaves
        }
        #expect(isReady, "\(job.output)\n\(job.errors)")
        return job
    }

    // MARK: What is there

    struct Listing: Decodable {
        struct Driver: Decodable {
            var library: String
            var simulated: Bool
            var evidence: String
        }
        struct GPU: Decodable {
            var index: Int
            var uuid: String
            var layout: String
            var instances: [String]
        }
        struct Leaf: Decodable {
            struct Holder: Decodable {
                var job: String?
                var user: String?
                var command: String?
                var processes: [Int32]
            }
            var uuid: String
            var gpu: Int
            var profile: String
            var placement: String
            /// nil where the driver does not say.
            var memoryMiB: Int?
            var multiprocessors: Int?
            var numaNode: Int?
            var state: String
            var holder: Holder?
        }
        var driver: Driver
        var gpus: [GPU]
        var leaves: [Leaf]
    }

    func list() throws -> Listing {
        let outcome = try flexmig("node", "list", "--json")
        #expect(outcome.exitCode == 0, "\(outcome)")
        return try JSONDecoder().decode(Listing.self, from: Data(outcome.output.utf8))
    }

    /// The living processes that belong to this node, whoever their parent is.
    func processes() -> [ProcessRow] {
        ProcessTable.rows().filter { row in
            !row.isZombie
                && ProcessTable.environment(of: row.process)?[SimulatedNode.environmentVariable] == directory
        }
    }

    /// The supervisor that a launcher has started.
    func supervisor(of launcher: ProcessID) -> ProcessID? {
        ProcessTable.rows().first { $0.parent == launcher && !$0.isZombie }?.process
    }

    /// The ranks that a supervisor has started, in order of their start.
    func ranks(of supervisor: ProcessID) -> [ProcessID] {
        ProcessTable.rows().filter { $0.parent == supervisor && !$0.isZombie }
            .sorted { ($0.startTime, $0.process.rawValue) < ($1.startTime, $1.process.rawValue) }.map(\.process)
    }

    /// What must be so after every job, however it ended: no lease, no process, no shared memory, and by the driver's
    /// own log never two jobs on one leaf.
    func expectClean(
        within limit: Duration = .seconds(15), sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let isClean = eventually(within: limit) {
            processes().isEmpty && ((try? list().leaves.allSatisfy { $0.state == "free" }) ?? false)
        }
        let held = try list().leaves.filter { $0.state != "free" }
        #expect(
            isClean, "processes left: \(processes()); leaves held: \(held)", sourceLocation: sourceLocation)
        let jobs = try jobsInLog()
        let names = SharedMemoryName.all(withPrefix: "flexmig-").filter { name in
            jobs.contains { name.text.hasPrefix("flexmig-\($0)-") }
        }
        #expect(names.isEmpty, "left in shared memory: \(names)", sourceLocation: sourceLocation)
        let shared = try leavesSharedByTheLog()
        #expect(shared.isEmpty, "two jobs on one leaf: \(shared)", sourceLocation: sourceLocation)
    }

    private func jobsInLog() throws -> Set<String> {
        Set(try EventLog(path: "\(directory)/events.log").events().compactMap { $0.event.fields["job"] })
    }

    /// By the driver's log: openings of a leaf while another job had it open.
    func leavesSharedByTheLog() throws -> [String] {
        var open: [String: [String: String]] = [:]
        var shared: [String] = []
        for (_, event) in try EventLog(path: "\(directory)/events.log").events() {
            guard let leaf = event.fields["leaf"], let pid = event.fields["pid"], let job = event.fields["job"] else {
                continue
            }
            switch event.name {
            case "context-open":
                if let other = open[leaf]?.first(where: { $0.value != job }) {
                    shared.append("\(leaf): \(job) opened it while process \(other.key) of \(other.value) had it")
                }
                open[leaf, default: [:]][pid] = job
            case "context-close": open[leaf]?[pid] = nil
            default: break
            }
        }
        return shared
    }

    /// Contexts that the log knows of; a test whose jobs never touched a leaf proves nothing.
    func contextsOpened() throws -> Int {
        try EventLog(path: "\(directory)/events.log").events().count { $0.event.name == "context-open" }
    }
}
