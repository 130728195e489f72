import ArgumentParser
import DeviceInventory
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

            The same as: flexmig node apply --layout NAME. GPUs that are as wanted already stay as they are. Nothing is \
            changed when a leaf that would have to go is held by a job or has a process.

            EXAMPLES
              flexmig node flatten --layout thin
              flexmig node flatten --layout full --gpu 0 --gpu 1 --dry-run
            """)

    @Option(help: "thin, full or doubles.")
    var layout: String
    @OptionGroup var gpus: GPUOptions
    @Flag(help: "Print what would be done, and do nothing.")
    var dryRun = false
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try checkLayoutName(layout) }

    func run() throws {
        guard let name = LayoutName(rawValue: layout) else { return }
        let work = try LayoutWork(
            access: try node.open(), wanted: WantedNode(all: .named(name), source: name.rawValue), gpus: gpus)
        try work.applyAndReport(
            command: "flexmig node flatten --layout \(name.rawValue)", dryRun: dryRun, patience: .seconds(2),
            output: output)
    }
}

extension LayoutWork {
    /// Applies, or only plans, and prints what that came to.
    func applyAndReport(command: String, dryRun: Bool, patience: Duration, output: OutputOptions) throws {
        let say: (String) -> Void = { if !output.quiet { writeToStandardError("flexmig: \($0)") } }
        let done: NodePlan
        do {
            if dryRun {
                done = try plan()
                try done.requirePossible()
            } else {
                done = try apply(command: command, patience: patience, say: say)
            }
        } catch {
            if output.json { try printJSON(ApplyFailureReport(error)) }
            throw error
        }
        let report = ApplyReport(done, dryRun: dryRun, node: try NodeReport(access))
        if output.json {
            try printJSON(report)
        } else if output.quiet {
            report.leaves.forEach { print($0) }
        } else {
            report.lines.forEach { print($0) }
        }
        try done.requireAllThere()
    }
}
