import MIGModel

/// Why there is no CDI file of a node.
public enum CDIProblem: Error, Hashable, Sendable, CustomStringConvertible {
    case noCapabilities(root: String)
    case noMinor(leaf: MIGDeviceUUID, name: String, root: String)
    case noLeaves
    case unknownLeaf(String)
    case badName(String)

    public var description: String {
        switch self {
        case .noCapabilities(let root):
            """
            \(root)/proc/devices has no nvidia-caps, by which containers get MIG devices
            Load the NVIDIA driver (modprobe nvidia); releases from 450 on have it.
            """
        case .noMinor(let leaf, let name, let root):
            """
            the driver's tables have no device number for leaf \(leaf) (\(name))
            Looked in \(root)/proc/driver/nvidia-caps/mig-minors and \(root)/proc/driver/nvidia/capabilities.
            """
        case .noLeaves: "there is no leaf to give to containers\nMake some with: flexmig node flatten --layout thin"
        case .unknownLeaf(let name): "this node has no leaf \(name), or it is quarantined; see: flexmig node list"
        case .badName(let name):
            "\"\(name)\" can't be a device's name: a letter or digit, then letters, digits and any of _ - . :, and not taken"
        }
    }
}

/// A file or directory of the driver that programs in containers need, as found on the host.
public struct DriverFile: Hashable, Sendable {
    public let hostPath: String
    public let containerPath: String

    public init(hostPath: String, containerPath: String) {
        self.hostPath = hostPath
        self.containerPath = containerPath
    }
}

extension CDISpec {
    /// The devices of a node: each leaf by its UUID, sets of leaves by their names, and `all`.
    ///
    /// A leaf's device carries the leaf in an environment variable of its own. A set's also carries the list, which a leaf's can't:
    /// of two devices that set one variable, the last wins.
    /// - Parameter leaves: those to offer: of the inventory, and not quarantined.
    /// - Parameter sets: further devices of several leaves, by name.
    /// - Parameter files: the driver's libraries and programs.
    /// - Parameter hooks: what the engine runs to make the libraries found in the container.
    public init(
        _ inventory: NodeInventory, leaves: [Leaf], tables: DriverTables, sets: [(name: String, leaves: [String])] = [],
        files: [DriverFile] = [], hooks: [Hook] = []
    ) throws(CDIProblem) {
        if leaves.isEmpty { throw .noLeaves }
        guard let capabilities = tables.majors["nvidia-caps"] else {
            throw .noCapabilities(root: tables.rootForMessages)
        }
        var nodes: [MIGDeviceUUID: [DeviceNode]] = [:]
        for leaf in leaves {
            nodes[leaf.uuid] = try Self.nodes(of: leaf, in: inventory, tables, capabilities: capabilities)
        }
        var devices = leaves.map { leaf in
            Device(
                name: leaf.uuid.rawValue,
                containerEdits: Edits(env: [leaf.variable], deviceNodes: nodes[leaf.uuid]))
        }
        let all = (name: "all", leaves: leaves.map(\.uuid.rawValue))
        for set in sets + [all] {
            guard Self.isName(set.name), !devices.contains(where: { $0.name == set.name }) else {
                throw .badName(set.name)
            }
            var members: [Leaf] = []
            for name in set.leaves {
                guard let leaf = leaves.first(where: { $0.uuid.rawValue == name }) else { throw .unknownLeaf(name) }
                if !members.contains(leaf) { members.append(leaf) }
            }
            let list = members.map(\.uuid.rawValue).joined(separator: ",")
            var seen: Set<String> = []
            devices.append(
                Device(
                    name: set.name,
                    containerEdits: Edits(
                        env: members.map(\.variable) + ["FLEXMIG_LEAVES=\(list)", "CUDA_VISIBLE_DEVICES=\(list)"],
                        deviceNodes: members.flatMap { nodes[$0.uuid] ?? [] }.filter { seen.insert($0.path).inserted }))
            )
        }
        self.devices = devices
        containerEdits = Edits(
            // NVIDIA's own hook shall not add devices of its own.
            env: ["NVIDIA_VISIBLE_DEVICES=void"], deviceNodes: Self.controlNodes(tables),
            mounts: files.isEmpty ? nil : files.map { Mount(hostPath: $0.hostPath, containerPath: $0.containerPath) },
            hooks: hooks.isEmpty ? nil : hooks)
    }

    /// The major number that Linux has given to NVIDIA's GPUs, for drivers that list them under a name of their own.
    private static let frontend = 195

    private static func nodes(
        of leaf: Leaf, in inventory: NodeInventory, _ tables: DriverTables, capabilities: Int
    ) throws(CDIProblem) -> [DeviceNode] {
        let number = inventory.gpus.first { $0.index == leaf.gpu }?.minorNumber ?? leaf.gpu
        let instance = "gpu\(number)/gi\(leaf.gpuInstance)"
        var nodes = [
            DeviceNode(path: "/dev/nvidia\(number)", major: gpuMajor(tables), minor: number, permissions: "rw")
        ]
        for name in ["\(instance)/access", "\(instance)/ci\(leaf.computeInstance)/access"] {
            guard let minor = tables.minor(of: name) else {
                throw .noMinor(leaf: leaf.uuid, name: name, root: tables.rootForMessages)
            }
            nodes.append(
                DeviceNode(
                    path: "/dev/nvidia-caps/nvidia-cap\(minor)", major: capabilities, minor: minor,
                    fileMode: tables.mode(of: name) ?? 0o444, permissions: "r"))
        }
        return nodes
    }

    private static func gpuMajor(_ tables: DriverTables) -> Int {
        tables.majors["nvidia-frontend"] ?? tables.majors["nvidia"] ?? frontend
    }

    /// What every CUDA program opens; the memory module may not be loaded.
    private static func controlNodes(_ tables: DriverTables) -> [DeviceNode] {
        let control = tables.majors["nvidiactl"] ?? gpuMajor(tables)
        var nodes = [DeviceNode(path: "/dev/nvidiactl", major: control, minor: 255, permissions: "rw")]
        if let memory = tables.majors["nvidia-uvm"] {
            nodes += [("/dev/nvidia-uvm", 0), ("/dev/nvidia-uvm-tools", 1)].map {
                DeviceNode(path: $0.0, major: memory, minor: $0.1, permissions: "rw")
            }
        }
        return nodes
    }

    private static func isName(_ name: String) -> Bool {
        func isAlphanumeric(_ character: Character) -> Bool {
            character.isASCII && (character.isLetter || character.isNumber)
        }
        guard let first = name.first, let last = name.last, isAlphanumeric(first), isAlphanumeric(last) else {
            return false
        }
        return name.allSatisfy { isAlphanumeric($0) || "_-.:".contains($0) }
    }
}

extension Leaf {
    /// The variable of this leaf alone; its name sorts as leaves are ranked, by GPU and place.
    fileprivate var variable: String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
        return CDISpec.leafVariablePrefix
            + "\(two(gpu))_\(two(placement.start))_\(two(computeInstance.rawValue))=\(uuid)"
    }
}
