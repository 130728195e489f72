import ArgumentParser
import DeviceInventory
import Platform
import Runtimes

/// The flag that says how the ranks' collectives go.
struct RuntimeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How the ranks' collectives go. (default: FLEXMIG_RUNTIME, else auto)", valueName: "route"))
    var runtime: RuntimeChoice?

    /// The flag, or else the variable.
    func choice() throws(CommandFailure) -> RuntimeChoice {
        if let runtime { return runtime }
        guard let text = Environment.value(RouteVariable.choice), !text.isEmpty else { return .auto }
        guard let choice = RuntimeChoice(rawValue: text) else {
            let known = RuntimeChoice.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandFailure(
                CommandExit.usage, "\(RouteVariable.choice) is \"\(text)\"; allowed are \(known)")
        }
        return choice
    }

    /// Whether the user wants to read the whole reasoning.
    static var isTelling: Bool { ["info", "trace"].contains(Environment.value("FLEXMIG_DEBUG")?.lowercased()) }

    /// Decides, and turns a refusal into a failure of the command.
    static func decide(
        _ choice: RuntimeChoice, _ facts: RuntimeFacts, base: [String: String]
    ) throws(CommandFailure) -> RuntimeDecision {
        do throws(RuntimeRefusal) {
            return try RuntimeDecision(choice, facts, base: base)
        } catch {
            throw CommandFailure(CommandExit.unavailable, "\(error)")
        }
    }

    /// One line where the program is seen to use NCCL; everything with `FLEXMIG_DEBUG=info`.
    static func tell(_ decision: RuntimeDecision, _ say: (String) -> Void) {
        if decision.isWorthSaying || isTelling { say(decision.summary) }
        if isTelling { decision.reasoning.forEach(say) }
    }
}

extension RuntimeChoice: ExpressibleByArgument {}

extension RuntimeFacts {
    /// These facts with what a driver says of the node.
    ///
    /// - Parameter indices: of the GPUs that count; nil for all that have MIG on.
    func asking(_ inventory: NodeInventory, gpus indices: Set<Int>? = nil) -> RuntimeFacts {
        var facts = self
        facts.driver = inventory.driver.version
        facts.gpus = inventory.gpus.filter { indices?.contains($0.index) ?? $0.migMode.isOn }.map {
            GPU(name: "GPU \($0.index) (\($0.name))", capability: $0.computeCapability)
        }
        return facts
    }
}
