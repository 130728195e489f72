import Platform

/// Everything that was looked at, and what is to be said of it.
public struct Doctor: Sendable {
    public var node: NodeFacts
    public var program: ProgramFacts
    public var machine: MachineFacts
    /// What two processes found that talked to each other; nil where it was not tried.
    public var engine: TrialOutcome?
    public var plugin: TrialOutcome?

    public init(
        node: NodeFacts, program: ProgramFacts, machine: MachineFacts, engine: TrialOutcome?, plugin: TrialOutcome?
    ) {
        self.node = node
        self.program = program
        self.machine = machine
        self.engine = engine
        self.plugin = plugin
    }

    /// All findings, in the order of a table.
    public func findings() -> [Finding] {
        node.findings() + program.findings() + machine.findings(leaves: node.leafCount) + trials
    }

    private var trials: [Finding] {
        var findings: [Finding] = []
        if let engine {
            findings.append(
                engine.finding(
                    "self-test-engine", "two processes through the collectives engine",
                    fix: "Look at /dev/shm and the limits above; FLEXMIG_DEBUG=info flexmig doctor tells more."))
        }
        if let plugin {
            findings.append(
                plugin.finding(
                    "self-test-plugin", "two processes through the NCCL plugin",
                    fix: "Install the plugin that belongs to this flexmig (make build), or use --runtime nccl-socket."))
        }
        return findings
    }

    /// The first line of a report, and the exit code for scripts.
    public static func verdict(_ findings: [Finding]) -> (text: String, exitCode: Int) {
        let problems = findings.count { $0.status == .problem }
        let warnings = findings.count { $0.status == .warning }
        let text =
            problems > 0
            ? "\(problems) \(problems == 1 ? "problem" : "problems")"
            : warnings > 0 ? "no problem, \(warnings) \(warnings == 1 ? "warning" : "warnings")" : "no problem"
        return (text, problems > 0 ? 1 : 0)
    }
}

/// How a trial of two processes ended.
public enum TrialOutcome: Hashable, Sendable {
    case passed
    case failed(String)

    func finding(_ id: String, _ what: String, fix: String) -> Finding {
        switch self {
        case .passed: Finding(id, .ok, "\(what): right results on both", .processes)
        case .failed(let reason): Finding(id, .problem, "\(what): \(reason)", fix: fix, .processes)
        }
    }
}
