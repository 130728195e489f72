import DeviceInventory
import MIGModel

/// What the driver says of its GPUs, beside what this project's tables say.
extension NodeFacts {
    func driverFindings(_ inventory: NodeInventory) -> [Finding] {
        [lost(inventory), pending(inventory), oldDrivers(inventory), unknownGPUs(inventory), differences(inventory)]
            .compactMap { $0 }
    }

    /// GPUs that have fallen off the bus.
    func lost(_ inventory: NodeInventory) -> Finding? {
        if inventory.lost.isEmpty { return nil }
        let list = inventory.lost.map { "GPU \($0)" }.joined(separator: ", ")
        return Finding(
            "gpus-lost", .problem, "the driver has lost \(list): fallen off the bus",
            fix:
                "Look for Xid 79 in the kernel's log (dmesg); end what runs on the GPU, then reset it or reboot the machine.",
            grade)
    }

    /// MIG mode that waits for something.
    private func pending(_ inventory: NodeInventory) -> Finding? {
        let waiting = inventory.gpus.filter { [.pendingOn, .pendingOff].contains($0.migMode) }
        if waiting.isEmpty { return nil }
        let list = waiting.map { "GPU \($0.index): \($0.migMode.rawValue)" }.joined(separator: ", ")
        let fixes = waiting.map { gpu in "nvidia-smi -i \(gpu.index) --gpu-reset" }
        return Finding(
            "mig-pending", .warning, "a change of MIG mode is not in force (\(list))",
            fix:
                "As root, with no program and no instance on the GPU: \(fixes.joined(separator: "; ")); in a virtual machine "
                + "that can't reset its GPU, reboot the machine.", grade)
    }

    /// Drivers that are older than NVIDIA's guide wants for MIG.
    private func oldDrivers(_ inventory: NodeInventory) -> Finding? {
        let version = inventory.driver.version
        let old = inventory.gpus.compactMap { gpu -> String? in
            guard let least = gpu.tableModel?.minimumDriver, isDriver(version, olderThan: least) else { return nil }
            return "GPU \(gpu.index) (\(gpu.name)) needs \(least)"
        }
        if old.isEmpty { return nil }
        return Finding(
            "driver-version", .problem, "driver \(version) is too old for MIG: \(old.joined(separator: ", "))",
            fix: "Install a driver that is at least as new as that.", grade)
    }

    /// GPUs with MIG that no table has.
    private func unknownGPUs(_ inventory: NodeInventory) -> Finding? {
        let unknown = inventory.gpus.filter { $0.tableModel == nil && $0.migMode != .unsupported }
        if unknown.isEmpty { return nil }
        return Finding(
            "gpu-tables", .note,
            "no table has \(Set(unknown.map(\.name)).sorted().joined(separator: ", ")): the driver's answers are all there is",
            fix: "Tell the project what nvidia-smi mig -lgip and -lgipp print.", grade)
    }

    /// Where the driver contradicts a table, or knows more.
    private func differences(_ inventory: NodeInventory) -> Finding? {
        var contradictions: [String] = []
        var additions: [String] = []
        var seen: Set<GPUModel.ID> = []
        for gpu in inventory.gpus {
            guard let model = gpu.tableModel, seen.insert(model.id).inserted else { continue }
            let found = TableDifference.all(of: gpu.geometry, table: model.geometry)
            contradictions += found.filter { !$0.isAddition }.map { "\(model.id): \($0.text)" }
            additions += found.filter(\.isAddition).map { "\(model.id): \($0.text)" }
        }
        if contradictions.isEmpty, additions.isEmpty { return nil }
        let parts = [
            contradictions.isEmpty ? nil : "the driver differs from the tables (\(shortened(contradictions)))",
            additions.isEmpty ? nil : "the driver knows what the tables lack (\(shortened(additions)))",
        ]
        return Finding(
            "gpu-tables", .note, parts.compactMap { $0 }.joined(separator: "; "),
            fix:
                "Nothing to do: the driver's answers are used. The tables are for planning and simulation; tell the project.",
            grade)
    }

    private func shortened(_ texts: [String]) -> String {
        texts.count <= 6
            ? texts.joined(separator: ", ") : texts.prefix(6).joined(separator: ", ") + ", and \(texts.count - 6) more"
    }
}

extension GPU {
    /// The model's row in this project's tables.
    fileprivate var tableModel: GPUModel? { model.flatMap { GPUModel.named($0.rawValue) } }
}

/// Whether a driver's version, numbers with dots between them, comes before another one. A part that is no number counts as 0.
func isDriver(_ version: String, olderThan least: String) -> Bool {
    func parts(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0) ?? 0 } }
    return parts(version).lexicographicallyPrecedes(parts(least))
}

/// One figure that a driver and a table give differently, or that the table lacks.
struct TableDifference: Hashable {
    let text: String
    /// Whether the table has nothing to say about it.
    let isAddition: Bool

    static func all(of driver: MIGGeometry, table: MIGGeometry) -> [TableDifference] {
        var found: [TableDifference] = []
        func differ(_ what: String, _ answered: Int?, _ known: Int?, _ name: String) {
            guard let answered, answered != known else { return }
            found.append(
                TableDifference(
                    text: known.map { "\(name) has \(answered) \(what), not \($0)" }
                        ?? "\(name) has \(answered) \(what)",
                    isAddition: known == nil))
        }
        for profile in driver.profiles where profile.evidence == .driver {
            guard let row = table.profile(id: profile.id) else {
                found.append(TableDifference(text: "profile \(profile.name) (\(profile.id)) is new", isAddition: true))
                continue
            }
            if profile.name != row.name {
                found.append(TableDifference(text: "\(row.name) is called \(profile.name)", isAddition: false))
            }
            differ("MiB", profile.memoryMiB, row.memoryMiB, profile.name)
            differ("SMs", profile.multiprocessors, row.multiprocessors, profile.name)
            differ("at most", profile.maximumInstances, row.maximumInstances, profile.name)
            if profile.placements != row.placements {
                let places = profile.placements.map { "\($0)" }.joined(separator: " ")
                found.append(TableDifference(text: "\(profile.name) may lie at \(places)", isAddition: false))
            }
        }
        let answered = Set(driver.profiles.map(\.id))
        if driver.profiles.contains(where: { $0.evidence == .driver }) {
            for row in table.profiles where !answered.contains(row.id) {
                found.append(TableDifference(text: "\(row.name) is missing", isAddition: false))
            }
        }
        return found
    }
}
