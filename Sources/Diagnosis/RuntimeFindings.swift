import Runtimes

/// A program for the doctor, or none, and what its collectives could go by.
public struct ProgramFacts: Sendable {
    /// Empty when no program was named.
    public var command: [String]
    public var facts: RuntimeFacts
    /// What the user has chosen by `FLEXMIG_RUNTIME`, else `auto`.
    public var choice: RuntimeChoice
    /// What that would do, or why nothing can be done.
    public var decision: Result<RuntimeDecision, RuntimeRefusal>
    /// Such as "PyTorch 2.11.0+cu130 in /venv/..."; nil where there is none.
    public var torch: String?

    public init(
        command: [String], facts: RuntimeFacts, choice: RuntimeChoice, base: [String: String], torch: TorchInstallation?
    ) {
        self.command = command
        self.facts = facts
        self.choice = choice
        do throws(RuntimeRefusal) {
            decision = .success(try RuntimeDecision(choice, facts, base: base))
        } catch {
            decision = .failure(error)
        }
        self.torch = torch.map { "PyTorch \($0.version ?? "of unknown version") in \($0.directory)" }
    }

    func findings() -> [Finding] {
        [nccl] + routes + [chosen, plugin, backend] + settings
    }

    private var nccl: Finding {
        if command.isEmpty {
            return Finding(
                "nccl", .note, "no program was named, so its NCCL is not known",
                fix: "flexmig doctor -- python train.py", .machine)
        }
        switch facts.nccl {
        case .none(let reason):
            return Finding(
                "nccl", .note, "no NCCL was found for the program: \(reason)",
                fix: "If it uses NCCL, name the program itself (python train.py, not a shell script).", .machine)
        case .broken(let path, let reason, let advice):
            return Finding("nccl", .problem, "NCCL \(path) can't be loaded: \(reason)", fix: advice, .machine)
        case .found(let library):
            return Finding("nccl", library.version == nil ? .note : .ok, facts.sentence, .machine)
        }
    }

    /// How sure this project is of a route.
    private static func grade(of route: RuntimeRoute) -> Finding.Grade {
        switch route {
        case .nccl: .documented
        // docs/measurements/gpu.md: gpu-check then set variables of its own.
        case .ncclSocket, .ncclPlugin: .trafficWithoutMIG
        case .flexmig: .gpuWithoutMIG
        }
    }

    private var routes: [Finding] {
        RuntimeRoute.allCases.map { route in
            let assessment = RouteAssessment(route, facts)
            return Finding(
                "route-\(route)", assessment.isPossible ? .ok : .note, assessment.sentence,
                fix: assessment.isPossible ? "nothing to do" : Self.fix(route), Self.grade(of: route))
        }
    }

    private static func fix(_ route: RuntimeRoute) -> String {
        switch route {
        case .nccl:
            "Only where you want this route: NCCL 2.31 (python -m pip install -U nvidia-nccl-cu13; let LD_PRELOAD name "
                + "its libnccl.so.2), driver 580, Hopper or newer."
        case .ncclPlugin:
            "Put \(NCCLPluginFile.fileName) beside flexmig or into ../lib (make build), and use NCCL 2.21 or later."
        case .ncclSocket: "Use NCCL 2.5.6 or later."
        case .flexmig:
            "Install our wheel (make wheel) and PyTorch into the program's Python; or let FLEXMIG_PYTHON name Flex-MIG's folder python."
        }
    }

    private var chosen: Finding {
        let isAuto = choice == .auto
        let who = isAuto ? "auto" : "\(RouteVariable.choice)=\(choice.rawValue)"
        switch decision {
        case .success(let decision): return Finding("choice", .ok, "\(who) takes \(decision.summary)", .machine)
        case .failure(let refusal):
            let fix = "Mend what the lines above name" + (isAuto ? "." : ", or unset \(RouteVariable.choice).")
            return Finding("choice", .problem, refusal.description, fix: fix, .machine)
        }
    }

    private var plugin: Finding {
        switch facts.plugin {
        case .usable(let path): Finding("plugin", .ok, "our NCCL plugin is \(path)", .machine)
        case .missing(let places):
            Finding(
                "plugin", .warning, "our NCCL plugin is not installed: none of \(places.joined(separator: ", "))",
                fix: "make build makes it; or let \(NCCLPluginFile.variable) name it.", .machine)
        case .unusable:
            Finding(
                "plugin", .problem, facts.plugin.problem ?? "",
                fix: "Install the one for \(ELFFile.ownMachine), or let \(NCCLPluginFile.variable) name it.", .machine)
        }
    }

    private var backend: Finding {
        let package =
            facts.torch.packageFolder.map { "our Python package is in \($0)" } ?? "our Python package is not installed"
        guard facts.torch.interpreter != nil else {
            return Finding("torch", .note, package, fix: Self.fix(.flexmig), .machine)
        }
        guard let torch else {
            return Finding(
                "torch", .note, "the program's Python has no PyTorch; \(package)",
                fix: "If the program needs it: \(facts.torch.interpreter ?? "python") -m pip install torch", .machine)
        }
        return Finding("torch", .ok, "\(torch); \(package)", .machine)
    }

    private var settings: [Finding] {
        facts.settings.sorted { $0.key < $1.key }.map { name, setting in
            let isIdentity = name == RouteVariable.hostID
            return Finding(
                "setting-\(name)", isIdentity ? .warning : .note,
                "\(name)=\(setting.value) is set by you (in \(setting.source)) and stays"
                    + (isIdentity ? "; one for all ranks makes NCCL refuse those on one GPU as duplicates" : ""),
                fix: "unset \(name), if you don't mean it.", .machine)
        }
    }
}
