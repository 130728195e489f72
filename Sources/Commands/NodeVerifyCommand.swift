import ArgumentParser
import DeviceInventory

struct NodeVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Tell whether the node is as wanted: exit code 0, or 1 with the differences.",
        discussion: """
            Changes nothing. The differences are the steps that apply would do.

            EXAMPLES
              flexmig node verify --layout thin
              flexmig node verify --file /etc/flexmig/layout.yaml
              flexmig node verify --file layout.yaml --json
            """)

    @OptionGroup var wanted: WantedOptions
    @OptionGroup var node: NodeOptions
    @Flag(help: "Print JSON.") var json = false
    @Flag(name: [.long, .short], help: "Print nothing; the exit code tells.") var quiet = false

    func validate() throws {
        try wanted.requireOne()
        if json && quiet { throw ValidationError("--json and --quiet exclude each other.") }
    }

    func run() throws {
        let report = PlanReport(try LayoutWork(node: node, wanted: wanted).plan())
        if json {
            try printJSON(report)
        } else if !quiet {
            report.lines.forEach { print($0) }
        }
        if !report.asWanted { throw ExitCode(Int32(CommandExit.different)) }
    }
}
