import ArgumentParser
import DeviceInventory
import Launcher
import MIGModel
import Platform

struct NodeFlattenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flatten", abstract: "Cut GPUs into leaves; instances in use are never touched.",
        discussion: """
            LAYOUTS
              thin     a 1g leaf on every slice that can have one
              full     six 1g leaves and one with double memory: all memory is used
              doubles  1g leaves with double memory
            GPUs without a double-memory profile (A30) have thin only.

            GPUs that are as wanted already stay as they are. Nothing is changed when a leaf that would have to go is \
            held by a job or has a process.

            EXAMPLES
              flexmig node flatten --layout thin
              flexmig node flatten --layout full --gpu 0 --gpu 1 --dry-run
            """)

    @Option(help: "thin, full or doubles.")
    var layout: String
    @Option(help: ArgumentHelp("Only this GPU, by index or UUID; can be given several times.", valueName: "id"))
    var gpu: [String] = []
    @Flag(help: "Print what would be done, and do nothing.")
    var dryRun = false
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if LayoutName(rawValue: layout) == nil {
            let known = LayoutName.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("Unknown layout '\(layout)'. Known layouts: \(known).")
        }
    }

    func run() throws {
        guard let name = LayoutName(rawValue: layout) else { return }
        let access = try node.open()
        let inventory = try access.backend.inventory()
        for wanted in gpu where !inventory.gpus.contains(where: { $0.matches(wanted) }) {
            throw CommandFailure(CommandExit.usage, inventory.gpus.unknown(wanted))
        }
        let ledger = try access.ledger()
        let say: (String) -> Void = { if !output.quiet { writeToStandardError("flexmig: \($0)") } }
        if !dryRun {
            let orphans = OrphanedJobs(backend: access.backend, ledger: ledger)
            try orphans.cleanUp(inventory.leaves.map(\.uuid), say: say)
        }
        let change = LayoutChange(backend: access.backend, ledger: ledger)
        let plans = try change.flatten(
            to: name, selecting: { gpu in self.gpu.isEmpty || self.gpu.contains { gpu.matches($0) } }, dryRun: dryRun,
            progress: say)
        let report = FlattenReport(plans, layout: name, dryRun: dryRun, node: try NodeReport(access))
        if output.json { return try printJSON(report) }
        if output.quiet { return report.leaves.forEach { print($0) } }
        report.lines.forEach { print($0) }
    }
}

extension GPU {
    /// Whether a user's index or UUID means this GPU.
    func matches(_ name: String) -> Bool { String(index) == name || uuid.rawValue == name }
}

/// What flatten did or would do.
private struct FlattenReport: Encodable {
    struct GPUChange: Encodable {
        var gpu: Int
        var steps: [String]
        var kept: Int
    }
    var layout: String
    var dryRun: Bool
    var gpus: [GPUChange]
    /// UUIDs of the leaves on these GPUs afterwards.
    var leaves: [String]

    init(_ plans: [LayoutPlan], layout: LayoutName, dryRun: Bool, node: NodeReport) {
        self.layout = layout.rawValue
        self.dryRun = dryRun
        gpus = plans.map { plan in
            GPUChange(
                gpu: plan.gpu.index, steps: plan.steps.map { $0.description(on: plan.gpu.geometry) },
                kept: plan.kept.count)
        }
        let changed = Set(plans.map(\.gpu.index))
        leaves = node.leaves.filter { changed.contains($0.gpu) }.map(\.uuid)
    }

    var lines: [String] {
        if gpus.isEmpty { return ["this node has no GPU"] }
        return gpus.map { change in
            if change.steps.isEmpty { return "GPU \(change.gpu): \(layout) already, nothing to do" }
            let kept = change.kept == 0 ? "" : ", \(change.kept) kept as they were"
            return dryRun
                ? "GPU \(change.gpu): would become \(layout)\(kept): \(change.steps.joined(separator: ", "))"
                : "GPU \(change.gpu): \(layout), \(change.steps.count) steps done\(kept)"
        }
    }
}
