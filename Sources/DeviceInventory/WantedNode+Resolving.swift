import MIGModel

/// A wanted layout that does not fit this node, whatever is on it.
public struct WantedNodeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file, with the line of the entry where it has one.
    public let source: String
    public let reason: String
    /// Whether a GPU is not there: it may come, or be broken. Everything else is a mistake of the file.
    public let isMissing: Bool

    public var description: String { "\(source): \(reason)" }
}

extension WantedNode {
    /// What each GPU should have, by the GPU's index; GPUs that nothing names are left out.
    ///
    /// - Parameter lost: GPUs that have fallen off the bus, of which nothing but the index is known: what is named and not there
    ///   may be one of them.
    /// - Throws: `WantedNodeError` for a GPU of our own files that the node does not have, and for a GPU that two equally
    ///   narrow entries name. NVIDIA mig-parted files are written for many nodes: GPUs that are not here are none of ours.
    public func instances(on gpus: [GPU], lost: [Int] = []) throws(WantedNodeError) -> [Int: WantedInstances] {
        if let (entry, selector) = missing(among: gpus).first, lost.isEmpty, !skipsMissing {
            let known = gpus.map { "\($0.index) (\($0.uuid))" }.joined(separator: ", ")
            throw error(
                entry, "this node has no GPU \(selector); it has \(known.isEmpty ? "none" : known)", isMissing: true)
        }
        var wanted: [Int: WantedInstances] = [:]
        for gpu in gpus {
            let candidates = entries.compactMap { entry in entry.rank(on: gpu).map { (rank: $0, entry: entry) } }
            switch precedence {
            case .last: wanted[gpu.index] = candidates.last?.entry.instances
            case .narrowest:
                let narrowest = candidates.filter { $0.rank == candidates.map(\.rank).max() }
                if narrowest.count > 1 {
                    let lines = narrowest.compactMap(\.entry.line).map(String.init).joined(separator: " and ")
                    throw error(
                        narrowest[1].entry, "GPU \(gpu.index) (\(gpu.uuid)) is named twice, in lines \(lines)")
                }
                wanted[gpu.index] = narrowest.first?.entry.instances
            }
        }
        return wanted
    }

    /// Those of some lost GPUs of which something is wanted, or may be: a UUID that is not there can be any one's.
    func meant(of lost: [Int], besides gpus: [GPU]) -> [Int] {
        let namesUnknown = missing(among: gpus).contains { if case .uuid = $0.selector { true } else { false } }
        return lost.filter { index in
            namesUnknown
                || entries.contains {
                    $0.pciDeviceIDs == nil && ($0.gpus.contains(.all) || $0.gpus.contains(.index(index)))
                }
        }
    }

    /// GPUs that our own files name by index or UUID, and that the node does not have.
    func missing(among gpus: [GPU]) -> [(entry: WantedEntry, selector: GPUSelector)] {
        if precedence == .last { return [] }
        return entries.flatMap { entry in
            entry.gpus.filter { selector in selector.rank == 2 && !gpus.contains(where: selector.names) }
                .map { (entry, $0) }
        }
    }

    private func error(_ entry: WantedEntry, _ reason: String, isMissing: Bool = false) -> WantedNodeError {
        WantedNodeError(
            source: entry.line.map { "\(source):\($0)" } ?? source, reason: reason, isMissing: isMissing)
    }
}

extension WantedEntry {
    /// How narrowly the entry names the GPU; nil when it does not.
    fileprivate func rank(on gpu: GPU) -> Int? {
        if let pciDeviceIDs {
            // Device in the upper half, vendor in the lower.
            guard let device = gpu.pciDeviceID, pciDeviceIDs.contains(UInt32(device) << 16 | 0x10DE) else { return nil }
        }
        return gpus.filter { $0.names(gpu) }.map(\.rank).max()
    }
}

extension GPUSelector {
    /// Whether the GPU is meant.
    public func names(_ gpu: GPU) -> Bool {
        switch self {
        case .all: true
        case .index(let index): gpu.index == index
        case .uuid(let uuid): gpu.uuid == uuid
        case .model(let model): gpu.model == model
        }
    }
}

extension GPU {
    /// The layout that is meant on this GPU.
    ///
    /// Profiles without a placement lie where as many instances as possible can stay, those in use before all others.
    /// - Parameter inUse: the specs of instances that must not be touched.
    func layout(for wanted: [WantedProfile], inUse: Set<MIGSpec>) -> Result<Layout, LayoutRefusal> {
        var placed: [MIGSpec] = []
        var free: [MIGProfile.ID] = []
        for item in wanted {
            guard let id = profileID(named: item.name) else {
                let offered = geometry.profiles.map(\.name).joined(separator: ", ")
                return .failure(
                    .illegal(
                        gpu: index,
                        reason: "it has no profile \(item.name); it offers \(offered.isEmpty ? "none" : offered)"))
            }
            if let placement = item.placement {
                placed.append(MIGSpec(profile: id, placement: placement))
            } else {
                free.append(id)
            }
        }
        let there = Set(instances.filter { $0.devices.count <= 1 }.map(\.spec))
        return geometry.placing(free, beside: placed) { inUse.contains($0) ? 100 : there.contains($0) ? 1 : 0 }
            .mapError { .illegal(gpu: index, reason: $0.description(on: geometry)) }
    }

    /// The driver's profile of that name; else of the name that this project's table has for it, because drivers changed
    /// names.
    private func profileID(named name: String) -> MIGProfile.ID? {
        if let profile = geometry.profile(named: name) { return profile.id }
        let table = model.flatMap { GPUModel.named($0.rawValue) }?.geometry
        return table?.profile(named: name).flatMap { geometry.profile(id: $0.id)?.id }
    }
}
