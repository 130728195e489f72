import MIGModel
import Platform

/// Whether a leaf is leased.
public enum LeaseState: Hashable, Sendable {
    case free
    /// Somebody lives who holds it. The record is missing for the moment in which it is written or wiped out.
    case held(LeaseRecord?)
    /// Everybody who held it has died without cleaning up: its processes may still be there.
    case orphaned(LeaseRecord)

    public var record: LeaseRecord? {
        switch self {
        case .free: nil
        case .held(let record): record
        case .orphaned(let record): record
        }
    }
}

/// A problem with the ledger's directory or one of its files.
public struct LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
    public let directory: String
    public let cause: SystemError

    package init(directory: String, cause: SystemError) {
        self.directory = directory
        self.cause = cause
    }

    public var description: String {
        let advice =
            cause.isPermission
            ? "\nLeases are kept there: run the command as a user who may write to it."
            : cause.isTooManyFiles
                ? "\nThere is a file per leaf: allow more open files with: ulimit -n 4096"
                : cause.isNoSpace
                    ? "\nThe file system is full."
                    : cause.isTimeout
                        ? "\nAnother process keeps it; see who with: fuser \(cause.subject ?? directory)" : ""
        return "the lease ledger in \(directory) can't be used: \(cause)\(advice)"
    }
}

/// The node's one record of who holds which leaf: a file per leaf, locked while held.
///
/// A lease has two record locks: the *launcher's* and the *supervisor's*. The leaf is free only when nobody has
/// either, so each can die without the leaf being handed out while the other cleans up. The file's text says whose
/// lease it is; a text without a lock is an orphan, to be cleaned up before the leaf is used again.
///
/// Every choice of leaves happens inside one critical section of the whole node, so a gang gets all or none.
public final class Ledger: Sendable {
    /// Who holds a lock on a lease.
    public enum Part: Int64, Sendable, CaseIterable {
        case launcher = 0
        case supervisor = 1

        var range: LockRange { LockRange(start: rawValue) }
    }

    public let directory: String

    /// Opens the ledger of a node's state directory, made when missing.
    public init(stateDirectory: String) throws(LedgerError) {
        let directory = "\(stateDirectory)/ledger"
        do throws(SystemError) {
            try Files.makeDirectories(stateDirectory)
            try Files.makeDirectory(directory)
            self.directory = try Files.absolute(directory)
        } catch {
            throw LedgerError(directory: directory, cause: error)
        }
    }

    /// The ledger of a node for looking at; nil where there is none yet and so no lease.
    public static func existing(stateDirectory: String) throws(LedgerError) -> Ledger? {
        Files.isDirectory("\(stateDirectory)/ledger") ? try Ledger(stateDirectory: stateDirectory) : nil
    }

    /// The state of a leaf's lease now, whoever holds it: this process's own leases are held too.
    ///
    /// A job's text is there only while somebody holds the lease, or after all who held it have died. So it is read
    /// before and after asking for the locks: only the same text on both sides of "nobody holds it" is an orphan's, and
    /// a lease that is taken or given up meanwhile is never taken for one.
    public func state(of leaf: MIGDeviceUUID) throws(LedgerError) -> LeaseState {
        try translating { () throws(SystemError) in
            guard Files.exists(path(of: leaf)) else { return .free }
            let file = try self.file(of: leaf)
            while true {
                let before = try file.descriptor.content()
                let isHeld = try file.descriptor.isLocked(LockRange(start: 0, length: 2))
                let text = try file.descriptor.content()
                let record = LeaseRecord(decoding: text)
                if isHeld { return .held(record) }
                if text == before { return record.map { .orphaned($0) } ?? .free }
            }
        }
    }

    /// Takes leases for the launcher, all or none, in the node's critical section.
    ///
    /// - Parameter leaves: the leaves to choose from.
    /// - Parameter choose: gets the state of each and answers the record to write, whose leaves are taken; nil takes
    ///   nothing. Only free leaves may be chosen.
    /// - Returns: the record that `choose` answered.
    @discardableResult
    public func take(
        from leaves: [MIGDeviceUUID], choose: ([MIGDeviceUUID: LeaseState]) throws -> LeaseRecord?
    ) throws -> LeaseRecord? {
        try critical {
            var states: [MIGDeviceUUID: LeaseState] = [:]
            for leaf in leaves { states[leaf] = try state(of: leaf) }
            guard let record = try choose(states) else { return nil }
            try lock(record.leaves, as: .launcher)
            do {
                for leaf in record.leaves { try write(record.encoded(), to: leaf) }
            } catch {
                for leaf in record.leaves { try? release(leaf, as: .launcher, wiping: true) }
                throw error
            }
            return record
        }
    }

