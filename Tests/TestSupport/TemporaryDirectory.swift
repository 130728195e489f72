import Glibc
import Platform
import Synchronization

/// A new directory that is removed, with all that is in it, when this process exits.
///
/// Not earlier: the last use of a value may lie before the last use of a path in it.
public struct TemporaryDirectory: Sendable {
    /// Absolute, without symbolic links.
    public let path: String

    private static let all = Mutex<[String]>([])

    public init() throws {
        let base = Environment.value("TMPDIR") ?? "/tmp"
        let path = try Files.absolute(base) + "/flexmig-test-" + randomToken(bytes: 8)
        try Files.makeDirectory(path)
        self.path = path
        let isFirst = Self.all.withLock { all in
            all.append(path)
            return all.count == 1
        }
        if isFirst { atexit { for path in TemporaryDirectory.all.withLock({ $0 }) { removeTree(path) } } }
    }

    /// The path of a name in the directory; nothing is made.
    public func path(_ name: String) -> String { "\(path)/\(name)" }
}

/// Removes a directory with all that is in it. What can't be removed stays: this is for cleaning up.
public func removeTree(_ path: String) {
    for name in (try? Files.names(in: path)) ?? [] {
        let entry = "\(path)/\(name)"
        // A link to a directory is no directory of ours: unlink takes it, and fails for a real directory.
        do { try Files.remove(entry) } catch { removeTree(entry) }
    }
    try? Files.removeDirectory(path)
}
