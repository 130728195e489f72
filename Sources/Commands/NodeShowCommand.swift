import ArgumentParser
import DeviceInventory
import MIGModel
import Platform

struct NodeShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show GPUs in full: slices, leaves, and the profiles that they offer.",
        discussion: """
            EXAMPLES
              flexmig node show
              flexmig node show 1
              flexmig node show GPU-5c0ffee0-... --json
            """)

    @Argument(help: ArgumentHelp("GPU index or UUID, or a leaf's UUID; all GPUs without one.", valueName: "gpu"))
    var gpu: String?
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let access = try node.open()
        let inventory = try access.backend.inventory()
        var report = try NodeReport(access)
        let shown = try select(inventory.gpus)
        report.gpus = report.gpus.filter { row in shown.contains { $0.index == row.index } }
        report.leaves = report.leaves.filter { row in shown.contains { $0.index == row.gpu } }
        if let gpu, report.leaves.contains(where: { $0.uuid == gpu }) {
            report.leaves = report.leaves.filter { $0.uuid == gpu }
        }
        if output.json { return try printJSON(report) }
        if output.quiet { return report.leaves.forEach { print($0.uuid) } }
        print(report.driver.line)
        for gpu in shown {
            print("\n\(gpu.summary)\n\(gpu.slicePicture)")
            var part = report
            part.leaves = report.leaves.filter { $0.gpu == gpu.index }
            if !part.leaves.isEmpty { print("\n\(part.leafTable.rendered())") }
            part.quarantineLines(now: secondsSince1970()).forEach { print($0) }
            print("\n\(gpu.profileTable(isSimulated: report.driver.simulated).rendered())")
        }
    }

    private func select(_ gpus: [GPU]) throws -> [GPU] {
        guard let gpu else { return gpus }
        let found = gpus.filter { candidate in
            String(candidate.index) == gpu || candidate.uuid.rawValue == gpu
                || candidate.leaves.contains { $0.uuid.rawValue == gpu }
        }
        if found.isEmpty { throw CommandFailure(CommandExit.usage, gpus.unknown(gpu)) }
        return found
    }
}

extension [GPU] {
    /// What to say when there is no GPU of that name.
    func unknown(_ name: String) -> String {
        let known = map { "\($0.index) (\($0.uuid))" }.joined(separator: ", ")
        return "this node has no GPU \(name); it has \(known.isEmpty ? "none" : known)"
    }
}

extension GPU {
    var summary: String {
        let memory = leaves.contains { $0.memoryMiB == 0 } ? nil : leaves.reduce(0) { $0 + $1.memoryMiB }
        let sms = leaves.contains { $0.multiprocessors == 0 } ? nil : leaves.reduce(0) { $0 + $1.multiprocessors }
        let change = NodeReport.ModeSwitch(self)
        let mode = migMode == .unsupported ? "" : "\n  to switch MIG mode: \(change.command)  (\(change.takes))"
        return """
            GPU \(index)  \(name)  \(uuid)
              bus \(busID), NUMA node \(numaNode.map(String.init) ?? "unknown"), \(memoryMiB) MiB, MIG \(migMode.rawValue)
              \(leaves.count) leaves with \(KnownFigure(memory).text()) MiB and \(KnownFigure(sms).text()) SMs in total\(mode)
            """
    }

    /// Memory slices and what lies on them.
    var slicePicture: String {
        var line = "  "
        var slice = 0
        while slice < geometry.memorySlices {
            if let instance = instances.first(where: { $0.spec.placement.start == slice }) {
                let name = geometry.profile(id: instance.spec.profile)?.name ?? "?"
                line += "[\(slice): \(name)]"
                slice = instance.spec.placement.end
            } else {
                line += "[\(slice): -]"
                slice += 1
            }
        }
        return line
    }

    /// The profiles, how many more of each fit now, and where the figures come from.
    func profileTable(isSimulated: Bool) -> TextTable {
        var table = TextTable(["PROFILE", "ID", "FREE/MAX", "MEMORY", "SMS", "PLACES", "SOURCE"])
        table.rows = geometry.profiles.map { profile in
            let row = NodeReport.ProfileReport(profile, of: self, isSimulated: isSimulated)
            return [
                row.name, "\(row.id)", "\(row.free)/\(row.maximum)", row.memoryMiB.text(" MiB"),
                row.multiprocessors.text(), row.placements.joined(separator: " "), row.source,
            ]
        }
        return table
    }
}
