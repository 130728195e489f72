import CPlatform
import Glibc
import Synchronization

/// A file that record locks are taken on, opened once in a process and never closed: closing any descriptor of it
/// would drop this process's locks.
///
/// Every reader and writer of such a file in this process must go through `open`, also for its content.
public final class LockFile: Sendable {
    public let descriptor: Descriptor
    private let file: FileNumber

    /// The files by path, and those whose path names another file now: they stay open too.
    private static let all = Mutex<(current: [String: LockFile], former: [LockFile])>(([:], []))

    private init(_ descriptor: consuming Descriptor) throws(SystemError) {
        var status = stat()
        let number = descriptor.number
        try check("fstat") { unsafe fstat(number, &status) }
        file = FileNumber(status)
        self.descriptor = descriptor
    }

    /// The process's one descriptor of a file, made when missing.
    ///
    /// A file that was removed and made again under the same path is another file, with other locks.
    /// - Parameter path: always written the same way: two names of one file would be two descriptors.
    public static func open(_ path: String, permissions: UInt32 = 0o666) throws(SystemError) -> LockFile {
        let result = all.withLock { files -> Result<LockFile, SystemError> in
            if let known = files.current[path] {
                if known.isStill(at: path) { return .success(known) }
                files.former.append(known)
                files.current[path] = nil
            }
            return Result { () throws(SystemError) -> LockFile in
                let file = try LockFile(try openOnce(path, permissions: permissions))
                files.current[path] = file
                return file
            }
        }
        return try result.get()
    }

    /// Forgets a file that was removed, and closes it when nobody uses it any more.
    ///
    /// This process must have no lock on it: closing it would drop that too.
    public static func forget(_ path: String) {
        all.withLock { files in
            if let known = files.current[path], !Files.exists(path) || !known.isStill(at: path) {
                files.current[path] = nil
            }
        }
    }

    /// Whether the path names this file. While it is open here, no other file can have its number.
    private func isStill(at path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? FileNumber(status) == file : errno != ENOENT
    }

    private static func openOnce(_ path: String, permissions: UInt32) throws(SystemError) -> Descriptor {
        do throws(SystemError) {
            return try Descriptor.open(path, [.readWrite, .create], permissions: permissions)
        } catch {
            // Who may only look can still ask which locks are held, if there is a file.
            guard error.isPermission, Files.exists(path) else { throw error }
            return try Descriptor.open(path, .readOnly)
        }
    }
}

/// What tells two files apart that exist at the same time.
private struct FileNumber: Equatable {
    let device: UInt64
    let inode: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
