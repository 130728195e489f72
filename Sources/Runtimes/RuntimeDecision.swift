/// Which route a job takes, what is set for it, and why.
public struct RuntimeDecision: Hashable, Sendable {
    /// nil for a single rank, which needs none.
    public let route: RuntimeRoute?
    /// For all ranks. What the user has set himself is not among them.
    public let variables: [String: String]
    /// Whether each rank gets an `NCCL_HOSTID` of its own.
    public let setsHostIDs: Bool
    /// One line for the user.
    public let summary: String
    /// Whether the line is worth a place in every run: not where the program is not seen to load NCCL.
    public let isWorthSaying: Bool
    /// The whole reasoning, line by line.
    public let reasoning: [String]
}

/// Why a job can't be started the way that was asked for.
public struct RuntimeRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

extension RuntimeDecision {
    /// Decides by the facts alone.
    ///
    /// - Parameter choice: `auto` takes the first possible of `nccl`, `nccl-plugin` and `nccl-socket`; stock NCCL only
    ///   where nothing about it is in doubt.
    /// - Parameter base: the environment that the program would have without.
    /// - Throws: `RuntimeRefusal` when the chosen route is impossible, or the program's NCCL can't be loaded at all.
    public init(_ choice: RuntimeChoice, _ facts: RuntimeFacts, base: [String: String]) throws(RuntimeRefusal) {
        if choice != .flexmig, case .broken(let path, let reason, let advice) = facts.nccl {
            throw RuntimeRefusal("the program's NCCL \(path) can't be loaded: \(reason)\n\(advice)")
        }
        if case .unusable(let path, let reason, isChosen: true) = facts.plugin,
            choice == .ncclPlugin || choice == .auto
        {
            throw RuntimeRefusal(
                "\(NCCLPluginFile.variable) names \(path), and \(reason)\n"
                    + "Let it name a \(NCCLPluginFile.fileName) for \(ELFFile.ownMachine), or unset it.")
        }
        guard facts.ranks > 1 || choice == .flexmig else {
            self.init(
                route: nil, variables: [:], setsHostIDs: false, summary: "a single rank needs no route",
                isWorthSaying: false, reasoning: ["a single rank needs no route"])
            return
        }
        let assessments = RuntimeRoute.allCases.map { RouteAssessment($0, facts) }
        let chosen = try Self.choose(choice, assessments)
        let wanted = chosen.route.variables(facts, base: base, isForced: choice != .auto)
        let kept = facts.settings.filter {
            wanted[$0.key] != nil || $0.key == RouteVariable.hostID && chosen.route.hasHostIDs
        }
        let keptNames = kept.keys.sorted()
        let variables = wanted.filter { kept[$0.key] == nil }
        let setsHostIDs = chosen.route.hasHostIDs && kept[RouteVariable.hostID] == nil
        let why = Self.reason(chosen, choice, assessments, facts)
        let yours = keptNames.isEmpty ? "" : "; you have set \(Self.list(keptNames, kept)), which stays"
        var lines = [facts.sentence]
        for assessment in assessments { lines.append(assessment.sentence) }
        if chosen.route == .ncclPlugin { lines.append(facts.collNetSentence) }
        for name in variables.keys.sorted() { lines.append("sets \(name)=\(variables[name] ?? "")") }
        if setsHostIDs { lines.append("sets \(RouteVariable.hostID) to JOB-RANK for each rank") }
        for name in keptNames {
            lines.append("leaves \(name)=\(kept[name]?.value ?? ""), set by you (in \(kept[name]?.source ?? ""))")
        }
        if kept[RouteVariable.hostID] != nil {
            lines.append(
                "with one \(RouteVariable.hostID) for all ranks, NCCL refuses those on one GPU as duplicates; unset it")
        }
        self.init(
            route: chosen.route, variables: variables, setsHostIDs: setsHostIDs,
            summary: "runtime \(chosen.route): \(why)\(yours)",
            isWorthSaying: choice != .auto || facts.isSeenToLoadNCCL, reasoning: lines)
    }

