import DeviceInventory
import MIGModel
import Platform

/// Cleans up after jobs whose launcher and supervisor both died: ends what is left of them and wipes out their leases.
public struct OrphanedJobs<Backend: DeviceBackend> {
    let backend: Backend
    let ledger: Ledger

    public init(backend: Backend, ledger: Ledger) {
        self.backend = backend
        self.ledger = ledger
    }

    /// Cleans up all of them, as far as this user may: root and the user whose job it was.
    ///
    /// The processes are found by the job id in their environment. A leaf that still shows a process keeps its lease.
    /// - Parameter tried: when each job was tried last; one that could not be cleaned up is left alone for half a minute.
    /// - Parameter say: called with a line per job.
    public func cleanUp(_ leaves: [MIGDeviceUUID], tried: inout [JobID: ContinuousClock.Instant], say: (String) -> Void)
        throws
    {
        var records: [JobID: LeaseRecord] = [:]
        for leaf in leaves {
            if case .orphaned(let record) = try ledger.state(of: leaf) { records[record.job] = record }
        }
        for record in records.values.sorted(by: { $0.job.rawValue < $1.job.rawValue }) {
            let job = record.job
            if let last = tried[job], last + .seconds(30) > .now { continue }
            defer { tried[job] = .now }
            // Another user's processes can't be looked into, so nobody else could know when they are gone.
            guard currentUser() == 0 || currentUser() == record.userID else {
                say(
                    "job \(job) of \(record.user) was left behind; \(record.user) or root must run a job or flatten on this node to clean up"
                )
                continue
            }
            let taken = try ledger.takeOrphans(of: job, among: leaves)
            if taken.isEmpty { continue }
            let isGone = endProcesses(of: job, patience: .seconds(10))
            let occupant = LeafOccupancy(backend: backend, leaves: taken).waitUntilEmpty(patience: .seconds(2))
            let isClean = isGone && occupant == nil
            if isClean { job.removeSharedMemory() }
            for leaf in taken { try ledger.release(leaf, as: .launcher, wiping: isClean) }
            say(
                isClean
                    ? "cleaned up after job \(job), whose launcher and supervisor had died (\(taken.count) leaves)"
                    : "job \(job) left \(taken.count) leaves behind, but \(occupant ?? "a process of it can't be ended")"
            )
        }
    }

    /// Cleans up once.
    public func cleanUp(_ leaves: [MIGDeviceUUID], say: (String) -> Void) throws {
        var tried: [JobID: ContinuousClock.Instant] = [:]
        try cleanUp(leaves, tried: &tried, say: say)
    }

    private func endProcesses(of job: JobID, patience: Duration) -> Bool {
        let deadline = ContinuousClock.now + patience
        while true {
            let left = ProcessTable.rows().filter { row in
                !row.isZombie && row.process != .current
                    && ProcessTable.environment(of: row.process)?[JobID.environmentVariable] == job.rawValue
            }
            if left.isEmpty { return true }
            if ContinuousClock.now >= deadline { return false }
            for row in left { try? row.send(.kill) }
            pause(for: .milliseconds(10))
        }
    }
}
