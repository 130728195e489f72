import CPlatform
import Glibc

/// A byte range of a lock file. The bytes need not exist.
public struct LockRange: Hashable, Sendable {
    public let start: Int64
    /// Number of bytes; 0 means to the end of everything.
    public let length: Int64

    public init(start: Int64, length: Int64 = 1) {
        self.start = start
        self.length = length
    }
}

/// Who holds a record lock.
public struct LockHolder: Hashable, Sendable {
    /// The process as this process's PID namespace numbers it; 0 when it lives in another namespace.
    public let process: ProcessID
    public let range: LockRange
}

/// Classic `fcntl` record locks.
///
/// They belong to the process: a forked child does not inherit them, the kernel drops them when the process ends
/// however it ends, and *closing any descriptor of the file* drops them too. So a process keeps exactly one
/// descriptor per lock file and never opens the file a second time.
extension Descriptor {
    /// Takes the write lock on a range if nobody else has a lock there.
    ///
    /// - Returns: false when another process holds a lock on a byte of the range.
    public borrowing func tryLock(_ range: LockRange) throws(SystemError) -> Bool {
        do throws(SystemError) {
            _ = try fcntlLock(cplatform_set_lock, F_WRLCK, range)
            return true
        } catch {
            if error.code == EAGAIN || error.code == EACCES { return false }
            throw error
        }
    }

    /// Drops this process's lock on a range; nothing happens where it has none.
    public borrowing func unlock(_ range: LockRange) throws(SystemError) {
        _ = try fcntlLock(cplatform_set_lock, F_UNLCK, range)
    }

    /// One of the other processes that hold a lock in the range, or nil. This process's own locks are not seen.
    public borrowing func holder(in range: LockRange) throws(SystemError) -> LockHolder? {
        let answer = try fcntlLock(cplatform_query_lock, F_WRLCK, range)
        if answer.l_type == Int16(F_UNLCK) { return nil }
        return LockHolder(
            process: ProcessID(rawValue: answer.l_pid),
            range: LockRange(start: Int64(answer.l_start), length: Int64(answer.l_len)))
    }

    /// Whether any process holds a lock in the range, this one too.
    ///
    /// The question is asked as an Open File Description, which shares no lock with the process that asks.
    public borrowing func isLocked(_ range: LockRange) throws(SystemError) -> Bool {
        try fcntlLock(cplatform_query_open_file_lock, F_WRLCK, range).l_type != Int16(F_UNLCK)
    }

    /// All locks of other processes in the range, in order of their first byte. The kernel names one lock a call,
    /// so this costs two calls a lock and one more.
    public borrowing func holders(in range: LockRange) throws(SystemError) -> [LockHolder] {
        guard let found = try holder(in: range) else { return [] }
        var all = [found]
        let end = range.length == 0 ? Int64.max : range.start + range.length
        let foundEnd = found.range.length == 0 ? Int64.max : found.range.start + found.range.length
        if found.range.start > range.start {
            all = try holders(in: LockRange(start: range.start, length: found.range.start - range.start)) + all
        }
        if foundEnd < end {
            let length = end == Int64.max ? 0 : end - foundEnd
            all += try holders(in: LockRange(start: foundEnd, length: length))
        }
        return all
    }

    private borrowing func fcntlLock(
        _ command: CInt, _ type: CInt, _ range: LockRange
    ) throws(SystemError) -> flock {
        var lock = flock()
        lock.l_type = Int16(type)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(range.start)
        lock.l_len = off_t(range.length)
        let number = self.number
        try check("fcntl(lock)") { unsafe cplatform_lock(number, command, &lock) }
        return lock
    }
}
