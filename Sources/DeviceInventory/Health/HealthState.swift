import MIGModel

/// What is wrong with a node's GPUs, as a value: what was seen goes in, what to do comes out.
///
/// A GPU is sound, failed (an error that its instances did not contain) or missing. It is sound again when somebody has restored it in the
/// ledger, or when it is there again and not quarantined.
public struct HealthState: Hashable, Sendable {
    /// What was seen.
    public enum Observation: Hashable, Sendable {
        case event(DeviceEvent)
        /// The node, read anew.
        case inventory(NodeInventory)
        /// The node could not be read at all.
        case unreadable(String)
        /// A GPU is no longer quarantined.
        case restored(GPUUUID)
    }

    /// What a fault takes away.
    public enum Fault: Hashable, Sendable {
        /// The instance alone: the leaves in it.
        case contained([Leaf])
        /// The GPU with all its leaves.
        case uncontained
    }

    /// What to do, in this order.
    public enum Action: Hashable, Sendable {
        /// Tell people.
        case tell(HealthNotice)
        /// Hand these out no more.
        case quarantine([LeafStandings.Subject], reason: String)
        /// Read the node again: it is not what it was.
        case look
    }

    public enum Condition: Hashable, Sendable {
        case sound, failed, missing
    }

    /// Errors that their instance contained: the application ends, the instance is suspect, the others are untouched.
    public static let contained: Set = [94]
    /// Errors that no instance contained, and the GPU that has fallen off the bus.
    public static let uncontained: Set = [79, 95]

    /// What was there when the node was last read, by index. A GPU that is missing is kept as it was.
    public private(set) var gpus: [Int: GPU] = [:]
    public private(set) var conditions: [GPUUUID: Condition] = [:]
    /// Whether the last reading failed.
    public private(set) var isUnreadable = false

    /// - Parameter inventory: the node as it is when watching begins. What is wrong with it already is not told.
    public init(_ inventory: NodeInventory) {
        for gpu in inventory.gpus {
            gpus[gpu.index] = gpu
            conditions[gpu.uuid] = .sound
        }
    }

    /// Takes in what was seen.
    ///
    /// - Returns: what to do, in this order.
    public mutating func handle(_ observation: Observation) -> [Action] {
        switch observation {
        case .event(let event): return handle(event)
        case .inventory(let inventory): return handle(inventory)
        case .unreadable(let reason):
            if isUnreadable { return [] }
            isUnreadable = true
            return [.tell(HealthNotice(.unreadable, gpu: nil, words: "the node can't be read: \(reason)"))]
        case .restored(let gpu):
            if conditions[gpu] == .failed { conditions[gpu] = .sound }
            return []
        }
    }

    private mutating func handle(_ event: DeviceEvent) -> [Action] {
        guard let gpu = gpus[event.gpu] else {
            let notice = HealthNotice(
                .other, gpu: nil, words: "an event of GPU \(event.gpu), which was not there before")
            return [.tell(notice), .look]
        }
        switch event.kind {
        case .layoutChange: return [.look]
        case .unavailable: return fail(gpu, .unavailable, "the driver says that it can't be used any more")
        case .xid(let number) where Self.uncontained.contains(number):
            return fail(gpu, .xid(number), Self.words(number))
        case .xid(let number) where Self.contained.contains(number):
            guard let instance = event.gpuInstance else {
                // One of its leaves is faulty, and nobody knows which.
                return fail(gpu, .xid(number), "\(Self.words(number)), of an instance that the driver does not name")
            }
            let leaves = Self.leaves(of: event, on: gpu)
            let place = "instance \(instance)\(event.computeInstance.map { ".\($0)" } ?? "")"
            let notice = HealthNotice(
                .xid(number), gpu: gpu, leaves: leaves.map(\.uuid), words: "\(Self.words(number)), \(place)",
                quarantines: .leaves)
            if leaves.isEmpty {
                // The instance is gone, and what was faulty with it.
                return [.tell(HealthNotice(.xid(number), gpu: gpu, words: "\(notice.words), which is gone")), .look]
            }
            return [
                .tell(notice),
                .quarantine(leaves.map { .leaf($0.uuid, on: gpu.uuid) }, reason: Self.words(number)),
            ]
        case .xid(let number):
            return [
                .tell(
                    HealthNotice(
                        .xid(number), gpu: gpu, leaves: Self.leaves(of: event, on: gpu).map(\.uuid),
                        words: Self.words(number)))
            ]
        }
    }

    /// An error of the whole GPU: told each time, quarantined once.
    private mutating func fail(_ gpu: GPU, _ kind: HealthNotice.Kind, _ words: String) -> [Action] {
        let wasSound = conditions[gpu.uuid] == .sound
        if conditions[gpu.uuid] != .missing { conditions[gpu.uuid] = .failed }
        let tell = Action.tell(
            HealthNotice(kind, gpu: gpu, leaves: gpu.leaves.map(\.uuid), words: words, quarantines: .gpu))
        return wasSound ? [tell, .quarantine([.gpu(gpu.uuid)], reason: words), .look] : [tell]
    }

