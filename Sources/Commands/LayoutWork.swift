import DeviceInventory
import Launcher
import LayoutFiles
import MIGModel
import Platform

/// What plan, apply, verify and flatten share: an open node and what is wanted of it.
struct LayoutWork {
    let access: NodeAccess
    let wanted: WantedNode
    let gpus: GPUOptions

    init(node: NodeOptions, wanted: WantedOptions) throws {
        // The file first: a mistake in it needs no driver.
        let read = try wanted.wanted()
        try self.init(access: try node.open(), wanted: read, gpus: wanted.gpus)
    }

    init(access: NodeAccess, wanted: WantedNode, gpus: GPUOptions) throws {
        self.access = access
        self.wanted = wanted
        self.gpus = gpus
        if !gpus.gpu.isEmpty { try gpus.check(try access.backend.inventory().gpus) }
    }

    func plan() throws -> NodePlan {
        try change(command: "flexmig node plan").plan(
            wanted, selecting: gpus.selects, lostToo: gpus.gpu.isEmpty)
    }

    /// Carries the plan out; a signal stops it between two steps.
    ///
    /// - Parameter command: what the leases of leaves that go say meanwhile.
    func apply(command: String, patience: Duration, say: (String) -> Void) throws -> NodePlan {
        let ledger = try access.ledger()
        let orphans = OrphanedJobs(backend: access.backend, ledger: ledger)
        try orphans.cleanUp(try access.backend.inventory().leaves.map(\.uuid), say: say)
        let signals = SignalsBetweenSteps()
        defer { signals.release() }
        do {
            return try change(command: command, patience: patience).apply(
                wanted, selecting: gpus.selects, lostToo: gpus.gpu.isEmpty, shouldStop: signals.hasCome, progress: say)
        } catch let error as LayoutInterrupted where error.cause.kind == .interrupted {
            // The signal ends this process when it is let through.
            writeToStandardError("flexmig: \(error)")
            throw error
        }
    }

    private func change(command: String, patience: Duration = .zero) throws -> LayoutChange<NVMLBackend> {
        LayoutChange(backend: access.backend, ledger: try access.ledger(), command: command, patience: patience)
    }
}

/// Ctrl-C, TERM and HUP, held back from the first step on so that they act between two steps and not within one.
final class SignalsBetweenSteps {
    private var held: HeldSignals?

    /// Whether one has come; the first call begins to hold them back.
    func hasCome() -> Bool {
        if held == nil { held = try? HeldSignals([.interrupt, .terminate, .hangUp]) }
        return held?.isAnyWaiting ?? false
    }

    /// Lets them act; one that has come ends this process.
    func release() { held?.release() }
}