    /// Takes over orphaned leases of one job for cleaning up: locks them, leaves their text.
    ///
    /// - Returns: the leaves that this process now holds; those that somebody else cleans up already are left out.
    public func takeOrphans(of job: JobID, among leaves: [MIGDeviceUUID]) throws -> [MIGDeviceUUID] {
        try critical {
            var taken: [MIGDeviceUUID] = []
            for leaf in leaves {
                guard case .orphaned(let record) = try state(of: leaf), record.job == job else { continue }
                try lock([leaf], as: .launcher)
                taken.append(leaf)
            }
            return taken
        }
    }

    /// Adds the supervisor's lock to leases that its launcher holds.
    ///
    /// - Throws: `SystemError` with `EAGAIN` when another supervisor has one.
    public func join(_ leaves: [MIGDeviceUUID]) throws(LedgerError) {
        try translating { () throws(SystemError) in try lock(leaves, as: .supervisor) }
    }

    /// Gives up this process's lock on a lease.
    ///
    /// - Parameter wiping: also removes the text, because the job is over. Whoever ends a job's last process does so;
    ///   the lock goes last.
    public func release(_ leaf: MIGDeviceUUID, as part: Part, wiping: Bool) throws(LedgerError) {
        try translating { () throws(SystemError) in
            let file = try self.file(of: leaf)
            if wiping { try file.descriptor.replaceContent([]) }
            try file.descriptor.unlock(part.range)
        }
    }

    /// Keeps every other taker of leases and changer of layouts out while `body` runs.
    ///
    /// - Throws: `LedgerError` with `ETIMEDOUT` when somebody else stays in for longer than `patience`.
    public func critical<Value>(patience: Duration = .seconds(30), _ body: () throws -> Value) throws -> Value {
        let path = "\(directory)/ledger.lock"
        do {
            return try FileMutex.withLock(path: path, timeout: patience, body)
        } catch let error as SystemError {
            throw LedgerError(directory: directory, cause: error)
        }
    }

    /// Whether somebody changes the layout of a GPU at this moment.
    public var layoutIsChanging: Bool {
        let path = layoutLockPath
        guard Files.exists(path) else { return false }
        do {
            try FileMutex.withLock(path: path, timeout: .zero) {}
            return false
        } catch {
            return (error as? SystemError)?.isTimeout ?? false
        }
    }

    var layoutLockPath: String { "\(directory)/layout.lock" }

    private func lock(_ leaves: [MIGDeviceUUID], as part: Part) throws(SystemError) {
        var locked: [MIGDeviceUUID] = []
        for leaf in leaves {
            let file = try self.file(of: leaf)
            guard try file.descriptor.tryLock(part.range) else {
                for leaf in locked { try self.file(of: leaf).descriptor.unlock(part.range) }
                throw SystemError.lockIsTaken(path(of: leaf))
            }
            locked.append(leaf)
        }
    }

    private func write(_ bytes: [UInt8], to leaf: MIGDeviceUUID) throws(LedgerError) {
        try translating { () throws(SystemError) in
            try self.file(of: leaf).descriptor.replaceContent(bytes)
        }
    }

    /// Removes the lease files of leaves that the node no longer has and nobody holds, in the critical section: nobody
    /// chooses among them any more. The text of a dead holder goes with its leaf.
    ///
    /// - Parameter leaves: those that were just destroyed.
    /// - Parameter there: the leaves that the node has now: one that was made anew may have its old UUID again.
    func forget(_ leaves: [MIGDeviceUUID], keeping there: Set<MIGDeviceUUID>) throws {
        try critical {
            let kept = Set(there.map { path(of: $0) })
            for name in try Files.names(in: directory) where name.hasSuffix(".lease") {
                let path = "\(directory)/\(name)"
                if kept.contains(path) { continue }
                if case .held = try state(of: MIGDeviceUUID(rawValue: String(name.dropLast(".lease".count)))) {
                    continue
                }
                try Files.remove(path)
                LockFile.forget(path)
            }
        }
        // What was said of a leaf goes with it, also when the driver gives its UUID to the one that is there now.
        if !leaves.isEmpty { try changeStandings(nil) { $0.forget(leaves) } }
    }

    /// A UUID comes from the driver: whatever it holds, it names a file in this directory.
    private func path(of leaf: MIGDeviceUUID) -> String {
        let name = leaf.rawValue.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "_" }
        return "\(directory)/\(String(name)).lease"
    }

    private func file(of leaf: MIGDeviceUUID) throws(SystemError) -> LockFile {
        try LockFile.open(path(of: leaf))
    }

    private func translating<Value>(_ body: () throws(SystemError) -> Value) throws(LedgerError) -> Value {
        do throws(SystemError) { return try body() } catch { throw LedgerError(directory: directory, cause: error) }
    }
}
