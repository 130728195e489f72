import ArgumentParser
import DeviceInventory

struct NodePlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show the steps from what is there to what is wanted; changes nothing.",
        discussion: """
            Prints for each GPU what is destroyed, created and kept, and why; and what is refused, because an instance \
            that would have to go is in use, or because the GPU can't have it. Then the exit code is the one that apply \
            would have: 75 or 69.

            EXAMPLES
              flexmig node plan --layout full
              flexmig node plan --file layout.yaml --gpu 0 --json
              flexmig node plan --file mig-parted.yaml --config all-balanced
            """)

    @OptionGroup var wanted: WantedOptions
    @OptionGroup var node: NodeOptions
    @Flag(help: "Print JSON.") var json = false

    func validate() throws { try wanted.requireOne() }

    func run() throws {
        let plan = try LayoutWork(node: node, wanted: wanted).plan()
        let report = PlanReport(plan)
        if json { try printJSON(report) } else { report.lines.forEach { print($0) } }
        do {
            try plan.requirePossible()
            try plan.requireAllThere()
        } catch {
            throw ExitCode(Int32(CommandFailure(error).code))
        }
    }
}
