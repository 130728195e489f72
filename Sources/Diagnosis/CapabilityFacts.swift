import DeviceInventory
import MIGModel
import Platform

/// The device files by which the driver lets a process use an instance: /dev/nvidia-caps, and the tables that say which
/// file belongs to which instance.
public struct CapabilityFacts: Hashable, Sendable {
    /// A file of /dev/nvidia-caps.
    public struct Node: Hashable, Sendable {
        /// nil where it is no character device.
        public var numbers: DeviceNumbers?
        public var isReadable: Bool
        public init(numbers: DeviceNumbers?, isReadable: Bool) {
            self.numbers = numbers
            self.isReadable = isReadable
        }
    }

    /// Of the driver's capabilities, by /proc/devices; nil without a driver that has them.
    public var major: Int?
    /// Minor numbers by name, such as "gpu0/gi1/ci0/access".
    public var minors: [String: Int]
    /// By the number in the file's name.
    public var nodes: [Int: Node]

    public init(major: Int?, minors: [String: Int], nodes: [Int: Node]) {
        self.major = major
        self.minors = minors
        self.nodes = nodes
    }

    /// Reads this machine.
    ///
    /// - Parameter root: what stands before /proc and /dev.
    public static func read(root: String = "") -> CapabilityFacts {
        let directory = "\(root)/dev/nvidia-caps"
        var nodes: [Int: Node] = [:]
        for name in (try? Files.names(in: directory)) ?? [] {
            guard name.hasPrefix("nvidia-cap"), let number = Int(name.dropFirst("nvidia-cap".count)) else { continue }
            let path = "\(directory)/\(name)"
            nodes[number] = Node(numbers: DeviceNumbers(of: path), isReadable: Files.isReadable(path))
        }
        let tables = DriverTables(root: root)
        return CapabilityFacts(major: tables.majors["nvidia-caps"], minors: tables.minors, nodes: nodes)
    }

    /// The minor number of an instance's capability: from the table, else by the rule that the table follows.
    private func minor(gpu: Int, instance: Int, compute: Int?) -> Int {
        let name = "gpu\(gpu)/gi\(instance)" + (compute.map { "/ci\($0)" } ?? "") + "/access"
        return minors[name] ?? 3 + 135 * gpu + 9 * instance + (compute.map { 1 + $0 } ?? 0)
    }

    /// What is wrong with the files that these leaves need; one finding.
    func finding(for inventory: NodeInventory, _ grade: Finding.Grade) -> Finding? {
        if inventory.leaves.isEmpty { return nil }
        guard let major else {
            return Finding(
                "capabilities", .problem,
                "the kernel driver has no device files for MIG instances (nvidia-caps is not in /proc/devices)",
                fix: "In a container, run flexmig on the host; else load the driver: nvidia-modprobe -c 0 -u", .machine)
        }
        var missing: [String] = []
        var wrong: [String] = []
        var closed: [String] = []
        var seen: Set<Int> = []
        for leaf in inventory.leaves {
            let number = inventory.gpus.first { $0.index == leaf.gpu }?.minorNumber
            let (gpu, instance) = (number ?? leaf.gpu, leaf.gpuInstance.rawValue)
            for compute in [nil, leaf.computeInstance.rawValue] as [Int?] {
                let minor = minor(gpu: gpu, instance: instance, compute: compute)
                guard seen.insert(minor).inserted else { continue }
                let path = "/dev/nvidia-caps/nvidia-cap\(minor)"
                guard let node = nodes[minor] else {
                    let part = "gpu\(gpu)/mig/gi\(instance)" + (compute.map { "/ci\($0)" } ?? "")
                    missing.append("nvidia-modprobe -f /proc/driver/nvidia/capabilities/\(part)/access")
                    continue
                }
                if node.numbers != DeviceNumbers(major: major, minor: minor) { wrong.append(path) }
                if !node.isReadable { closed.append(path) }
            }
        }
        let parts = [
            (missing, "are missing"), (wrong, "have wrong device numbers"), (closed, "can't be read by this user"),
        ].filter { !$0.0.isEmpty }.map { "\($0.0.count) \($0.1)" }
        if parts.isEmpty {
            return Finding("capabilities", .ok, "the \(seen.count) device files of the leaves are there", .machine)
        }
        let fixes = missing + wrong.map { "rm \($0)" } + closed.map { "chmod a+r \($0)" }
        return Finding(
            "capabilities", missing.isEmpty && wrong.isEmpty ? .warning : .problem,
            "of \(seen.count) device files in /dev/nvidia-caps that the leaves need, \(parts.joined(separator: ", "))",
            fix: "As root: \(fixes.prefix(4).joined(separator: "; "))"
                + (fixes.count > 4 ? "; and so on for \(fixes.count - 4) more" : "")
                + (wrong.isEmpty ? "" : "; then make those anew with nvidia-modprobe -f and the capability's file"),
            .machine)
    }
}
