import DeviceInventory
import MIGModel

/// A node for the doctor: what its driver says, or why it says nothing.
public struct NodeFacts: Sendable {
    public enum Driver: Sendable {
        case answers(NodeInventory)
        /// The message, and the way out where one is known.
        case silent(String, advice: String?)
    }

    public var driver: Driver
    /// How many leaves are free, held, orphaned, busy.
    public var states: [String: Int]

    /// The device files of instances; nil where there are none to look at, as on a simulated node.
    public var capabilities: CapabilityFacts?

    public init(driver: Driver, states: [String: Int] = [:], capabilities: CapabilityFacts? = nil) {
        self.driver = driver
        self.states = states
        self.capabilities = capabilities
    }

    public var inventory: NodeInventory? {
        if case .answers(let inventory) = driver { inventory } else { nil }
    }

    public var leafCount: Int { inventory?.leaves.count ?? 0 }

    /// How far findings about this node reach.
    var grade: Finding.Grade {
        guard let inventory else { return .machine }
        if inventory.driver.simulatedNode != nil { return .simulated }
        return inventory.gpus.contains { $0.migMode.isOn } ? .mig : .gpuWithoutMIG
    }

    func findings() -> [Finding] {
        guard case .answers(let inventory) = driver else {
            guard case .silent(let message, let advice) = driver else { return [] }
            return [
                Finding(
                    "driver", .problem, message,
                    fix: advice ?? "Install the NVIDIA driver, or use a simulated node: --simulate a100-40gb:2",
                    .machine)
            ]
        }
        let identity = inventory.driver
        let kind = identity.simulatedNode.map { "simulated, in \($0)" } ?? "real"
        var findings = [
            Finding("driver", .ok, "driver \(identity.version) (\(kind)), library \(identity.library)", grade)
        ]
        if inventory.gpus.isEmpty {
            findings.append(
                lost(inventory)
                    ?? Finding(
                        "gpus", .problem, "the driver shows no GPU",
                        fix: "Look at nvidia-smi -L; in a container, pass the GPUs in (docker: --gpus all).", grade))
            return findings
        }
        let names = Dictionary(grouping: inventory.gpus, by: \.name).map { "\($0.value.count) x \($0.key)" }.sorted()
        findings.append(Finding("gpus", .ok, names.joined(separator: ", "), grade))
        findings.append(mig(inventory))
        findings += driverFindings(inventory)
        if inventory.gpus.contains(where: { $0.migMode.isOn }) { findings.append(leaves(inventory)) }
        if let files = capabilities?.finding(for: inventory, grade) { findings.append(files) }
        return findings
    }

    private func mig(_ inventory: NodeInventory) -> Finding {
        let on = inventory.gpus.filter { $0.migMode.isOn }
        let off = inventory.gpus.filter { !$0.migMode.isOn }
        if off.isEmpty { return Finding("mig-mode", .ok, "MIG mode is on, on all \(on.count) GPUs", grade) }
        let able = off.filter { $0.migMode != .unsupported }
        let list = off.map { "GPU \($0.index): \($0.migMode.rawValue)" }.joined(separator: ", ")
        let fix =
            able.isEmpty
            ? "Use GPUs that have MIG, or a simulated node: --simulate a100-40gb:2"
            : "As root, with no program on the GPU: "
                + able.map { "nvidia-smi -i \($0.index) -mig 1 (\(MIGModeSwitch($0).explanation))" }.joined(
                    separator: "; ")
        return Finding(
            "mig-mode", on.isEmpty ? .problem : .note, "MIG mode is not on everywhere (\(list))", fix: fix, grade)
    }

    private func leaves(_ inventory: NodeInventory) -> Finding {
        let count = inventory.leaves.count
        if count == 0 {
            return Finding(
                "leaves", .problem, "the node has no leaves", fix: "flexmig node flatten --layout thin", grade)
        }
        let text = states.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let found = "\(count) leaves: \(text)"
        if let orphaned = states["orphaned"], orphaned > 0 {
            return Finding(
                "leaves", .warning, found,
                fix: "The next flexmig run of the same user, or of root, cleans the orphaned ones up.", grade)
        }
        if let busy = states["busy"], busy > 0 {
            return Finding(
                "leaves", .note, found, fix: "Processes without a lease are on the busy ones: flexmig node list", grade)
        }
        return Finding("leaves", .ok, found, grade)
    }
}
