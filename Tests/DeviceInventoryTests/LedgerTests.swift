import DeviceInventory
import MIGModel
import Platform
import TestSupport
import Testing

/// Leases with real files and real processes: who has a leaf, as everybody sees it.
struct LedgerTests {
    let directory: TemporaryDirectory
    let ledger: Ledger
    let leaves = ["MIG-0", "MIG-1", "MIG-2"].map(MIGDeviceUUID.init(rawValue:))

    init() throws {
        directory = try TemporaryDirectory()
        ledger = try Ledger(stateDirectory: directory.path)
    }

    private func client() throws -> LineProgram { try LineProgram("inventory-client", [directory.path]) }

    private func record(_ job: String, _ leaves: [MIGDeviceUUID]) -> LeaseRecord {
        LeaseRecord(
            job: JobID(rawValue: job), user: "anna", command: "./train --lr 0.1", since: 1_800_000_000, leaves: leaves)
    }

    private func state(_ number: Int) throws -> LeaseState { try ledger.state(of: leaves[number]) }

    @Test func beginsFree() throws {
        #expect(try leaves.map { try ledger.state(of: $0) } == [.free, .free, .free])
        #expect(try Files.names(in: ledger.directory).isEmpty)
    }

    /// What this process takes is held, for itself and for all others, with the words that it wrote.
    @Test func takenLeavesAreHeld() throws {
        let other = try client()
        let mine = record("jmine", [leaves[0], leaves[2]])
        #expect(try ledger.take(from: leaves) { _ in mine } == mine)
        #expect(try state(0) == .held(mine))
        #expect(try state(1) == .free)
        #expect(try state(2) == .held(mine))
        #expect(try other.ask("state MIG-0") == "held jmine")
        #expect(try other.ask("state MIG-1") == "free")
        #expect(try other.ask("take jother MIG-0 MIG-1") == "busy MIG-0")
        #expect(try other.ask("state MIG-1") == "free")
    }

    /// Another ledger of the same directory in this process sees the same: leases are the process's, not the value's.
    @Test func ownLeasesAreHeldForEveryLedger() throws {
        let mine = record("jmine", [leaves[0]])
        try ledger.take(from: leaves) { _ in mine }
        let second = try #require(try Ledger.existing(stateDirectory: directory.path))
        #expect(try second.state(of: leaves[0]) == .held(mine))
        #expect(try second.takeOrphans(of: mine.job, among: leaves).isEmpty)
        try second.release(leaves[0], as: .launcher, wiping: true)
        #expect(try state(0) == .free)
    }

