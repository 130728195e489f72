import ArgumentParser
import DeviceInventory
import Platform

struct NodeListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the leaves of this node, and who holds them.",
        discussion: """
            EXAMPLES
              flexmig node list
              flexmig node list --simulate a100-40gb:2 --json
              flexmig node list --quiet
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let report = try NodeReport(try node.open())
        if output.json { return try printJSON(report) }
        if output.quiet { return report.leaves.forEach { print($0.uuid) } }
        print(report.driver.line)
        for gpu in report.gpus {
            print(gpu.line)
            if let line = gpu.modeLine { print(line) }
        }
        for index in report.lostGPUs { print("GPU \(index)  has fallen off the bus; it needs a reset or a reboot") }
        if report.leaves.isEmpty {
            return print("no leaves; make some with: flexmig node flatten --layout thin")
        }
        print("\n\(report.leafTable.rendered())")
        report.quarantineLines(now: secondsSince1970()).forEach { print($0) }
    }
}

extension NodeReport.Driver {
    /// Which library this is, in one line.
    var line: String {
        simulated
            ? "simulated driver \(version) (\(library)), node \(nodeDirectory ?? "?")"
            : "NVIDIA driver \(version) (\(library))"
    }
}

extension NodeReport.GPUReport {
    var line: String {
        "GPU \(index)  \(name)  \(uuid)  NUMA \(numaNode.map(String.init) ?? "-")  MIG \(migMode)  layout \(layout)"
    }

    /// For a GPU whose MIG mode is off or about to change.
    var modeLine: String? {
        guard migMode != "on", let migSwitch else { return nil }
        return "  to switch it: \(migSwitch.command)  (\(migSwitch.takes))"
    }
}

extension NodeReport {
    var leafTable: TextTable {
        var table = TextTable(["LEAF", "GPU", "PROFILE", "PLACE", "MEMORY", "SMS", "NUMA", "OWNER", "STATE", "HOLDER"])
        table.rows = leaves.map {
            [
                $0.uuid, String($0.gpu), $0.profile, $0.placement, $0.memoryMiB.text(" MiB"), $0.multiprocessors.text(),
                $0.numaNode.map(String.init) ?? "-", $0.owner, $0.stateText, $0.holderText,
            ]
        }
        return table
    }

    /// A line for each quarantined leaf.
    func quarantineLines(now: Int) -> [String] {
        leaves.compactMap { leaf in
            leaf.quarantine.map {
                "\(leaf.uuid) is quarantined for \(ageText(now - $0.since)), by \($0.by): \($0.reason)"
            }
        }
    }
}
