import CPlatform
import Glibc

/// A critical section between all threads of all processes that name the same file.
///
/// An Open File Description lock on a descriptor of its own, so that two threads of one process exclude each
/// other too. It is held for a short time (a layout change: for seconds) and never across a spawn.
public enum FileMutex {
    /// Runs `body` while the file's lock is ours.
    ///
    /// - Parameter path: the lock file; it is made when missing.
    /// - Parameter timeout: nil waits for ever.
    /// - Throws: `SystemError` with `ETIMEDOUT` when somebody holds it longer than `timeout`; what `body` throws.
    public static func withLock<Value>(
        path: String, timeout: Duration?, _ body: () throws -> Value
    ) throws -> Value {
        let descriptor = try Descriptor.open(path, [.readWrite, .create], permissions: 0o666)
        try lock(descriptor, path: path, timeout: timeout)
        defer { unlock(descriptor) }
        return try body()
    }

    private static func unlock(_ descriptor: borrowing Descriptor) {
        var lock = flock()
        lock.l_type = Int16(F_UNLCK)
        lock.l_whence = Int16(SEEK_SET)
        // Closing the descriptor unlocks as well; this one also unlocks for a child forked meanwhile.
        _ = unsafe cplatform_lock(descriptor.number, cplatform_set_open_file_lock, &lock)
    }

    private static func lock(
        _ descriptor: borrowing Descriptor, path: String, timeout: Duration?
    ) throws(SystemError) {
        let number = descriptor.number
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        guard let timeout else {
            try check("fcntl(lock)", on: path) {
                unsafe cplatform_lock(number, cplatform_set_open_file_lock_wait, &lock)
            }
            return
        }
        let deadline = ContinuousClock.now + timeout
        while true {
            do throws(SystemError) {
                try check("fcntl(lock)", on: path) {
                    unsafe cplatform_lock(number, cplatform_set_open_file_lock, &lock)
                }
                return
            } catch {
                guard error.code == EAGAIN || error.code == EACCES else { throw error }
                if ContinuousClock.now >= deadline {
                    throw SystemError(call: "fcntl(lock)", code: ETIMEDOUT, subject: path)
                }
                pause(for: .milliseconds(2))
            }
        }
    }
}
