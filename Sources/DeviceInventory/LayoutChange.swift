import MIGModel
import Platform

/// Why leaves that a new layout would take away can't go.
public struct LeavesInUse: Error, Sendable, CustomStringConvertible {
    public let uses: [LeafUse]

    package init(uses: [LeafUse]) { self.uses = uses }

    public var description: String {
        let lines = uses.map { "  GPU \($0.gpu) \($0.leaf): \($0.by)" }
        return """
            nothing was changed: leaves that would have to go are in use or not ours
            \(lines.joined(separator: "\n"))
            Wait for them, or name other GPUs with --gpu.
            """
    }
}

/// A node's layouts, changed so that nobody is disturbed.
///
/// Planning reads; applying does exactly the steps of a plan that it makes itself, alone on the node.
public struct LayoutChange<Backend: DeviceBackend>: Sendable {
    let backend: Backend
    let ledger: Ledger
    /// What the leases of leaves that go say meanwhile: the user's command line.
    let command: String
    /// How long a step is tried again while the driver still has the instance in use.
    let patience: Duration

    public init(
        backend: Backend, ledger: Ledger, command: String = "flexmig node apply", patience: Duration = .seconds(2)
    ) {
        self.backend = backend
        self.ledger = ledger
        self.command = command
        self.patience = patience
    }

    /// Plans the way to what is wanted, and reads only.
    ///
    /// - Parameter selects: which GPUs, of those that something is wanted of.
    /// - Parameter selectsLost: whether GPUs that have fallen off the bus or are missing are meant too.
    /// - Throws: `WantedNodeError`, `DeviceError`, `LedgerError`. That a GPU can't have its layout is part of the plan.
    public func plan(
        _ wanted: WantedNode, selecting selects: (GPU) -> Bool = { _ in true }, lostToo selectsLost: Bool = true
    ) throws -> NodePlan {
        let inventory = try backend.inventory()
        let instances = try wanted.instances(on: inventory.gpus, lost: inventory.lost)
        let standings = try ledger.standings()
        var parts: [NodePlan.Part] = []
        for gpu in inventory.gpus where selects(gpu) {
            guard let wanted = instances[gpu.index] else { continue }
            parts.append(
                NodePlan.Part(
                    gpu, wanted, uses: try uses(of: gpu, standings, states: nil),
                    reasonToStay: standings.standing(of: gpu.uuid).reasonToStay))
        }
        guard selectsLost else { return NodePlan(source: wanted.source, parts: parts) }
        let missing = wanted.missing(among: inventory.gpus).map(\.selector).filter { selector in
            !inventory.lost.contains { selector == .index($0) }
        }
        return NodePlan(
            source: wanted.source, parts: parts, lost: wanted.meant(of: inventory.lost, besides: inventory.gpus),
            missing: missing.map(\.description))
    }

    /// Brings a node to what is wanted: all GPUs are planned and checked before the first is touched.
    ///
    /// Only one change runs at a time on a node; another one waits. The leaves that go are leased meanwhile, so no
    /// job can start on them, and right before each destruction the driver is asked again whether a process is there.
    /// Leaves that stay are not touched. When it fails half-way or this process is killed, the next change finishes.
    /// - Parameter shouldStop: asked before every step; true stops there, as a failure would.
    /// - Parameter progress: called with a line before each wait and after each step.
    /// - Returns: the plan, all of whose steps are done. GPUs that are lost or missing keep nobody waiting: they are told in it.
    /// - Throws: `WantedNodeError`, `LayoutRefusal`, `LeavesInUse`, `LayoutInterrupted`, `DeviceError`, `LedgerError`.
    @discardableResult
    public func apply(
        _ wanted: WantedNode, selecting selects: (GPU) -> Bool = { _ in true }, lostToo selectsLost: Bool = true,
        shouldStop: () -> Bool = { false }, progress: (String) -> Void = { _ in }
    ) throws -> NodePlan {
        try alone(progress) {
            let plan = try plan(wanted, selecting: selects, lostToo: selectsLost)
            try plan.requirePossible()
            let leaving = plan.plans.flatMap(\.destroyedLeaves)
            var lease = try ledger.take(from: leaving) { states in
                // Only leaves that go are among the states.
                let standings = try ledger.standings()
                let inUse = try plan.plans.flatMap { try uses(of: $0.gpu, standings, states: states) }
                if !inUse.isEmpty { throw LeavesInUse(uses: inUse) }
                for plan in plan.plans where !plan.steps.isEmpty {
                    // A GPU may have no leaf that would go, and yet be somebody else's to cut.
                    guard let reason = standings.standing(of: plan.gpu.uuid).reasonToStay else { continue }
                    throw DeviceError(
                        kind: .inUse, message: "nothing was changed: GPU \(plan.gpu.index) is \(reason)")
                }
                guard !leaving.isEmpty else { return nil }
                return LeaseRecord(
                    job: .make(), user: ProcessTable.userName(), command: command, since: secondsSince1970(),
                    leaves: leaving)
            }
            defer {
                // The leaves are gone, or stay after a failure: either way nobody holds them any more. A lock that
                // can't be dropped now goes with this process.
                for leaf in lease?.leaves ?? [] { try? ledger.release(leaf, as: .launcher, wiping: true) }
            }
            try carryOut(plan, shouldStop: shouldStop, progress: progress)
            let after = try verify(plan)
            for leaf in leaving { try ledger.release(leaf, as: .launcher, wiping: true) }
            lease = nil
            if !plan.isDoneWhereReachable { try ledger.forget(leaving, keeping: Set(after.leaves.map(\.uuid))) }
            return plan
        }
    }

