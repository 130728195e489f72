import MIGModel

/// Whether a route is possible, by the facts.
public struct RouteAssessment: Hashable, Sendable {
    public let route: RuntimeRoute
    /// What rules it out.
    public let obstacles: [String]
    /// What is not known, and could rule it out.
    public let doubts: [String]

    public var isPossible: Bool { obstacles.isEmpty }

    public init(_ route: RuntimeRoute, _ facts: RuntimeFacts) {
        self.route = route
        var obstacles: [String] = []
        var doubts: [String] = []
        switch route {
        case .nccl: Self.assessStock(facts, &obstacles, &doubts)
        case .ncclPlugin: Self.assessPlugin(facts, &obstacles, &doubts)
        case .ncclSocket: Self.assessSockets(facts, &obstacles, &doubts)
        case .flexmig: Self.assessBackend(facts, &obstacles, &doubts)
        }
        self.obstacles = obstacles
        self.doubts = doubts
    }

    /// The sources of these rules: docs/design/runtimes.md.
    private static let leastCapability = ComputeCapability(major: 9, minor: 0)
    private static let leastDriver = 580

    private static func assessStock(_ facts: RuntimeFacts, _ obstacles: inout [String], _ doubts: inout [String]) {
        if let version = facts.version {
            if version < .firstWithMIG {
                obstacles.append("it is NCCL \(version), and NCCL supports MIG from 2.31 on")
            }
        } else {
            doubts.append("NCCL's version is not known; it must be 2.31 or later")
        }
        if !facts.isOneHost { obstacles.append("the ranks are on several hosts; it was validated by NVIDIA on one") }
        if let gpus = facts.gpus {
            if let old = gpus.first(where: { $0.capability.map { $0 < leastCapability } ?? false }) {
                obstacles.append(
                    "\(old.name) has compute capability \(old.capability?.description ?? "?"), and NCCL supports MIG "
                        + "on Hopper (9.0) and newer")
            }
            if gpus.isEmpty || gpus.contains(where: { $0.capability == nil }) {
                doubts.append("the driver does not tell the GPU's compute capability; it must be 9.0 or more")
            }
        } else {
            doubts.append("the GPUs are not known")
        }
        if let driver = facts.driver, let major = driver.split(separator: ".").first.flatMap({ Int($0) }) {
            if major < leastDriver {
                obstacles.append("the driver is \(driver), and NCCL's support for MIG needs CUDA 13.0 (580 or later)")
            }
        } else {
            doubts.append("the driver's version is not known; it must be 580 or later")
        }
        if let own = facts.settings["NCCL_MULTI_RANK_GPU_ENABLE"], own.value == "0" {
            obstacles.append("NCCL_MULTI_RANK_GPU_ENABLE=0 is set by you (in \(own.source))")
        }
    }

    private static func assessPlugin(_ facts: RuntimeFacts, _ obstacles: inout [String], _ doubts: inout [String]) {
        if let version = facts.version {
            if version < .firstWithPlugin {
                obstacles.append("it is NCCL \(version), and our plugin needs 2.21 or later")
            } else if version > .lastSeenWithPlugin {
                doubts.append("NCCL \(version) is newer than what is known to take our plugin (2.32)")
            }
        } else {
            doubts.append("NCCL's version is not known; our plugin needs 2.21 or later")
        }
        if !facts.isOneHost { obstacles.append("the ranks are on several hosts, and our plugin serves one") }
        if let problem = facts.plugin.problem { obstacles.append(problem) }
        for (name, ours) in [("NCCL_NET", "flexmig"), ("NCCL_NET_PLUGIN", "flexmig")] {
            guard let own = facts.settings[name], !own.value.lowercased().contains(ours) else { continue }
            obstacles.append("\(name)=\(own.value) is set by you (in \(own.source))")
        }
    }

    private static func assessSockets(_ facts: RuntimeFacts, _ obstacles: inout [String], _ doubts: inout [String]) {
        guard let version = facts.version else {
            doubts.append("NCCL's version is not known; it must be 2.5.6 or later")
            return
        }
        if version < .firstWithHostID {
            obstacles.append("it is NCCL \(version), and the identity of ranks can be set from 2.5.6 on")
        }
    }

    private static func assessBackend(_ facts: RuntimeFacts, _ obstacles: inout [String], _ doubts: inout [String]) {
        if facts.torch.packageFolder == nil { obstacles.append("our Python package flexmig is not installed") }
        if !facts.isOneHost { obstacles.append("the ranks are on several hosts, and the backend flexmig serves one") }
        if let interpreter = facts.torch.interpreter, !facts.torch.hasTorch {
            obstacles.append(
                "the Python \(interpreter) has no PyTorch; install it: \(interpreter) -m pip install torch")
        }
        if facts.torch.interpreter == nil { doubts.append("the program's Python is not known; it must have PyTorch") }
    }
}
