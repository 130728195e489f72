import MIGModel
import Yams

/// Configuration files of NVIDIA's mig-parted, version v1.
///
/// Each configuration is a list of entries; an entry is for `devices` (all, or a list of indices) of which only those
/// of the `device-filter` (PCI device and vendor ID such as 0x20B010DE, or a list of them) are meant. Where two entries
/// name one GPU, the later one counts. GPUs that no entry names stay as they are.
struct MIGPartedFile {
    let text: YAMLText

    func read(_ root: Node, configuration: String?) throws(LayoutFileError) -> WantedNode {
        guard
            let configs = try text.mapping(root, "a mig-parted file", known: ["version", "mig-configs"])
                .first(where: { $0.key == "mig-configs" })
        else { throw text.wrong(root, "the key \"mig-configs\" is missing") }
        let all = try text.mapping(configs.value, "mig-configs")
        guard !all.isEmpty else { throw text.wrong(configs.value, "mig-configs is empty") }
        // All of them are read, so that a mistake does not wait until its configuration is used. What only we refuse does.
        var entries: [String: [WantedEntry]] = [:]
        var refused: [String: LayoutFileError] = [:]
        for (name, _, value) in all {
            do throws(LayoutFileError) {
                entries[name] = try self.entries(value, of: name)
            } catch {
                guard error.isOursAlone else { throw error }
                refused[name] = error
            }
        }
        let known = all.prefix(40).map { quoted($0.key) }.joined(separator: ", ") + (all.count > 40 ? ", ..." : "")
        guard let name = configuration ?? (all.count == 1 ? all[0].key : nil) else {
            throw text.wrong(
                configs.keyNode, "there are \(all.count) configurations; choose one with --config: \(known)")
        }
        if let error = refused[name] { throw error }
        guard let chosen = entries[name] else {
            throw text.wrong(configs.keyNode, "there is no configuration \(quoted(name)); there are: \(known)")
        }
        return WantedNode(entries: chosen, precedence: .last, source: "\(text.path), configuration \(quoted(name))")
    }

    private func entries(_ node: Node, of name: String) throws(LayoutFileError) -> [WantedEntry] {
        let list = try text.list(node, "the configuration \(quoted(name))")
        guard !list.isEmpty else { throw text.wrong(node, "the configuration \(quoted(name)) is empty") }
        guard list.count <= LayoutFile.maximumEntries else {
            throw text.wrong(node, "more than \(LayoutFile.maximumEntries) entries")
        }
        var entries: [WantedEntry] = []
        for entry in list { entries.append(try self.entry(entry)) }
        return entries
    }

    private func entry(_ node: Node) throws(LayoutFileError) -> WantedEntry {
        var gpus: [GPUSelector]?
        var filter: [UInt32]?
        var isEnabled: Bool?
        var profiles: [WantedProfile]?
        for (key, _, value) in try text.mapping(
            node, "an entry of a configuration", known: ["devices", "device-filter", "mig-enabled", "mig-devices"])
        {
            switch key {
            case "devices": gpus = try devices(value)
            case "device-filter": filter = try self.filter(value)
            case "mig-enabled":
                guard let value = value.bool else { throw text.wrong(value, "mig-enabled must be true or false") }
                isEnabled = value
            default: profiles = try text.counts(value)
            }
        }
        guard let gpus else { throw text.wrong(node, "the key \"devices\" is missing") }
        guard let isEnabled else { throw text.wrong(node, "the key \"mig-enabled\" is missing") }
        if isEnabled, profiles == nil {
            throw text.wrong(node, "the key \"mig-devices\" is missing; it must be there when mig-enabled is true")
        }
        if !isEnabled, profiles?.isEmpty == false {
            throw text.wrong(node, "mig-devices must be empty when mig-enabled is false")
        }
        return WantedEntry(
            gpus: gpus, pciDeviceIDs: filter, instances: isEnabled ? .profiles(profiles ?? []) : .migModeOff,
            line: node.mark?.line)
    }

    private func devices(_ node: Node) throws(LayoutFileError) -> [GPUSelector] {
        if node.scalar != nil {
            guard node.scalar?.string == "all" else {
                throw text.wrong(node, "devices must be all, or a list of indices")
            }
            return [.all]
        }
        var selectors: [GPUSelector] = []
        for index in try text.list(node, "devices") {
            let number = try text.number(index, "an index of devices", in: 0...LayoutFile.maximumEntries - 1)
            guard selectors.count < LayoutFile.maximumEntries else {
                throw text.wrong(index, "more than \(LayoutFile.maximumEntries) devices")
            }
            selectors.append(.index(number))
        }
        return selectors
    }

    /// nil for a filter that lets everything through: an empty text, or an empty list.
    private func filter(_ node: Node) throws(LayoutFileError) -> [UInt32]? {
        if let word = node.scalar?.string { return word.isEmpty ? nil : [try deviceID(node)] }
        let nodes = try text.list(node, "device-filter")
        guard nodes.count <= LayoutFile.maximumEntries else { throw text.wrong(node, "device-filter is too long") }
        var ids: [UInt32] = []
        for node in nodes { ids.append(try deviceID(node)) }
        return ids.isEmpty ? nil : ids
    }

    private func deviceID(_ node: Node) throws(LayoutFileError) -> UInt32 {
        let word = try text.word(node, "a device ID")
        guard word.lowercased().hasPrefix("0x"), word.utf8.count <= 10,
            let id = UInt32(word.dropFirst(2), radix: 16), !word.dropFirst(2).hasPrefix("+")
        else {
            throw text.wrong(node, "\(quoted(word)) is no PCI device and vendor ID, such as 0x20B010DE")
        }
        return id
    }
}