    @Test func choosesByTheStates() throws {
        let other = try client()
        #expect(try other.ask("take jother MIG-1") == "taken")
        var seen: [MIGDeviceUUID: LeaseState] = [:]
        #expect(
            try ledger.take(from: leaves) { states in
                seen = states
                return nil
            } == nil)
        #expect(seen.count == 3)
        #expect(seen[leaves[0]] == .free)
        #expect(seen[leaves[1]]?.record?.job == JobID(rawValue: "jother"))
        #expect(try state(0) == .free)
    }

    struct NotNow: Error {}

    @Test func nothingIsTakenWhenTheChoiceFails() throws {
        #expect(throws: NotNow.self) { try ledger.take(from: leaves) { _ in throw NotNow() } }
        #expect(try state(0) == .free)
        // And the next one is let in.
        #expect(try ledger.critical(patience: .zero) { 7 } == 7)
    }

    /// All or none, also when a leaf is chosen that was never free: those before it are given back.
    @Test func gangIsAllOrNone() throws {
        let other = try client()
        #expect(try other.ask("take jother MIG-2") == "taken")
        let error = try #require(throws: LedgerError.self) {
            try ledger.take(from: leaves) { _ in record("jmine", leaves) }
        }
        #expect(error.cause == SystemError.lockIsTaken("\(ledger.directory)/MIG-2.lease"))
        #expect(try state(0) == .free)
        #expect(try state(1) == .free)
        #expect(try other.ask("take jother MIG-0 MIG-1") == "taken")
        #expect(try state(2).record?.job == JobID(rawValue: "jother"))
    }

    // MARK: Two parts

    /// The leaf stays held until launcher and supervisor have both let go, in either order.
    @Test(arguments: [("launcher first", true), ("supervisor first", false)])
    func bothPartsMustGo(what: String, launcherGoesFirst: Bool) throws {
        let launcher = try client()
        let supervisor = try client()
        #expect(try launcher.ask("take jboth MIG-0") == "taken")
        #expect(try supervisor.ask("join MIG-0") == "joined")
        let way = [(launcher, "launcher"), (supervisor, "supervisor")]
        let (first, second) = launcherGoesFirst ? (way[0], way[1]) : (way[1], way[0])
        #expect(try first.0.ask("release \(first.1) keep MIG-0") == "released")
        #expect(try state(0).record?.job == JobID(rawValue: "jboth"), "\(what)")
        #expect(try state(0) != .orphaned(try #require(try state(0).record)))
        #expect(try second.0.ask("release \(second.1) wipe MIG-0") == "released")
        #expect(try state(0) == .free)
    }

    /// The text goes before the lock: in between the leaf is held by nobody in particular.
    @Test func wipedLeaseIsHeldUntilTheLastLockGoes() throws {
        let other = try client()
        #expect(try other.ask("take jboth MIG-0") == "taken")
        #expect(try other.ask("join MIG-0") == "joined")
        #expect(try other.ask("release supervisor wipe MIG-0") == "released")
        #expect(try state(0) == .held(nil))
        #expect(try other.ask("release launcher keep MIG-0") == "released")
        #expect(try state(0) == .free)
    }

    @Test func oneSupervisorOnly() throws {
        let first = try client()
        #expect(try first.ask("join MIG-0 MIG-1") == "joined")
        let error = try #require(throws: LedgerError.self) { try ledger.join([leaves[2], leaves[1]]) }
        #expect(error.cause == SystemError.lockIsTaken("\(ledger.directory)/MIG-1.lease"))
        #expect(try state(2) == .free)
    }

    /// Whichever part is killed, the other keeps the leaf.
    @Test(arguments: [("launcher", true), ("supervisor", false)])
    func survivesTheDeathOfOnePart(what: String, launcherDies: Bool) throws {
        let launcher = try client()
        let supervisor = try client()
        #expect(try launcher.ask("take jboth MIG-0") == "taken")
        #expect(try supervisor.ask("join MIG-0") == "joined")
        try (launcherDies ? launcher : supervisor).kill()
        let survivor = launcherDies ? supervisor : launcher
        #expect(try state(0).record?.job == JobID(rawValue: "jboth"), "\(what)")
        #expect(try ledger.takeOrphans(of: JobID(rawValue: "jboth"), among: leaves).isEmpty)
        try survivor.kill()
        #expect(try ledger.takeOrphans(of: JobID(rawValue: "jboth"), among: leaves) == [leaves[0]])
    }

    // MARK: Release

    @Test func releasedLeavesAreFree() throws {
        try ledger.take(from: leaves) { _ in record("jmine", leaves) }
        for leaf in leaves.prefix(2) { try ledger.release(leaf, as: .launcher, wiping: true) }
        #expect(try leaves.map { try ledger.state(of: $0) }.map { $0 == .free } == [true, true, false])
        #expect(try Files.read("\(ledger.directory)/MIG-0.lease").isEmpty)
    }

    /// Leases that are given up but not wiped out say whose processes may still be there.
    @Test func releaseWithoutWipingLeavesAnOrphan() throws {
        let mine = record("jmine", [leaves[0]])
        try ledger.take(from: leaves) { _ in mine }
        try ledger.release(leaves[0], as: .launcher, wiping: false)
        #expect(try state(0) == .orphaned(mine))
    }

    @Test func releaseOfAFreeLeafDoesNothing() throws {
        try ledger.release(leaves[0], as: .supervisor, wiping: true)
        #expect(try state(0) == .free)
    }
}
