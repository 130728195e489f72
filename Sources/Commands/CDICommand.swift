import ArgumentParser
import DeviceInventory
import MIGModel
import Platform
import Runtimes
import SimulatedDriver
import Yams

struct CDICommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cdi", abstract: "Give leaves to containers: files of the Container Device Interface.",
        subcommands: [CDIGenerateCommand.self])
}

struct CDIGenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Write the CDI file of this node's leaves.",
        discussion: """
            DEVICES
              flexmig.dev/leaf=MIG-...  one leaf; several can be given to one container
              flexmig.dev/leaf=NAME     leaves of --set, listed in FLEXMIG_LEAVES
              flexmig.dev/leaf=all      all leaves
            Quarantined leaves are left out. The file is to be written anew when the layout or the driver changes.

            EXAMPLES
              flexmig cdi generate --output /etc/cdi
              flexmig cdi generate --format json --set job1=MIG-5c0ff...,MIG-a11ce...
              podman run --device flexmig.dev/leaf=all IMAGE flexmig exec -- ./train
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case yaml, json }

    @Option(
        help: ArgumentHelp(
            "Write flexmig.dev-leaf.yaml (or .json) into this directory, in place of either; - prints it.",
            valueName: "directory"))
    var output = "-"
    @Option(help: "yaml or json.") var format: Format = .yaml
    @Option(
        help: ArgumentHelp("One more device of these leaves; can be given several times.", valueName: "name=leaf,leaf"))
    var set: [String] = []
    @Option(
        help: ArgumentHelp(
            "Where the driver is installed: its tables, libraries and programs are looked for below.",
            valueName: "directory"))
    var root: String?
    @OptionGroup var node: NodeOptions

    func run() throws {
        let sets = try set.map(parse)
        let access = try node.open()
        let inventory = try access.backend.inventory()
        let standings = try access.standings()
        var left: [Leaf] = []
        var leaves: [Leaf] = []
        for gpu in inventory.gpus {
            for leaf in gpu.leaves {
                if standings.standing(of: leaf.uuid, on: gpu.uuid).quarantine == nil {
                    leaves.append(leaf)
                } else {
                    left.append(leaf)
                }
            }
        }
        let root = try root ?? simulatedRoot(access) ?? ""
        let files = DriverFiles(root: root, driverVersion: inventory.driver.version)
        let spec: CDISpec
        do throws(CDIProblem) {
            spec = try CDISpec(
                inventory, leaves: leaves.sorted(by: Leaf.precedes), tables: DriverTables(root: root), sets: sets,
                files: files.found, hooks: files.hooks)
        } catch {
            let isUsage =
                switch error {
                case .unknownLeaf, .badName: true;
                default: false
                }
            throw CommandFailure(isUsage ? CommandExit.usage : CommandExit.unavailable, "\(error)")
        }
        let text: String
        switch format {
        case .json: text = try jsonText(spec) + "\n"
        case .yaml:
            let encoder = YAMLEncoder()
            encoder.options.sortKeys = true
            text = try encoder.encode(spec)
        }
        try write(text)
        for leaf in left { writeToStandardError("flexmig: leaf \(leaf.uuid) is quarantined and left out") }
        if files.found.isEmpty, access.backend.driver.simulatedNode == nil {
            writeToStandardError(
                "flexmig: no library of the driver was found in \(root)/etc/ld.so.cache; containers must bring libcuda.so.1 themselves"
            )
        }
        if DriverTables(root: root).majors["nvidia-uvm"] == nil {
            writeToStandardError(
                "flexmig: \(root)/proc/devices has no nvidia-uvm, which CUDA needs; load it: modprobe nvidia-uvm")
        }
    }

    private func parse(_ set: String) throws -> (name: String, leaves: [String]) {
        let parts = set.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
            throw CommandFailure(
                CommandExit.usage, "--set \(set): it must be a name, =, and leaves with commas between them")
        }
        return (parts[0], parts[1].split(separator: ",").map(String.init))
    }

    /// A simulated node has its tables in its own directory, as they are now.
    private func simulatedRoot(_ access: NodeAccess) throws -> String? {
        guard let directory = access.backend.driver.simulatedNode else { return nil }
        let root = "\(directory)/system"
        try SimulatedNode(opening: directory).writeSystemTables(in: root)
        return root
    }

    private func write(_ text: String) throws {
        if output == "-" {
            print(text, terminator: "")
            return
        }
        let path = "\(output)/\(CDISpec.fileName)"
        do throws(SystemError) {
            try Files.makeDirectories(output)
            try Files.replace("\(path).\(format.rawValue)", with: Array(text.utf8))
            // Two files with the same devices contradict each other for an engine.
            for other in Format.allCases where other != format { try Files.remove("\(path).\(other.rawValue)") }
        } catch {
            throw CommandFailure(
                error.isPermission ? CommandExit.permission : CommandExit.output, "--output \(output): \(error)")
        }
    }
}

/// What programs in containers need of a driver's installation.
private struct DriverFiles {
    var found: [DriverFile] = []
    var hooks: [CDISpec.Hook] = []

    private static let libraries = [
        "libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1", "libnvidia-nvvm.so.4",
        "libcudadebugger.so.1",
        "libnvidia-opencl.so.1", "libnvcuvid.so.1", "libnvidia-encode.so.1",
    ]

    init(root: String, driverVersion: String) {
        let cache = LoaderCache(path: root + LoaderCache.usualPath)
        var directories: [String] = []
        // The compiler's own name holds the driver's version.
        for name in Self.libraries + ["libnvidia-gpucomp.so.\(driverVersion)"] {
            // For another processor there may be one of the same name.
            guard
                let path = cache.paths(of: name).first(where: {
                    (try? ELFFile(path: root + $0).isForThisMachine) ?? false
                })
            else { continue }
            found.append(DriverFile(hostPath: root + path, containerPath: path))
            let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            if !directories.contains(directory) { directories.append(directory) }
        }
        for program in ["/usr/bin/nvidia-smi"] where !found.isEmpty && Files.isExecutable(root + program) {
            found.append(DriverFile(hostPath: root + program, containerPath: program))
        }
        let hook = "/usr/bin/nvidia-cdi-hook"
        if root.isEmpty, !directories.isEmpty, Files.isExecutable(hook) {
            hooks = [
                CDISpec.Hook(
                    path: hook,
                    args: ["nvidia-cdi-hook", "update-ldcache"] + directories.flatMap { ["--folder", $0] })
            ]
        }
    }
}
