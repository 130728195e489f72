import DeviceInventory
import LeafScheduling
import MIGModel
import Platform

/// Why a job can't have its leaves now, told so that a person can act on it.
public struct LeafShortage: Error, Sendable, CustomStringConvertible {
    /// Who has suitable leaves that are not free.
    public struct Holder: Hashable, Sendable {
        public var words: String
        public var leaves: Int
    }

    public let wanted: Int
    /// Suitable leaves that are free.
    public let free: Int
    /// Suitable leaves on the node, held ones too.
    public let suitable: Int
    public let total: Int
    public let holders: [Holder]
    /// Why leaves that would do are not handed out, however long one waits: quarantined, or somebody else's. Not counted elsewhere.
    public let reserved: [Holder]
    /// Whether a layout change was under way, so that the node's leaves will soon be others.
    public let isChanging: Bool

    /// Whether waiting can help: the node has enough suitable leaves, only not now.
    public var canPass: Bool { wanted <= suitable || isChanging }

    public var description: String {
        if isChanging, wanted > suitable {
            return """
                the node's layout is being changed: the job asks for \(wanted), and \(suitable) suitable leaves are there \
                at this moment
                Try again in a moment, or wait with --wait.
                """
        }
        if total == 0, reserved.isEmpty {
            return "this node has no leaves\nMake some with: flexmig node flatten --layout thin"
        }
        let asked = wanted == 1 ? "1 leaf" : "\(wanted) leaves"
        guard canPass else {
            let which = suitable == total ? "" : ", \(suitable) of which would do"
            let kept = reserved.isEmpty ? "" : " besides those that are not handed out\n\(reserved.lines)"
            let advice =
                suitable > 0
                ? "Ask for at most \(suitable)\(reserved.isEmpty ? "." : ", or see: flexmig node list")"
                : reserved.isEmpty
                    ? "Ask for another kind of leaf (--leaf-type, --leaf-memory)."
                    : "Give them back with: flexmig node restore, or flexmig node assign --owner flexmig"
            return """
                the job asks for \(asked), but this node has \(total)\(which)\(kept)
                \(advice)
                """
        }
        let fewer = free > 0 ? ", or ask for at most \(free)" : ""
        return """
            not enough leaves: the job asks for \(wanted), and \(free) of \(suitable) suitable ones are free
            \((holders + reserved).lines)
            Wait for them with --wait\(fewer).
            """
    }
}

extension [LeafShortage.Holder] {
    fileprivate var lines: String {
        map { "  \($0.leaves) \($0.leaves == 1 ? "leaf" : "leaves"): \($0.words)" }.joined(separator: "\n")
    }

    fileprivate init(_ counts: [String: Int]) {
        self = counts.map { .init(words: $0.key, leaves: $0.value) }.sorted { $0.words < $1.words }
    }
}

/// Takes leases for a job, all or none.
public struct LeafAcquisition<Backend: DeviceBackend> {
    let backend: Backend
    let ledger: Ledger

    public init(backend: Backend, ledger: Ledger) {
        self.backend = backend
        self.ledger = ledger
    }

    /// Chooses leaves and leases them for this process.
    ///
    /// A leaf is handed out only when it is flexmig's, not quarantined, its lease is free and the driver shows no process on it. All
    /// that is read inside the ledger's critical section, so a leaf that is free there can't be taken away by a layout change.
    /// - Parameter record: makes the lease's text for the chosen leaves.
    /// - Throws: `LeafShortage` when there are not enough; `DeviceError`, `LedgerError`.
    public func take(_ request: LeafRequest, record: ([Leaf]) -> LeaseRecord) throws -> [Leaf] {
        var chosen: [Leaf] = []
        let before = try backend.inventory().leaves.map(\.uuid)
        try ledger.take(from: before) { states in
            let inventory = try backend.inventory()
            let standings = try ledger.standings()
            let uuids = Dictionary(inventory.gpus.map { ($0.index, $0.uuid) }) { first, _ in first }
            var leaves: [Leaf] = []
            var reserved: [String: Int] = [:]
            for leaf in inventory.leaves where states[leaf.uuid] != nil {
                let refusal = uuids[leaf.gpu].flatMap { standings.standing(of: leaf.uuid, on: $0).refusal }
                guard let refusal else {
                    leaves.append(leaf)
                    continue
                }
                if request.accepts(leaf) { reserved[refusal, default: 0] += 1 }
            }
            var free: [Leaf] = []
            var holders: [String: Int] = [:]
            for leaf in leaves where request.accepts(leaf) {
                if let holder = try holder(of: leaf, states[leaf.uuid] ?? .free) {
                    holders[holder, default: 0] += 1
                } else {
                    free.append(leaf)
                }
            }
            switch request.choose(from: free, of: leaves) {
            case .leaves(let found):
                chosen = found
                return record(found)
            case .shortage, .impossible:
                throw LeafShortage(
                    wanted: request.count, free: free.count, suitable: leaves.count(where: request.accepts),
                    total: leaves.count, holders: .init(holders), reserved: .init(reserved),
                    isChanging: ledger.layoutIsChanging)
            }
        }
        return chosen
    }

    /// Who has a leaf, in plain words; nil when it is free.
    private func holder(of leaf: Leaf, _ lease: LeaseState) throws -> String? {
        switch lease {
        case .held(let record): return record?.summary(now: secondsSince1970()) ?? "a job that is starting or ending"
        case .orphaned(let record): return "left behind by " + record.summary(now: secondsSince1970())
        case .free:
            do throws(DeviceError) {
                let processes = try backend.processes(on: leaf.uuid)
                return processes.first.map { "process \($0), which has no lease" }
            } catch {
                guard error.kind == .gone else { throw error }
                return "a layout change that has just taken it away"
            }
        }
    }
}
