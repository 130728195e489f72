import ArgumentParser
import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver

/// The flags that say which node a command is about.
struct NodeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Use a simulated node, made when missing, such as a100-40gb:2 or a100-40gb:1,h100-80gb:1.",
            valueName: "gpus"))
    var simulate: String?

    @Option(
        name: [.long],
        help: ArgumentHelp(
            "Directory of the simulated node; processes that name the same one share it.", valueName: "directory"))
    var nodeDirectory: String?

    func validate() throws {
        if nodeDirectory?.isEmpty == true { throw ValidationError("--node-directory needs a directory.") }
    }

    /// Opens the node: the simulated one that flags, environment or configuration name, else the hardware.
    func open() throws -> NodeAccess { try NodeAccess(self) }
}

/// A node, ready to be worked with.
struct NodeAccess {
    let backend: NVMLBackend
    /// Where the node's ledger is.
    let stateDirectory: String
    /// What names the NVML library.
    let library: String

    static let defaultLibrary = "libnvidia-ml.so.1"
    static let simulatedLibrary = "libflexmig-simulated-nvml.so"

    init(_ options: NodeOptions) throws {
        let configuration = try Configuration.load()
        if let node = try Self.simulatedNode(options, configuration) {
            Environment.set(SimulatedNode.environmentVariable, node.directory)
            library = try Self.findSimulatedLibrary()
            stateDirectory = node.directory
            backend = try NVMLBackend(library: library)
        } else {
            library = Environment.value("FLEXMIG_NVML_LIBRARY") ?? configuration.library ?? Self.defaultLibrary
            stateDirectory =
                Environment.value("FLEXMIG_STATE_DIRECTORY") ?? configuration.stateDirectory ?? "/run/flexmig"
            do throws(DeviceError) {
                backend = try NVMLBackend(library: library)
            } catch {
                if error.kind != .libraryMissing { throw error }
                throw DeviceError(
                    kind: .libraryMissing, message: "no NVIDIA driver was found: \(error.message)",
                    advice: """
                        On a machine with MIG GPUs, install the NVIDIA driver (its library \(Self.defaultLibrary) is needed).
                        Without one, use a simulated node:
                          flexmig node list --simulate a100-40gb:2
                        or set FLEXMIG_SIMULATE=a100-40gb:2, or write "simulate: a100-40gb:2" into \
                        ~/.config/flexmig/config.yaml
                        """)
            }
        }
    }

    /// The simulated node that flags, environment or configuration name, made when missing; nil for the hardware. Its driver
    /// is not asked anything.
    static func simulatedNode(_ options: NodeOptions, _ configuration: Configuration) throws -> SimulatedNode? {
        let spec = options.simulate ?? Environment.value("FLEXMIG_SIMULATE") ?? configuration.simulate
        let directory =
            options.nodeDirectory ?? Environment.value("FLEXMIG_NODE_DIRECTORY") ?? configuration.nodeDirectory
            ?? (spec == nil ? Environment.value(SimulatedNode.environmentVariable) : nil)
        if spec == nil, directory == nil { return nil }
        return try openSimulated(spec: spec, directory: directory)
    }

    private static func openSimulated(spec: String?, directory: String?) throws -> SimulatedNode {
        guard let spec else { return try SimulatedNode(opening: directory ?? "") }
        let parsed: NodeSpec
        do throws(NodeSpecError) {
            parsed = try NodeSpec(parsing: spec)
        } catch {
            throw CommandFailure(CommandExit.usage, "--simulate \(spec): \(error)")
        }
        return try SimulatedNode.open(try directory ?? defaultDirectory(of: parsed), creating: parsed)
    }

    /// Where a simulated node lives when nobody says where: per user and per kind of node.
    static func defaultDirectory(of spec: NodeSpec) throws -> String {
        let name = "\(spec)".replacing(":", with: "x").replacing(",", with: "+")
        if let runtime = Environment.value("XDG_RUNTIME_DIR"), Files.isDirectory(runtime), Files.isWritable(runtime) {
            return "\(runtime)/flexmig/\(name)"
        }
        let own = "/tmp/flexmig-\(currentUser())"
        try Files.makeDirectory(own, permissions: 0o700)
        // Anybody may make a directory of that name in /tmp.
        guard try Files.owner(of: own) == currentUser() else {
            throw CommandFailure(
                CommandExit.permission, "\(own) belongs to another user; name a directory with --node-directory")
        }
        return "\(own)/\(name)"
    }

    /// The simulated library lies beside the program, or in ../lib of an installation.
    private static func findSimulatedLibrary() throws -> String {
        let directory = try Files.executableDirectory()
        let candidates = ["\(directory)/\(simulatedLibrary)", "\(directory)/../lib/\(simulatedLibrary)"]
        guard let found = candidates.first(where: { Files.exists($0) }) else {
            throw CommandFailure(
                CommandExit.unavailable,
                "the simulated driver \(simulatedLibrary) is missing beside \(directory)/flexmig; build it with: make build"
            )
        }
        return found
    }

    /// The ledger, made when missing.
    func ledger() throws(LedgerError) -> Ledger { try Ledger(stateDirectory: stateDirectory) }

    /// The leases as they are, for looking.
    func leaseStates(of leaves: [Leaf]) throws -> [MIGDeviceUUID: LeaseState] {
        guard let ledger = try Ledger.existing(stateDirectory: stateDirectory) else { return [:] }
        var states: [MIGDeviceUUID: LeaseState] = [:]
        for leaf in leaves { states[leaf.uuid] = try ledger.state(of: leaf.uuid) }
        return states
    }

    /// Owners and quarantines as they are, for looking.
    func standings() throws -> LeafStandings {
        try Ledger.existing(stateDirectory: stateDirectory)?.standings() ?? LeafStandings()
    }
}
