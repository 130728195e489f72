import MIGModel
import Platform

/// Why leaves that a new layout would take away can't go.
public struct LeavesInUse: Error, Sendable, CustomStringConvertible {
    /// A leaf and who is on it, in plain words.
    public let uses: [(leaf: MIGDeviceUUID, gpu: Int, by: String)]

    package init(uses: [(leaf: MIGDeviceUUID, gpu: Int, by: String)]) { self.uses = uses }

    public var description: String {
        let lines = uses.map { "  GPU \($0.gpu) \($0.leaf): \($0.by)" }
        return """
            nothing was changed: leaves that would have to go are in use
            \(lines.joined(separator: "\n"))
            Wait for them, or name other GPUs with --gpu.
            """
    }
}

/// A node's layouts, changed so that nobody is disturbed.
public struct LayoutChange<Backend: DeviceBackend>: Sendable {
    let backend: Backend
    let ledger: Ledger

    public init(backend: Backend, ledger: Ledger) {
        self.backend = backend
        self.ledger = ledger
    }

    /// Brings GPUs to a named layout: all of them are planned and checked before the first is touched.
    ///
    /// Only one change runs at a time on a node; another one waits. The leaves that go are leased meanwhile, so no
    /// job can start on them; leaves that stay are not touched.
    /// - Parameter selects: which GPUs.
    /// - Parameter dryRun: plan and check only.
    /// - Parameter progress: called with a line before each wait and after each step.
    /// - Returns: the plans, one for each selected GPU.
    /// - Throws: `LayoutRefusal`, `LeavesInUse`, `LayoutInterrupted`, `DeviceError`, `LedgerError`.
    public func flatten(
        to name: LayoutName, selecting selects: (GPU) -> Bool, dryRun: Bool, progress: (String) -> Void
    ) throws -> [LayoutPlan] {
        if dryRun { return try plan(name, selects) }
        return try alone(progress) {
            let plans = try plan(name, selects)
            let leaving = plans.flatMap(\.destroyedLeaves)
            var lease = try ledger.take(from: leaving) { states in
                try refuseHeld(plans, states)
                guard !leaving.isEmpty else { return nil }
                return LeaseRecord(
                    job: .make(), user: ProcessTable.userName(),
                    command: "flexmig node flatten --layout \(name.rawValue)", since: secondsSince1970(),
                    leaves: leaving)
            }
            defer {
                // The leaves are gone, or stay after a failure: either way nobody holds them any more. A lock that
                // can't be dropped now goes with this process.
                for leaf in lease?.leaves ?? [] { try? ledger.release(leaf, as: .launcher, wiping: true) }
            }
            for plan in plans {
                try plan.apply(with: backend) { progress("GPU \(plan.gpu.index): \($0)") }
            }
            let after = try verify(plans)
            for leaf in leaving { try ledger.release(leaf, as: .launcher, wiping: true) }
            lease = nil
            try ledger.forget(leaving, keeping: Set(after.leaves.map(\.uuid)))
            return plans
        }
    }

    private func plan(_ name: LayoutName, _ selects: (GPU) -> Bool) throws -> [LayoutPlan] {
        let inventory = try backend.inventory()
        let plans = try inventory.gpus.filter(selects).map { try $0.plan(name).get() }
        var states: [MIGDeviceUUID: LeaseState] = [:]
        for leaf in plans.flatMap(\.destroyedLeaves) { states[leaf] = try ledger.state(of: leaf) }
        try refuseHeld(plans, states)
        return plans
    }

    /// - Throws: `LeavesInUse` when a leaf that would go is leased or has a process.
    private func refuseHeld(_ plans: [LayoutPlan], _ states: [MIGDeviceUUID: LeaseState]) throws {
        let now = secondsSince1970()
        var uses: [(leaf: MIGDeviceUUID, gpu: Int, by: String)] = []
        let standings = try ledger.standings()
        for plan in plans {
            for leaf in plan.destroyedLeaves {
                if let reason = standings.standing(of: leaf, on: plan.gpu.uuid).reasonToStay {
                    uses.append((leaf, plan.gpu.index, reason))
                    continue
                }
                switch states[leaf] {
                case .held(let record):
                    uses.append((leaf, plan.gpu.index, record?.summary(now: now) ?? "a job that is starting or ending"))
                case .orphaned(let record):
                    uses.append((leaf, plan.gpu.index, "left behind by " + record.summary(now: now)))
                case .free, nil:
                    let processes = try backend.processes(on: leaf)
                    if !processes.isEmpty {
                        let numbers = processes.map(\.description).joined(separator: ", ")
                        uses.append((leaf, plan.gpu.index, "process \(numbers), which has no lease"))
                    }
                }
            }
        }
        if !uses.isEmpty { throw LeavesInUse(uses: uses) }
        for plan in plans where !plan.steps.isEmpty {
            // A GPU may have no leaf that would go, and yet be somebody else's to cut.
            guard let reason = standings.standing(of: plan.gpu.uuid).reasonToStay else { continue }
            throw DeviceError(kind: .inUse, message: "nothing was changed: GPU \(plan.gpu.index) is \(reason)")
        }
    }

    /// Reads the node again: what NVML shows counts, not what was asked of it.
    private func verify(_ plans: [LayoutPlan]) throws -> NodeInventory {
        let after = try backend.inventory()
        for plan in plans {
            guard let gpu = after.gpus.first(where: { $0.uuid == plan.gpu.uuid }) else {
                throw DeviceError(kind: .gone, message: "GPU \(plan.gpu.index) disappeared while it was changed")
            }
            guard gpu.layout == plan.wanted, gpu.isWhole else {
                throw DeviceError(
                    kind: .other,
                    message: "GPU \(gpu.index) has \(gpu.layout.description(on: gpu.geometry)) after the change "
                        + "instead of \(plan.wanted.description(on: gpu.geometry))",
                    advice: "Somebody else may have changed it at the same time; run the command again.")
            }
        }
        return after
    }

    private func alone<Value>(_ progress: (String) -> Void, _ body: () throws -> Value) throws -> Value {
        let path = ledger.layoutLockPath
        do {
            return try FileMutex.withLock(path: path, timeout: .milliseconds(300), body)
        } catch let error as SystemError where error.subject == path {
            guard error.isTimeout else { throw LedgerError(directory: ledger.directory, cause: error) }
            progress("waiting for another layout change on this node")
        }
        do {
            return try FileMutex.withLock(path: path, timeout: .seconds(120), body)
        } catch let error as SystemError where error.isTimeout && error.subject == path {
            throw DeviceError(
                kind: .inUse, message: "another layout change on this node has not ended within two minutes",
                advice: "It holds \(path); see who with: fuser \(path)")
        }
    }
}