    private func carryOut(_ plan: NodePlan, shouldStop: () -> Bool, progress: (String) -> Void) throws {
        for (position, part) in plan.plans.enumerated() {
            do throws(LayoutInterrupted) {
                try part.apply(with: backend, patience: patience, shouldStop: shouldStop) {
                    progress("GPU \(part.gpu.index): \($0)")
                }
            } catch {
                throw error.within(
                    doneBefore: plan.plans[..<position].flatMap(\.words),
                    after: plan.plans[(position + 1)...].flatMap(\.words))
            }
        }
    }

    /// Who is on the leaves of a GPU, or whose they are when they are not ours to take away.
    ///
    /// - Parameter states: the leases, where they have been read already.
    private func uses(
        of gpu: GPU, _ standings: LeafStandings, states: [MIGDeviceUUID: LeaseState]?
    ) throws -> [LeafUse] {
        let now = secondsSince1970()
        var uses: [LeafUse] = []
        for leaf in gpu.instances.flatMap(\.devices).map(\.uuid) {
            if let states, states[leaf] == nil { continue }
            if let reason = standings.standing(of: leaf, on: gpu.uuid).reasonToStay {
                uses.append(LeafUse(leaf: leaf, gpu: gpu.index, by: reason))
                continue
            }
            switch try states?[leaf] ?? ledger.state(of: leaf) {
            case .held(let record):
                let by = record?.summary(now: now) ?? "a job that is starting or ending"
                uses.append(LeafUse(leaf: leaf, gpu: gpu.index, by: by))
            case .orphaned(let record):
                uses.append(LeafUse(leaf: leaf, gpu: gpu.index, by: "left behind by " + record.summary(now: now)))
            case .free:
                let processes = try backend.processesIfThere(on: leaf)
                if processes.isEmpty { continue }
                let numbers = processes.map(\.description).joined(separator: ", ")
                uses.append(LeafUse(leaf: leaf, gpu: gpu.index, by: "process \(numbers), which has no lease"))
            }
        }
        return uses
    }

    /// Reads the node again: what NVML shows counts, not what was asked of it.
    private func verify(_ plan: NodePlan) throws -> NodeInventory {
        let after = try backend.inventory()
        for plan in plan.plans {
            guard let gpu = after.gpus.first(where: { $0.uuid == plan.gpu.uuid }) else {
                throw DeviceError(kind: .gone, message: "GPU \(plan.gpu.index) disappeared while it was changed")
            }
            guard gpu.layout == plan.wanted, gpu.isWhole else {
                throw DeviceError(
                    kind: .changed,
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

extension DeviceBackend {
    /// The processes on a leaf; none on one that is gone.
    func processesIfThere(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID] {
        do throws(DeviceError) {
            return try processes(on: leaf)
        } catch {
            if error.kind == .gone { return [] }
            throw error
        }
    }
}
