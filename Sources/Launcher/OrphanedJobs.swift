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

    /// Cleans up all of them, as far as this user may.
    ///
    /// The processes are found by the job id in their environment. A leaf that still shows a process keeps its lease.
    /// - Parameter say: called with a line per job.
    public func cleanUp(_ leaves: [MIGDeviceUUID], say: (String) -> Void) throws {
        var jobs: Set<JobID> = []
        for leaf in leaves {
            if case .orphaned(let record) = try ledger.state(of: leaf) { jobs.insert(record.job) }
        }
        for job in jobs.sorted(by: { $0.rawValue < $1.rawValue }) {
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
                    : "job \(job) left \(taken.count) leaves behind, but \(occupant ?? "a process of it can't be ended")")
        }
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
            for row in left { try? row.process.send(.kill) }
            pause(for: .milliseconds(10))
        }
    }
}
