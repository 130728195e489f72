import Platform

/// A process's context on a simulated MIG device.
public struct ContextEntry: Hashable, Sendable {
    public let leaf: String
    /// The compute instance's serial number.
    public let serial: UInt64
    /// The process as it numbers itself.
    public let process: ProcessID
    /// The byte within the leaf's lock range that the process holds.
    let slot: Int64
    /// The job that the process said it belongs to, as one word; "-" for none.
    public let job: String

    /// Whether the process is only shown, until somebody clears it: it holds no lock.
    public var isForeign: Bool { slot < 0 }

    /// Whether it draws instead of computing; only shown processes do.
    public var isGraphics: Bool { slot == -2 }

    /// Each leaf has a range of 2^32 bytes of the lock file.
    var range: LockRange { LockRange(start: Int64(serial) << 32 + slot) }
}

/// Which processes run on which leaf, proved by record locks.
///
/// A process counts while it holds its record lock, which the kernel drops however the process ends and which
/// forked children do not inherit: as with a CUDA context. `contexts.list` says who each lock belongs to.
public final class ContextTable: Sendable {
    private let listPath: String
    private let lockPath: String
    private let log: EventLog

    init(directory: String, log: EventLog) {
        listPath = "\(directory)/contexts.list"
        lockPath = "\(directory)/contexts"
        self.log = log
    }

    /// The contexts of a leaf whose processes live. Reads only.
    public func running(on serial: UInt64) throws(SystemError) -> [ContextEntry] {
        try living(try entries().filter { $0.serial == serial })
    }

    /// Opens a context of this process. The caller holds the driver's lock.
    func open(leaf: String, serial: UInt64, job: String) throws(SystemError) -> ContextEntry {
        let all = try sweep()
        let process = ProcessID.current
        let file = try LockFile.open(lockPath)
        // The process's number, or the next one where a process of another PID namespace has the same.
        var slot = Int64(process.rawValue)
        while true {
            let entry = ContextEntry(
                leaf: leaf, serial: serial, process: process, slot: slot, job: oneWord(job))
            let isTaken = all.contains { !$0.isForeign && $0.range == entry.range }
            if !isTaken, try file.descriptor.tryLock(entry.range) {
                do throws(SystemError) {
                    try write(all + [entry])
                    try log.append([Event("context-open", fields(of: entry))])
                } catch {
                    // A context that could not be written down is not open.
                    try? file.descriptor.unlock(entry.range)
                    throw error
                }
                return entry
            }
            slot += 1
        }
    }

    /// Shows a process that holds no lock. The caller holds the driver's lock.
    func openForeign(_ process: ProcessID, leaf: String, serial: UInt64, isGraphics: Bool) throws(SystemError) {
        let entry = ContextEntry(
            leaf: leaf, serial: serial, process: process, slot: isGraphics ? -2 : -1, job: "foreign")
        let all = try sweep()
        if all.contains(entry) { return }
        try write(all + [entry])
        try log.append([Event("context-open", fields(of: entry))])
    }

    /// The processes that are only shown.
    func foreign() throws(SystemError) -> [ContextEntry] { try entries().filter(\.isForeign) }

    /// Closes a context of this process, or a foreign one. The caller holds the driver's lock.
    func close(_ entry: ContextEntry) throws(SystemError) {
        let all = try entries()
        // Somebody may have made the node anew meanwhile.
        guard all.contains(entry) else { return }
        // The log first: a process that is killed in between is logged as ended once more, never not at all.
        try log.append([Event("context-close", fields(of: entry).merging(["how": "closed"]) { $1 })])
        try write(all.filter { $0 != entry })
        if !entry.isForeign { try LockFile.open(lockPath).descriptor.unlock(entry.range) }
    }

    /// Takes out the contexts of processes that have ended, and logs their end. The caller holds the driver's lock.
    @discardableResult
    func sweep() throws(SystemError) -> [ContextEntry] {
        let all = try entries()
        let alive = try living(all)
        if alive.count != all.count {
            let ended = all.filter { !alive.contains($0) }
            try log.append(
                ended.map { Event("context-close", fields(of: $0).merging(["how": "ended"]) { $1 }) })
            try write(alive)
        }
        return alive
    }

    private func living(_ entries: [ContextEntry]) throws(SystemError) -> [ContextEntry] {
        var alive: [ContextEntry] = []
        for entry in entries where try isAlive(entry) { alive.append(entry) }
        return alive
    }

    private func isAlive(_ entry: ContextEntry) throws(SystemError) -> Bool {
        if entry.isForeign { return true }
        return try LockFile.open(lockPath).descriptor.isLocked(entry.range)
    }

    private func fields(of entry: ContextEntry) -> [String: String] {
        ["leaf": entry.leaf, "pid": "\(entry.process)", "job": entry.job, "serial": "\(entry.serial)"]
    }

    private func entries() throws(SystemError) -> [ContextEntry] {
        guard Files.exists(listPath) else { return [] }
        return try Files.readText(listPath).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ").map(String.init)
            guard parts.count == 5, let serial = UInt64(parts[1]), let process = CInt(parts[2]),
                let slot = Int64(parts[3])
            else { return nil }
            return ContextEntry(
                leaf: parts[0], serial: serial, process: ProcessID(rawValue: process), slot: slot, job: parts[4])
        }
    }

    private func write(_ entries: [ContextEntry]) throws(SystemError) {
        let text = entries.map { "\($0.leaf) \($0.serial) \($0.process) \($0.slot) \($0.job)\n" }.joined()
        try Files.replace(listPath, with: Array(text.utf8), permissions: 0o666)
    }
}
