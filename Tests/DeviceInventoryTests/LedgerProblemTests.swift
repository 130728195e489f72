import DeviceInventory
import MIGModel
import Platform
import TestSupport
import Testing

/// Directories and files that a ledger can't use, and what the user reads.
struct LedgerProblemTests {
    let directory: TemporaryDirectory
    let leaf = MIGDeviceUUID(rawValue: "MIG-0")

    init() throws { directory = try TemporaryDirectory() }

    @Test func makesItsDirectories() throws {
        let ledger = try Ledger(stateDirectory: directory.path("run/flexmig"))
        #expect(ledger.directory == directory.path("run/flexmig/ledger"))
        #expect(try Ledger(stateDirectory: directory.path("run/flexmig")).directory == ledger.directory)
    }

    /// Whoever only looks makes nothing.
    @Test func lookingMakesNothing() throws {
        #expect(try Ledger.existing(stateDirectory: directory.path("run")) == nil)
        #expect(try Files.names(in: directory.path).isEmpty)
    }

    @Test(arguments: [("state directory", "file", "file/ledger"), ("ledger", "ledger", "ledger")])
    func fileInTheWay(what: String, file: String, ledger: String) throws {
        try Files.replace(directory.path(file), with: Array("x".utf8))
        let state = ledger == "ledger" ? directory.path : directory.path(file)
        let error = try #require(throws: LedgerError.self) { try Ledger(stateDirectory: state) }
        #expect(error.directory == directory.path(ledger), "\(what)")
        #expect(error.description.hasPrefix("the lease ledger in \(directory.path(ledger)) can't be used: "))
    }

    /// Another user than root, whom permissions bind.
    @Test(.enabled(if: currentUser() == 0, "only root can become another user"))
    func unreadableDirectory() throws {
        try Files.makeDirectory(directory.path("ledger"), permissions: 0o700)
        let client = try LineProgram("inventory-client", [directory.path])
        #expect(try client.ask("user 65534") == "done")
        let answer = try #require(try client.ask("take jmine MIG-0"))
        #expect(
            answer == "error LedgerError the lease ledger in \(directory.path)/ledger can't be used: "
                + "\(directory.path)/ledger/ledger.lock: Permission denied (open)"
                + " / Leases are kept there: run the command as a user who may write to it.")
    }

    /// A user who may look but not write sees who holds what.
    @Test(.enabled(if: currentUser() == 0, "only root can become another user"))
    func readOnlyDirectory() throws {
        let ledger = try Ledger(stateDirectory: directory.path)
        try ledger.take(from: [leaf]) { _ in
            LeaseRecord(job: JobID(rawValue: "jroot"), user: "root", command: "x", since: 0, leaves: [leaf])
        }
        let client = try LineProgram("inventory-client", [directory.path])
        #expect(try client.ask("user 65534") == "done")
        #expect(try client.ask("state MIG-0") == "held jroot")
        #expect(try client.ask("state MIG-1") == "free")
        #expect(try #require(try client.ask("take jmine MIG-1")).contains("Permission denied"))
        try ledger.release(leaf, as: .launcher, wiping: false)
        #expect(try client.ask("state MIG-0") == "orphaned jroot")
    }

    /// Somebody who never leaves the critical section is an error that names the file, not a hang.
    @Test func criticalSectionThatIsKept() throws {
        let ledger = try Ledger(stateDirectory: directory.path)
        let client = try LineProgram("inventory-client", [directory.path])
        #expect(try client.ask("critical") == "in")
        let error = try #require(throws: LedgerError.self) {
            try ledger.critical(patience: .milliseconds(20)) { Issue.record("two were in at once") }
        }
        #expect(error.cause.isTimeout)
        let file = directory.path("ledger/ledger.lock")
        #expect(error.cause.subject == file)
        #expect(
            error.description == """
                the lease ledger in \(directory.path)/ledger can't be used: \(file): Connection timed out (fcntl(lock))
                Another process keeps it; see who with: fuser \(file)
                """)
        #expect(try client.ask("leave") == "out")
        #expect(try ledger.critical(patience: .zero) { 7 } == 7)
    }

    @Test func fullFileSystemIsNamed() {
        let error = LedgerError(
            directory: "/run/flexmig/ledger", cause: SystemError(call: "pwrite", code: 28, subject: nil))
        #expect(
            error.description == """
                the lease ledger in /run/flexmig/ledger can't be used: No space left on device (pwrite)
                The file system is full.
                """)
    }
}
