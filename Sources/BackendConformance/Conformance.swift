import DeviceInventory
import MIGModel

/// One thing that every device backend must keep, with the check of it.
public struct ConformanceRule: Sendable {
    /// What a rule's check came to.
    public enum Verdict: Hashable, Sendable {
        case held
        /// What was seen instead.
        case broken(String)
        /// Why there was nothing to check, such as no leaf on the node.
        case notChecked(String)
    }

    /// Whether the check only looks, or creates and destroys instances.
    public enum Part: String, Hashable, Sendable { case reading, writing }

    /// Names the rule; the same in every run.
    public let id: String
    /// The rule, in a sentence.
    public let says: String
    public let part: Part
    let check: @Sendable (any DeviceBackend) throws -> Verdict

    init(
        _ id: String, _ part: Part, _ says: String, check: @escaping @Sendable (any DeviceBackend) throws -> Verdict
    ) {
        self.id = id
        self.part = part
        self.says = says
        self.check = check
    }

    /// Checks the rule. An error that the check does not expect breaks the rule.
    public func verdict(on backend: any DeviceBackend) -> Verdict {
        do {
            return try check(backend)
        } catch {
            return .broken("\(error)")
        }
    }

    /// All rules, those that only look first. The writing ones work on the first GPU that has MIG on and no instances,
    /// and leave it as they found it; on hardware they take about a minute.
    public static let all = reading + writing

    /// The rule of that name.
    public static func named(_ id: String) -> ConformanceRule? { all.first { $0.id == id } }
}

extension ConformanceRule {
    /// Checks something of every GPU.
    static func ofGPUs(
        _ id: String, _ says: String, _ problem: @escaping @Sendable (GPU) -> String?
    ) -> ConformanceRule {
        ConformanceRule(id, .reading, says) { backend in
            let gpus = try backend.inventory().gpus
            if gpus.isEmpty { return .notChecked("the node has no GPU") }
            for gpu in gpus {
                if let problem = problem(gpu) { return .broken("GPU \(gpu.index): \(problem)") }
            }
            return .held
        }
    }
}
