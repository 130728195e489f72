import DeviceInventory
import MIGModel

/// A plan as it is written to JSON and shown.
struct PlanReport: Encodable {
    struct Step: Encodable {
        /// destroy, create or complete.
        var action: String
        var profile: String
        var placement: String
        var reason: String
    }
    struct Kept: Encodable {
        var profile: String
        var placement: String
        /// Who is on its leaves.
        var inUse: [String]
    }
    struct GPUPart: Encodable {
        var gpu: Int
        var uuid: String
        var name: String
        /// asWanted, change, inUse (a leaf that would have to go is in use), or refused.
        var state: String
        var steps: [Step]
        var kept: [Kept]
        /// Why nothing can be done.
        var refusals: [String]
    }

    var wanted: String
    /// Whether nothing has to be done.
    var asWanted: Bool
    var gpus: [GPUPart]
    /// GPUs that are meant and have fallen off the bus.
    var lostGPUs: [Int]
    /// GPUs that are named and not there; a lost one may be among them.
    var missingGPUs: [String]

    init(_ plan: NodePlan) {
        wanted = plan.source
        asWanted = plan.isDone
        gpus = plan.parts.map(GPUPart.init)
        lostGPUs = plan.lost
        missingGPUs = plan.missing
    }

    /// One line for each step and each kept instance.
    var lines: [String] {
        if gpus.isEmpty, lostGPUs.isEmpty, missingGPUs.isEmpty { return ["nothing is wanted of any GPU of this node"] }
        return gpus.flatMap(\.lines)
            + lostGPUs.map { "GPU \($0)  has fallen off the bus; it needs a reset or a reboot" }
            + missingGPUs.map { "GPU \($0)  is named, and this node does not show it" }
    }
}

extension PlanReport.GPUPart {
    init(_ part: NodePlan.Part) {
        let geometry = part.gpu.geometry
        func name(_ spec: MIGSpec) -> String {
            geometry.profile(id: spec.profile)?.name ?? "profile \(spec.profile)"
        }
        self.init(
            gpu: part.gpu.index, uuid: part.gpu.uuid.rawValue, name: part.gpu.name, state: "asWanted", steps: [],
            kept: [], refusals: [])
        func take(_ plan: LayoutPlan) {
            steps = plan.steps.map { step in
                let (action, spec): (String, MIGSpec) =
                    switch step {
                    case .destroy(let instance): ("destroy", instance.spec)
                    case .create(let spec): ("create", spec)
                    case .complete(let instance): ("complete", instance.spec)
                    }
                return PlanReport.Step(
                    action: action, profile: name(spec), placement: "\(spec.placement)", reason: plan.reason(for: step))
            }
            kept = plan.kept.map { instance in
                let leaves = Set(instance.devices.map(\.uuid))
                return PlanReport.Kept(
                    profile: name(instance.spec), placement: "\(instance.spec.placement)",
                    inUse: part.uses.filter { leaves.contains($0.leaf) }.map(\.by))
            }
        }
        switch part.outcome {
        case .staysOff: break
        case .planned(let plan):
            take(plan)
            if !steps.isEmpty { state = "change" }
        case .refused(let refusal):
            state = "refused"
            refusals = ["\(refusal)"]
        case .inUse(let plan, let uses):
            take(plan)
            state = "inUse"
            refusals = uses.map { "leaf \($0.leaf) would have to go, but must stay: \($0.by)" }
        }
    }

    var lines: [String] {
        let heading = "GPU \(gpu)  \(name)  \(uuid)"
        if state == "asWanted" {
            let inUse = kept.filter { !$0.inUse.isEmpty }.count
            let instances = kept.isEmpty ? "" : " (\(kept.count) instances, \(inUse) of them in use or not ours)"
            return ["\(heading): as wanted\(instances)"]
        }
        var rows = steps.map { ["  \($0.action)", "\($0.profile) at \($0.placement)", $0.reason] }
        rows += kept.map { ["  keep", "\($0.profile) at \($0.placement)", $0.inUse.joined(separator: "; ")] }
        let refused = refusals.flatMap { $0.split(separator: "\n") }.map { "  refused: \($0)" }
        return [heading] + TextTable.aligned(rows) + refused
    }
}

extension TextTable {
    /// Rows without a heading, columns as wide as their widest cell.
    static func aligned(_ rows: [[String]]) -> [String] {
        guard let first = rows.first else { return [] }
        var table = TextTable(first)
        table.rows = Array(rows.dropFirst())
        return table.rendered().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
}
