import ArgumentParser
import DeviceInventory
import LayoutFiles
import MIGModel
import Platform

struct NodeExportCommand: ParsableCommand {
    enum Naming: String, ExpressibleByArgument, CaseIterable {
        case uuid, index
    }

    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write what is there as a layout file that apply takes.",
        discussion: """
            GPUs with MIG mode off are left out. GPUs are named by UUID, which stays the same over reboots; name them by \
            index for a file that goes to other nodes.

            EXAMPLES
              flexmig node export
              flexmig node export --output /etc/flexmig/layout.yaml
              flexmig node export --by index --gpu 0
            """)

    @Option(
        name: [.long, .short],
        help: ArgumentHelp("Write to this file, replaced in one step, instead of printing.", valueName: "path"))
    var output: String?
    @Option(help: "How GPUs are named: uuid or index.")
    var by: Naming = .uuid
    @OptionGroup var gpus: GPUOptions
    @OptionGroup var node: NodeOptions

    func run() throws {
        let inventory = try node.open().backend.inventory()
        try gpus.check(inventory.gpus)
        var notes = gpus.gpu.isEmpty ? inventory.lost.map { "GPU \($0) is left out: it has fallen off the bus" } : []
        var written: [LayoutFile.WrittenGPU] = []
        for gpu in inventory.gpus where gpus.selects(gpu) {
            guard gpu.migMode.isOn else {
                notes.append("GPU \(gpu.index) is left out: MIG mode \(gpu.migMode.rawValue)")
                continue
            }
            let odd = gpu.instances.filter { $0.devices.count != 1 }.count
            if odd > 0 {
                notes.append(
                    "GPU \(gpu.index): \(odd) instances have no device, or several; apply gives each one that spans it")
            }
            written.append(
                LayoutFile.WrittenGPU(
                    gpu: by == .uuid ? .uuid(gpu.uuid) : .index(gpu.index),
                    instances: gpu.instances.map { gpu.wantedProfile($0.spec) },
                    comment: "GPU \(gpu.index), \(gpu.name), layout \(gpu.layoutWord)"))
        }
        let driver = inventory.driver
        let heading = [
            "Layout of a node, as flexmig node export found it; read by flexmig node plan, apply and verify.",
            "\(driver.simulatedNode == nil ? "Driver" : "Simulated driver") \(driver.version)",
        ]
        guard !written.isEmpty else {
            throw CommandFailure(
                CommandExit.unavailable,
                (["there is no GPU with MIG mode on to export"] + notes).joined(separator: "\n"))
        }
        let text = LayoutFile.text(of: written, heading: heading + notes)
        for note in notes { writeToStandardError("flexmig: \(note)") }
        guard let output else { return print(text, terminator: "") }
        do throws(SystemError) {
            if let slash = output.lastIndex(of: "/"), slash != output.startIndex {
                try Files.makeDirectories(String(output[..<slash]))
            }
            try Files.replace(output, with: Array(text.utf8))
        } catch {
            throw CommandFailure(
                error.isPermission ? CommandExit.permission : CommandExit.output, "--output \(output): \(error)")
        }
    }
}

extension GPU {
    /// The name of the layout, "custom", or "none".
    var layoutWord: String { instances.isEmpty ? "none" : layoutName?.rawValue ?? "custom" }

    fileprivate func wantedProfile(_ spec: MIGSpec) -> WantedProfile {
        WantedProfile(name: geometry.profile(id: spec.profile)?.name ?? "?", placement: spec.placement)
    }
}
