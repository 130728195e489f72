import MIGModel
import Yams

/// Our own layout files, version 1.
struct OwnLayoutFile {
    let text: YAMLText

    func read(_ root: Node) throws(LayoutFileError) -> WantedNode {
        var entries: [WantedEntry]?
        for (key, keyNode, value) in try text.mapping(root, "a layout file", known: ["version", "gpus"])
        where key == "gpus" {
            let list = try text.list(value, "gpus")
            guard !list.isEmpty else { throw text.wrong(keyNode, "gpus is empty; name at least one GPU") }
            guard list.count <= LayoutFile.maximumEntries else {
                throw text.wrong(value, "gpus has more than \(LayoutFile.maximumEntries) entries")
            }
            var read: [WantedEntry] = []
            var lines: [GPUSelector: Int] = [:]
            for node in list { read.append(try entry(node, seen: &lines)) }
            entries = read
        }
        guard let entries else { throw text.wrong(root, "the key \"gpus\" is missing") }
        return WantedNode(entries: entries, precedence: .narrowest, source: text.path)
    }

    private func entry(_ node: Node, seen: inout [GPUSelector: Int]) throws(LayoutFileError) -> WantedEntry {
        var gpus: [GPUSelector]?
        var layout: LayoutName?
        var placed: [WantedProfile]?
        var counted: [WantedProfile]?
        for (key, _, value) in try text.mapping(
            node, "an entry of gpus", known: ["gpu", "layout", "instances", "profiles"])
        {
            switch key {
            case "gpu": gpus = try selectors(value, seen: &seen)
            case "layout":
                let name = try text.word(value, "layout")
                do throws(UnknownLayoutName) { layout = try LayoutName.parse(name) } catch {
                    throw text.wrong(value, "unknown layout \(quoted(name)); known: \(LayoutName.known)")
                }
            case "instances": placed = try instances(value)
            default: counted = try text.counts(value)
            }
        }
        guard let gpus else {
            throw text.wrong(node, "the entry does not say which gpu: an index, a UUID, a model or all")
        }
        if let layout {
            guard placed == nil, counted == nil else {
                throw text.wrong(node, "an entry has a layout by name, or instances and profiles, not both")
            }
            return WantedEntry(gpus: gpus, instances: .named(layout), line: node.mark?.line)
        }
        guard placed != nil || counted != nil else {
            throw text.wrong(
                node,
                "the entry does not say what the GPU should have: layout, instances or profiles "
                    + "(instances: [] for none)")
        }
        let wanted = (placed ?? []) + (counted ?? [])
        guard wanted.count <= LayoutFile.maximumInstances else {
            throw text.wrong(node, "more than \(LayoutFile.maximumInstances) instances for one GPU")
        }
        return WantedEntry(gpus: gpus, instances: .profiles(wanted), line: node.mark?.line)
    }

    private func selectors(_ node: Node, seen: inout [GPUSelector: Int]) throws(LayoutFileError) -> [GPUSelector] {
        let nodes = node.sequence == nil ? [node] : try text.list(node, "gpu")
        guard !nodes.isEmpty else { throw text.wrong(node, "gpu is empty; name a GPU or all") }
        var selectors: [GPUSelector] = []
        for node in nodes {
            let selector = try selector(node)
            if let line = seen[selector] {
                throw text.wrong(node, "GPU \(quoted("\(selector)")) is there twice, first in line \(line)")
            }
            seen[selector] = node.mark?.line ?? 0
            guard seen.count <= LayoutFile.maximumEntries else {
                throw text.wrong(node, "more than \(LayoutFile.maximumEntries) GPUs")
            }
            selectors.append(selector)
        }
        return selectors
    }

    private func selector(_ node: Node) throws(LayoutFileError) -> GPUSelector {
        let word = try text.word(node, "gpu")
        if word == "all" { return .all }
        if word.hasPrefix("GPU-"), word.utf8.count > 4 { return .uuid(GPUUUID(rawValue: word)) }
        if let first = word.utf8.first, (0x30...0x39).contains(first) {
            return .index(try text.number(node, "a GPU's index", in: 0...LayoutFile.maximumEntries - 1))
        }
        if let model = GPUModel.named(word) { return .model(model.id) }
        let models = GPUModel.all.map(\.id.rawValue).joined(separator: ", ")
        throw text.wrong(
            node, "unknown GPU \(quoted(word)); write an index, a UUID (GPU-...), all, or a model: \(models)")
    }

    private func instances(_ node: Node) throws(LayoutFileError) -> [WantedProfile] {
        let nodes = try text.list(node, "instances")
        guard nodes.count <= LayoutFile.maximumInstances else {
            throw text.wrong(node, "more than \(LayoutFile.maximumInstances) instances for one GPU")
        }
        var wanted: [WantedProfile] = []
        for node in nodes {
            let word = try text.word(node, "an instance")
            let parts = word.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let placement = Placement(String(parts[1])) else {
                throw text.wrong(
                    node,
                    "\(quoted(word)) is not PROFILE@START:SIZE, such as 1g.5gb@0:1; "
                        + "profiles without a placement go under \"profiles\"")
            }
            let profile = WantedProfile(name: try text.profileName(parts[0], node), placement: placement)
            if let other = wanted.first(where: { $0.placement?.overlaps(placement) == true }) {
                throw text.wrong(node, "\(quoted("\(profile)")) overlaps \(quoted("\(other)"))")
            }
            wanted.append(profile)
        }
        return wanted
    }
}

extension YAMLText {
    /// Profiles and how many of each, placed wherever they fit.
    func counts(_ node: Node) throws(LayoutFileError) -> [WantedProfile] {
        var wanted: [WantedProfile] = []
        for (key, keyNode, value) in try mapping(node, "profiles") {
            let name = try profileName(key[...], keyNode)
            let count = try number(value, "the number of \(quoted(key))", in: 0...LayoutFile.maximumInstances)
            guard wanted.count + count <= LayoutFile.maximumInstances else {
                throw wrong(value, "more than \(LayoutFile.maximumInstances) instances for one GPU")
            }
            wanted += Array(repeating: WantedProfile(name: name), count: count)
        }
        return wanted
    }

    /// A GPU instance profile's name; whether a GPU has it shows later.
    func profileName(_ name: Substring, _ node: Node) throws(LayoutFileError) -> String {
        guard let match = name.wholeMatch(of: /([0-9]{1,2}c\.)?[0-9]{1,2}g\.[0-9]{1,4}gb([+-][a-z.]{1,12})?/) else {
            throw wrong(node, "\(quoted(String(name))) is no profile's name, such as 1g.5gb or 1g.10gb+me")
        }
        if match.output.1 != nil {
            var error = wrong(
                node,
                "\(quoted(String(name))) is part of a GPU instance; a leaf here is always a whole one: "
                    + "write \(quoted(String(name.drop { $0 != "." }.dropFirst())))")
            error.isOursAlone = true
            throw error
        }
        return String(name)
    }
}

extension LayoutName {
    static var known: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
