import DeviceInventory
import MIGModel

/// What apply or flatten did or would do.
struct ApplyReport: Encodable {
    struct GPUChange: Encodable {
        var gpu: Int
        var steps: [String]
        var kept: Int
    }
    /// What was asked for: a layout's name, or a file.
    var layout: String
    var dryRun: Bool
    var gpus: [GPUChange]
    /// UUIDs of the leaves on these GPUs afterwards.
    var leaves: [String]

    init(_ plan: NodePlan, dryRun: Bool, node: NodeReport) {
        layout = plan.source
        self.dryRun = dryRun
        gpus = plan.parts.map { part in
            guard case .planned(let plan) = part.outcome else {
                return GPUChange(gpu: part.gpu.index, steps: [], kept: 0)
            }
            return GPUChange(
                gpu: part.gpu.index, steps: plan.steps.map { $0.description(on: part.gpu.geometry) },
                kept: plan.kept.count)
        }
        let changed = Set(plan.parts.map(\.gpu.index))
        leaves = node.leaves.filter { changed.contains($0.gpu) }.map(\.uuid)
    }

    var lines: [String] {
        if gpus.isEmpty { return ["nothing is wanted of any GPU of this node"] }
        return gpus.map { change in
            if change.steps.isEmpty { return "GPU \(change.gpu): \(layout) already, nothing to do" }
            let kept = change.kept == 0 ? "" : ", \(change.kept) kept as they were"
            return dryRun
                ? "GPU \(change.gpu): would become \(layout)\(kept): \(change.steps.joined(separator: ", "))"
                : "GPU \(change.gpu): \(layout), \(change.steps.count) steps done\(kept)"
        }
    }
}

/// An apply that did not end well, for scripts.
struct ApplyFailureReport: Encodable {
    var error: String
    var exitCode: Int
    /// Steps that were done, in order, each with its GPU.
    var done: [String]
    /// Steps that were not done, the failed one first.
    var notDone: [String]

    init(_ error: any Error) {
        self.error = "\(error)"
        exitCode = CommandFailure(error).code
        done = (error as? LayoutInterrupted)?.allDone ?? []
        notDone = (error as? LayoutInterrupted)?.allRemaining ?? []
    }
}
