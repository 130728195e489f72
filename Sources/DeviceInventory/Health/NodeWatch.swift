import MIGModel
import Platform

/// Watches a node: the driver's events as they come, and what has changed since the node was last read.
///
/// One thread uses a watch. Quarantines are written to the ledger before anybody is told of the fault.
public struct NodeWatch<Backend: DeviceBackend> {
    private let backend: Backend
    private let ledger: Ledger
    private let source: (any DeviceEventSource)?
    private let interval: Duration
    private let quarantines: Bool
    private var state: HealthState
    private var nextLook: ContinuousClock.Instant
    /// Notices that wait to be taken.
    private var open: [HealthReport] = []

    /// Why the driver's events can't be had, so that only what changes in the inventory is seen; nil where they can.
    public let missingEvents: String?
    /// What is watched, and what was wrong with it before, in plain words.
    public let beginning: String

    /// Reads the node. What happens from now on is seen, and nothing of what was before.
    ///
    /// - Parameter interval: how often the node is read again where no event asks for it.
    /// - Parameter quarantines: whether what is faulty is quarantined in the ledger, or only told.
    public init(
        backend: Backend, ledger: Ledger, interval: Duration = .seconds(5), quarantines: Bool = true
    ) throws(DeviceError) {
        self.backend = backend
        self.ledger = ledger
        self.interval = interval
        self.quarantines = quarantines
        var source: (any DeviceEventSource)?
        var missingEvents: String?
        do throws(DeviceError) {
            source = try backend.events()
        } catch {
            if error.kind != .notSupported { throw error }
            missingEvents = error.message
        }
        self.source = source
        self.missingEvents = missingEvents
        // After the events: what changes in between is seen twice, not missed.
        let inventory = try backend.inventory()
        state = HealthState(inventory)
        nextLook = .now + interval
        let lost =
            inventory.lost.isEmpty
            ? "" : "; fallen off the bus before: GPU \(inventory.lost.map(String.init).joined(separator: ", "))"
        let events = missingEvents.map { "; \($0), so only what changes is seen" } ?? ""
        beginning = "watching \(inventory.gpus.count) GPUs with \(inventory.leaves.count) leaves\(lost)\(events)"
    }

    /// The next thing that happened; nil when there was nothing within the time. Blocks meanwhile.
    ///
    /// - Throws: `LedgerError`, `StandingsProblem` where a quarantine can't be written; `DeviceError` where the driver's events end.
    public mutating func next(within time: Duration) throws -> HealthReport? {
        let deadline = ContinuousClock.now + time
        while open.isEmpty {
            let now = ContinuousClock.now
            if now >= nextLook { try look() }
            if !open.isEmpty { break }
            let pause = max(.zero, min(now.duration(to: deadline), now.duration(to: nextLook)))
            if let source {
                if let event = try source.next(within: pause) {
                    // Instances' numbers are used again: the leaf that has this one now is meant, not one of the last reading.
                    if event.isContained { try look() }
                    try perform(state.handle(.event(event)))
                }
            } else {
                Platform.pause(for: pause)
            }
            if open.isEmpty, ContinuousClock.now >= deadline { return nil }
        }
        return open.removeFirst()
    }

    /// Reads the node again, whatever the time.
    public mutating func look() throws {
        nextLook = .now + interval
        try noteRestored()
        let inventory: NodeInventory
        do throws(DeviceError) {
            inventory = try backend.inventory()
        } catch {
            return try perform(state.handle(.unreadable(error.message)))
        }
        let actions = state.handle(.inventory(inventory))
        try perform(actions)
        // What was said of leaves that are gone goes with them.
        if !actions.isEmpty, quarantines { try ledger.changeStandings(nil) { $0.forgetMissing(in: inventory) } }
    }

    private mutating func noteRestored() throws {
        if !quarantines { return }
        let standings = try ledger.standings()
        for (gpu, condition) in state.conditions
        where condition == .failed && standings.standing(of: gpu).quarantine == nil {
            _ = state.handle(.restored(gpu))
        }
    }

    private mutating func perform(_ actions: [HealthState.Action]) throws {
        var told: [HealthReport] = []
        for action in actions {
            switch action {
            case .tell(let notice): told.append(HealthReport(notice: notice, holders: try holders(of: notice.leaves)))
            case .quarantine(let subjects, let reason):
                if quarantines { try ledger.quarantine(subjects, reason: reason) }
            case .look: nextLook = .now
            }
        }
        open += told
    }

    private func holders(of leaves: [MIGDeviceUUID]) throws -> [LeaseRecord] {
        var found: [LeaseRecord] = []
        for leaf in leaves {
            guard let record = try ledger.state(of: leaf).record, !found.contains(record) else { continue }
            found.append(record)
        }
        return found
    }
}

/// What happened, and whose jobs it is about.
public struct HealthReport: Hashable, Sendable {
    public let notice: HealthNotice
    /// The jobs on the notice's leaves.
    public let holders: [LeaseRecord]
}

extension DeviceEvent {
    /// Whether it takes leaves away by the number of their instance.
    fileprivate var isContained: Bool {
        if case .xid(let number) = kind { HealthState.contained.contains(number) } else { false }
    }
}
