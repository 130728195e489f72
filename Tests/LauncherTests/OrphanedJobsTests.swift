import DeviceInventory
import Launcher
import MIGModel
import Platform
import TestSupport
import Testing

/// What is left of jobs whose launcher and supervisor were both killed.
struct OrphanedJobsTests {
    let directory: TemporaryDirectory
    let ledger: Ledger
    let backend = FixedBackend(thin: 4)
    let job = JobID.make()

    init() throws {
        directory = try TemporaryDirectory()
        ledger = try Ledger(stateDirectory: directory.path)
    }

    /// Leaves two leases behind, as a job does whose holders are killed.
    private func leaveBehind(_ job: JobID) throws {
        let holder = try LineProgram("inventory-client", [directory.path])
        #expect(try holder.ask("take \(job) MIG-0-0 MIG-0-1") == "taken")
        #expect(try holder.ask("join MIG-0-0 MIG-0-1") == "joined")
        try holder.kill()
    }

    /// A process that carries a job's name.
    private func client(of job: JobID) throws -> LineProgram {
        try LineProgram("inventory-client", [directory.path], environment: [JobID.environmentVariable: job.rawValue])
    }

    private func cleanUp() throws -> [String] {
        var said: [String] = []
        try OrphanedJobs(backend: backend, ledger: ledger).cleanUp(backend.uuids) { said.append($0) }
        return said
    }

    private func isFree(_ number: Int) throws -> Bool { try ledger.state(of: backend.uuids[number]) == .free }

    /// Its processes are found by the job's name in their environment, and ended; nobody else's are.
    @Test func endsWhatIsLeft() throws {
        try leaveBehind(job)
        let left = try client(of: job)
        let other = try client(of: JobID(rawValue: "\(job)0"))
        let segment = try SharedMemory(creating: SharedMemoryName(job.sharedMemoryPrefix + "test"), size: 4096)
        #expect(try left.ask("state MIG-0-0") == "orphaned \(job)")

        #expect(
            try cleanUp() == ["cleaned up after job \(job), whose launcher and supervisor had died (2 leaves)"])
        #expect(try left.waitUntilEnd() == .signalled(.kill))
        #expect(try other.ask("state MIG-0-0") == "free")
        #expect(SharedMemoryName.all(withPrefix: job.sharedMemoryPrefix).isEmpty)
        _ = segment.file.number
        #expect(try cleanUp() == [])
    }

    /// A leaf that still shows a process is nobody's to hand out.
    @Test func keepsLeasesOfBusyLeaves() throws {
        try leaveBehind(job)
        backend.run(ProcessID(rawValue: 4711), on: backend.uuids[1])
        #expect(try cleanUp() == ["job \(job) left 2 leaves behind, but process 4711 still runs on leaf MIG-0-1"])
        #expect(try ledger.state(of: backend.uuids[0]).record?.job == job)
        #expect(try ledger.state(of: backend.uuids[1]).record?.job == job)
        backend.run(nil, on: backend.uuids[1])
        #expect(try cleanUp().count == 1)
        #expect(try isFree(0) && isFree(1))
    }

    @Test func leavesLivingJobsAlone() throws {
        let holder = try client(of: job)
        #expect(try holder.ask("take \(job) MIG-0-0") == "taken")
        #expect(try cleanUp() == [])
        #expect(try holder.ask("state MIG-0-0") == "held \(job)")
    }

    /// Two commands that find the same orphans: one cleans up, the other has nothing to say.
    @Test func cleansUpOnce() throws {
        try leaveBehind(job)
        let other = try LineProgram("inventory-client", [directory.path])
        #expect(try other.ask("orphans \(job) MIG-0-0 MIG-0-1") == "orphans MIG-0-0 MIG-0-1")
        #expect(try cleanUp() == [])
        #expect(try other.ask("release launcher wipe MIG-0-0 MIG-0-1") == "released")
        #expect(try isFree(0) && isFree(1))
    }
}
