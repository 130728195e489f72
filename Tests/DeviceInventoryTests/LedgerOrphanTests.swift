import DeviceInventory
import MIGModel
import Platform
import TestSupport
import Testing

/// Leases whose holders were killed.
struct LedgerOrphanTests {
    let directory: TemporaryDirectory
    let ledger: Ledger
    let leaves = ["MIG-0", "MIG-1", "MIG-2"].map(MIGDeviceUUID.init(rawValue:))

    init() throws {
        directory = try TemporaryDirectory()
        ledger = try Ledger(stateDirectory: directory.path)
    }

    private func client() throws -> LineProgram { try LineProgram("inventory-client", [directory.path]) }

    /// Takes leaves in a process that is then killed.
    private func leaveBehind(_ job: String, _ leaves: String) throws {
        let holder = try client()
        #expect(try holder.ask("take \(job) \(leaves)") == "taken")
        #expect(try holder.ask("join \(leaves)") == "joined")
        try holder.kill()
    }

    @Test func killedHoldersLeaveOrphans() throws {
        try leaveBehind("jdead", "MIG-0 MIG-2")
        let record = try #require(try ledger.state(of: leaves[0]).record)
        #expect(try ledger.state(of: leaves[0]) == .orphaned(record))
        #expect(record.job == JobID(rawValue: "jdead"))
        #expect(record.leaves == [leaves[0], leaves[2]])
        #expect(try ledger.state(of: leaves[1]) == .free)
        #expect(try ledger.state(of: leaves[2]) == .orphaned(record))
    }

    /// Orphans are taken over for cleaning up, and keep their text until that is done.
    @Test func areTakenOverWithTheirText() throws {
        try leaveBehind("jdead", "MIG-0 MIG-1")
        #expect(try ledger.takeOrphans(of: JobID(rawValue: "jdead"), among: leaves) == [leaves[0], leaves[1]])
        let other = try client()
        #expect(try other.ask("state MIG-0") == "held jdead")
        #expect(try other.ask("orphans jdead MIG-0 MIG-1") == "orphans")
        try ledger.release(leaves[0], as: .launcher, wiping: true)
        try ledger.release(leaves[1], as: .launcher, wiping: false)
        #expect(try other.ask("state MIG-0") == "free")
        #expect(try other.ask("state MIG-1") == "orphaned jdead")
    }

    @Test func jobsAreTakenOverOneByOne() throws {
        try leaveBehind("jfirst", "MIG-0")
        try leaveBehind("jsecond", "MIG-1")
        #expect(try ledger.takeOrphans(of: JobID(rawValue: "jsecond"), among: leaves) == [leaves[1]])
        #expect(try ledger.takeOrphans(of: JobID(rawValue: "jthird"), among: leaves).isEmpty)
        #expect(try ledger.takeOrphans(of: JobID(rawValue: "jfirst"), among: [leaves[1], leaves[2]]).isEmpty)
    }

    /// Who cleans up may be killed too; the next one starts again.
    @Test func cleanerThatIsKilled() throws {
        try leaveBehind("jdead", "MIG-0")
        let cleaner = try client()
        #expect(try cleaner.ask("orphans jdead MIG-0") == "orphans MIG-0")
        #expect(try ledger.takeOrphans(of: JobID(rawValue: "jdead"), among: leaves).isEmpty)
        try cleaner.kill()
        #expect(try ledger.takeOrphans(of: JobID(rawValue: "jdead"), among: leaves) == [leaves[0]])
    }

    /// The locks belong to the process: children that it forked or spawned keep no lease.
    @Test func childrenKeepNothing() throws {
        try ledger.take(from: leaves) { _ in
            LeaseRecord(job: JobID(rawValue: "jmine"), user: "anna", command: "x", since: 0, leaves: [leaves[0]])
        }
        let child = try client()
        try ledger.release(leaves[0], as: .launcher, wiping: true)
        #expect(try child.ask("state MIG-0") == "free")
        #expect(try child.ask("take jchild MIG-0") == "taken")
    }

    /// A holder that is killed while another waits for the node's critical section does not keep it.
    @Test func criticalSectionEndsWithItsProcess() throws {
        let holder = try client()
        #expect(try holder.ask("critical") == "in")
        try holder.kill()
        #expect(try ledger.critical(patience: .seconds(10)) { true })
    }
}
