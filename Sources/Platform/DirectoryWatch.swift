import Glibc

/// Tells when a file of a directory is replaced by renaming another over it.
public final class DirectoryWatch: Sendable {
    private let descriptor: Descriptor
    /// Readable when something was replaced.
    public var number: CInt { descriptor.number }

    /// - Throws: `SystemError`, such as when this user has no more watches.
    public init(_ directory: String) throws(SystemError) {
        let new = try check("inotify_init1") { inotify_init1(CInt(IN_NONBLOCK) | CInt(IN_CLOEXEC)) }
        descriptor = Descriptor(owning: new)
        try check("inotify_add_watch", on: directory) {
            unsafe inotify_add_watch(new, directory, UInt32(IN_MOVED_TO))
        }
    }

    /// Takes note of what was replaced so far.
    ///
    /// - Returns: whether something was.
    public func drain() throws(SystemError) -> Bool {
        var isNew = false
        while true {
            do throws(SystemError) {
                guard try descriptor.read(upTo: 4096) != nil else { return isNew }
                isNew = true
            } catch {
                if error.isTryAgain { return isNew }
                throw error
            }
        }
    }
}