    private mutating func handle(_ inventory: NodeInventory) -> [Action] {
        var actions: [Action] = []
        if isUnreadable {
            isUnreadable = false
            actions.append(.tell(HealthNotice(.other, gpu: nil, words: "the node can be read again")))
        }
        let there = Dictionary(inventory.gpus.map { ($0.uuid, $0) }) { first, _ in first }
        for gpu in gpus.values.sorted(by: { $0.index < $1.index }) {
            guard let now = there[gpu.uuid] else {
                if conditions[gpu.uuid] == .missing { continue }
                let wasSound = conditions[gpu.uuid] == .sound
                conditions[gpu.uuid] = .missing
                let words = "it has disappeared"
                actions.append(
                    .tell(
                        HealthNotice(
                            .disappeared, gpu: gpu, leaves: gpu.leaves.map(\.uuid), words: words, quarantines: .gpu)))
                if wasSound { actions.append(.quarantine([.gpu(gpu.uuid)], reason: words)) }
                continue
            }
            if conditions[gpu.uuid] == .missing {
                // It was quarantined when it went: until somebody restores it, it is a failed one.
                conditions[gpu.uuid] = .failed
                actions.append(.tell(HealthNotice(.appeared, gpu: now, words: "it is back, and still quarantined")))
            }
            actions += Self.changes(from: gpu, to: now)
        }
        for gpu in inventory.gpus where conditions[gpu.uuid] == nil {
            conditions[gpu.uuid] = .sound
            actions.append(.tell(HealthNotice(.appeared, gpu: gpu, words: "it is new")))
        }
        // An index may have passed to another GPU; one that is missing keeps its own where nobody has taken it.
        let missing = gpus.values.filter { there[$0.uuid] == nil }
        gpus = Dictionary(inventory.gpus.map { ($0.index, $0) }) { first, _ in first }
        for gpu in missing where gpus[gpu.index] == nil { gpus[gpu.index] = gpu }
        return actions
    }

    private static func changes(from before: GPU, to now: GPU) -> [Action] {
        var actions: [Action] = []
        if before.migMode != now.migMode {
            actions.append(
                .tell(
                    HealthNotice(
                        .layout, gpu: now, words: "MIG mode was \(before.migMode.rawValue), is \(now.migMode.rawValue)")
                ))
        }
        let old = Set(before.leaves.map(\.uuid))
        let new = Set(now.leaves.map(\.uuid))
        if old != new {
            let gone = before.leaves.filter { !new.contains($0.uuid) }
            let came = now.leaves.filter { !old.contains($0.uuid) }
            func list(_ leaves: [Leaf]) -> String {
                leaves.map { "\($0.profile)@\($0.placement)" }.joined(separator: " ")
            }
            let words = [
                gone.isEmpty ? nil : "leaves gone: \(list(gone))", came.isEmpty ? nil : "new leaves: \(list(came))",
            ].compactMap { $0 }.joined(separator: "; ")
            actions.append(.tell(HealthNotice(.layout, gpu: now, leaves: gone.map(\.uuid), words: words)))
        }
        return actions
    }

    /// The leaves that an event is about.
    private static func leaves(of event: DeviceEvent, on gpu: GPU) -> [Leaf] {
        guard let instance = event.gpuInstance else { return [] }
        return gpu.leaves.filter {
            $0.gpuInstance == instance
                && (event.computeInstance.map { [$0] } ?? [$0.computeInstance]).contains($0.computeInstance)
        }
    }

    /// An Xid number in words; NVIDIA's catalogue has them all.
    static func words(_ xid: Int) -> String {
        let meaning: String? =
            switch xid {
            case 13: "graphics engine exception, usually the application's"
            case 31: "memory page fault, usually the application's"
            case 43: "the application's channel was stopped"
            case 45: "the application's channel was removed"
            case 48: "double-bit ECC error"
            case 63, 64: "memory row remapping"
            case 74: "NVLink error"
            case 79: "the GPU has fallen off the bus"
            case 94: "contained memory error"
            case 95: "uncontained memory error"
            case 119, 120: "the GPU's system processor does not answer"
            default: nil
            }
        return "Xid \(xid)" + (meaning.map { ", \($0)" } ?? "")
    }
}

/// A line for people, and for programs that watch.
public struct HealthNotice: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case xid(Int)
        case unavailable, disappeared, appeared, layout, unreadable, other
    }

    /// What is handed out no more because of it.
    public enum Reach: String, Hashable, Sendable {
        case leaves, gpu
    }

    public let kind: Kind
    public let gpu: Int?
    public let uuid: GPUUUID?
    /// The leaves that it is about.
    public let leaves: [MIGDeviceUUID]
    public let words: String
    /// nil where nothing is quarantined for it.
    public let quarantines: Reach?

    init(_ kind: Kind, gpu: GPU?, leaves: [MIGDeviceUUID] = [], words: String, quarantines: Reach? = nil) {
        self.kind = kind
        self.gpu = gpu?.index
        uuid = gpu?.uuid
        self.leaves = leaves
        self.words = words
        self.quarantines = quarantines
    }
}
