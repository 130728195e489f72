import CPlatform
import Glibc

/// A process, by its number in this process's PID namespace.
///
/// Numbers are used again after a process ended: never signal one that is not a child of ours or known alive by
/// its start time.
public struct ProcessID: RawRepresentable, Hashable, Sendable, CustomStringConvertible, Codable {
    public let rawValue: CInt
    public init(rawValue: CInt) { self.rawValue = rawValue }
    public static var current: ProcessID { ProcessID(rawValue: getpid()) }
    public static var parent: ProcessID { ProcessID(rawValue: getppid()) }
    public var description: String { String(rawValue) }

    /// Sends a signal. A process that is gone already is fine.
    public func send(_ signal: Signal) throws(SystemError) {
        do throws(SystemError) {
            try check("kill", on: "process \(rawValue)") { kill(rawValue, signal.rawValue) }
        } catch {
            if error.code != ESRCH { throw error }
        }
    }
}

/// Makes orphaned descendants children of this process instead of init's.
public func becomeSubreaper() throws(SystemError) {
    try check("prctl(PR_SET_CHILD_SUBREAPER)") { cplatform_become_subreaper() }
}

/// Lets the kernel send this process a signal when the thread that spawned it ends. Survives exec, not fork.
public func dieWithParent(_ signal: Signal) throws(SystemError) {
    try check("prctl(PR_SET_PDEATHSIG)") { cplatform_set_parent_death_signal(signal.rawValue) }
}

extension ProcessRow {
    /// Sends a signal to exactly this process, never to another one that got its number later. One that is gone is
    /// fine.
    public func send(_ signal: Signal) throws(SystemError) {
        let number = process.rawValue
        guard ProcessTable.row(of: process)?.startTime == startTime else { return }
        do throws(SystemError) {
            let handle = Descriptor(
                owning: try check("pidfd_open", on: "process \(number)") { cplatform_pidfd_open(number) })
            // The handle is of whoever has the number now; from here on it stays his.
            guard ProcessTable.row(of: process)?.startTime == startTime else { return }
            let descriptor = handle.number
            try check("pidfd_send_signal", on: "process \(number)") {
                cplatform_pidfd_send(descriptor, signal.rawValue)
            }
        } catch {
            if error.code == ESRCH { return }
            // A kernel before 5.3, a sandbox, or no descriptor left: a signal that may, in theory, meet another process is
            // better than none.
            guard error.call == "pidfd_open" else { throw error }
            try process.send(signal)
        }
    }
}

/// Sends a signal to the process group that a living child of ours leads.
public func sendToGroup(_ signal: Signal, of leader: ProcessID) {
    // ESRCH: the group is gone, or the child has not made it yet and gets the signal by its own number.
    if killpg(leader.rawValue, signal.rawValue) != 0 { kill(leader.rawValue, signal.rawValue) }
}

/// Ends this process.
public func leave(with code: Int) -> Never { exit(CInt(truncatingIfNeeded: code)) }
