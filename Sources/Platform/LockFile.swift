import Synchronization

/// A file that record locks are taken on, opened once in a process and never closed: closing any descriptor of it
/// would drop this process's locks.
///
/// Every reader and writer of such a file in this process must go through `open`, also for its content.
public final class LockFile: Sendable {
    public let descriptor: Descriptor

    private static let all = Mutex<[String: LockFile]>([:])

    private init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// The process's one descriptor of a file, made when missing.
    ///
    /// - Parameter path: always written the same way: two names of one file would be two descriptors.
    public static func open(_ path: String, permissions: UInt32 = 0o666) throws(SystemError) -> LockFile {
        let result = all.withLock { files -> Result<LockFile, SystemError> in
            if let file = files[path] { return .success(file) }
            return Result { () throws(SystemError) -> LockFile in
                let file = LockFile(try openOnce(path, permissions: permissions))
                files[path] = file
                return file
            }
        }
        return try result.get()
    }

    private static func openOnce(_ path: String, permissions: UInt32) throws(SystemError) -> Descriptor {
        do throws(SystemError) {
            return try Descriptor.open(path, [.readWrite, .create], permissions: permissions)
        } catch {
            guard error.isPermission else { throw error }
            // Who may only look can still ask which locks are held.
            return try Descriptor.open(path, .readOnly)
        }
    }
}