    private static func choose(
        _ choice: RuntimeChoice, _ assessments: [RouteAssessment]
    ) throws(RuntimeRefusal) -> RouteAssessment {
        if let wanted = choice.route, let assessment = assessments.first(where: { $0.route == wanted }) {
            guard assessment.isPossible else {
                let others = assessments.filter { $0.isPossible && $0.route != .flexmig }.map(\.route.rawValue)
                let wayOut = others.isEmpty ? "" : "; possible are auto, \(others.joined(separator: ", "))"
                throw RuntimeRefusal(
                    "--runtime \(wanted) is not possible here:\n"
                        + assessment.obstacles.map { "  \($0)" }.joined(separator: "\n")
                        + "\nTake another runtime\(wayOut). All of it: flexmig doctor -- COMMAND")
            }
            return assessment
        }
        let possible = assessments.filter { assessment in
            switch assessment.route {
            case .nccl: assessment.isPossible && assessment.doubts.isEmpty
            case .ncclPlugin, .ncclSocket: assessment.isPossible
            // A program must ask for that backend itself.
            case .flexmig: false
            }
        }
        if let first = possible.first { return first }
        let obstacles = assessments.filter { $0.route != .flexmig }.map { "  \($0.sentence)" }
        throw RuntimeRefusal(
            "no route for the program's NCCL:\n\(obstacles.joined(separator: "\n"))\n"
                + "Install a newer NCCL (python -m pip install -U nvidia-nccl-cu13, or -cu12).")
    }

    /// Why this route, in one clause.
    private static func reason(
        _ chosen: RouteAssessment, _ choice: RuntimeChoice, _ assessments: [RouteAssessment], _ facts: RuntimeFacts
    ) -> String {
        let what: String
        switch chosen.route {
        case .nccl: what = "\(facts.library) supports MIG itself on this GPU and driver"
        case .ncclPlugin: what = "\(facts.library), its traffic through host shared memory by our plugin"
        case .ncclSocket: what = "\(facts.library), its traffic through its own sockets on this host"
        case .flexmig: what = "the program itself must import flexmig.torch and call init_process_group(\"flexmig\")"
        }
        if choice != .auto { return what + ", as you asked" }
        // Where nothing is known of the program's NCCL, the reasons say that already.
        let doubt = (facts.version == nil ? nil : chosen.doubts.first).map { "; not sure: \($0)" } ?? ""
        let better = assessments.prefix { $0.route != chosen.route }
        guard let last = better.last, let why = last.obstacles.first ?? last.doubts.first else { return what + doubt }
        return "\(what), as \(last.route) is \(last.isPossible ? "in doubt" : "not possible"): \(why)\(doubt)"
    }

    private static func list(_ names: [String], _ settings: [String: UserSetting]) -> String {
        names.map { "\($0)=\(settings[$0]?.value ?? "")" }.joined(separator: ", ")
    }
}

extension RouteAssessment {
    /// "route nccl: possible", or why not.
    public var sentence: String {
        let state = !isPossible ? "not possible" : doubts.isEmpty ? "possible" : "possible as far as is known"
        let reasons = (obstacles + doubts).joined(separator: "; ")
        return "route \(route): \(state)" + (reasons.isEmpty ? "" : ": \(reasons)")
    }
}

extension RuntimeDecision {
    /// The route, and whether all-reduces go by CollNet; ranks that differ in either would wait for each other.
    public var way: String {
        "\(route?.rawValue ?? "none")" + (variables[RuntimeRoute.collNet] == "1" ? " with CollNet" : "")
    }
}

extension RuntimeFacts {
    /// Why the plugin route has CollNet or has it not.
    var collNetSentence: String {
        let cause = workers.map { "FLEXMIG_NCCL_WORKERS is \($0)" } ?? "a rank has \(processorsPerRank) processors"
        return hasLanes
            ? "all-reduces on the processors (CollNet), where NCCL's tuner finds them cheaper: \(cause)"
            : "no all-reduces on the processors (CollNet), which pay from two threads a rank on: \(cause)"
    }

    var isSeenToLoadNCCL: Bool {
        if case .found(let library) = nccl { library.isCertain } else { false }
    }

    /// "NCCL 2.29.7", or what stands for it.
    public var library: String {
        guard case .found(let library) = nccl, library.isCertain else { return "NCCL" }
        return library.version.map { "NCCL \($0)" } ?? "NCCL of unknown version"
    }

    /// What was found of NCCL.
    public var sentence: String {
        switch nccl {
        case .none(let reason): "no NCCL was found for the program: \(reason)"
        case .broken(let path, let reason, _): "the program's NCCL \(path) can't be loaded: \(reason)"
        case .found(let library):
            "\(library.isCertain ? "the program loads" : "if the program loads NCCL, it is") "
                + "NCCL \(library.version?.description ?? "of unknown version"), \(library.path), by \(library.how)"
        }
    }
}
