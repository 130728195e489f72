import CPlatform
import Glibc

/// Whole-file work on small files.
public enum Files {
    /// The file's bytes.
    public static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let file = try Descriptor.open(path, .readOnly)
        do throws(SystemError) {
            return try file.readAll()
        } catch {
            throw SystemError(call: error.call, code: error.code, subject: path)
        }
    }

    /// The file's text; bytes that are not UTF-8 are shown as U+FFFD.
    public static func readText(_ path: String) throws(SystemError) -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    /// Replaces a file in one step: a reader sees the old content or the new, also after a crash.
    public static func replace(
        _ path: String, with bytes: [UInt8], permissions: mode_t = 0o644
    ) throws(SystemError) {
        let temporary = "\(path).\(getpid()).new"
        do throws(SystemError) {
            let file = try Descriptor.open(temporary, [.writeOnly, .create, .truncate], permissions: permissions)
            try file.write(bytes)
            try setExactTime(file)
            try check("rename", on: path) { unsafe Glibc.rename(temporary, path) }
        } catch {
            unsafe unlink(temporary)
            throw SystemError(call: error.call, code: error.code, subject: path)
        }
    }

    /// Gives a file the time it is, to the nanosecond.
    ///
    /// The kernel's own stamp may be milliseconds old. Then a file and the one that replaces its replacement can
    /// have one inode, one size and one time, and `FileIdentity` takes them for the same.
    private static func setExactTime(_ file: borrowing Descriptor) throws(SystemError) {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        let times = [now, now]
        let number = file.number
        try check("futimens") { unsafe futimens(number, times) }
    }

    public static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
    public static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }
    public static func isReadable(_ path: String) -> Bool { unsafe access(path, R_OK) == 0 }

    public static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether the path names something other than a directory that this process may execute.
    public static func isExecutable(_ path: String) -> Bool {
        unsafe access(path, X_OK) == 0 && !isDirectory(path)
    }

    /// Makes a directory; one that is there already is fine.
    public static func makeDirectory(_ path: String, permissions: mode_t = 0o755) throws(SystemError) {
        do throws(SystemError) {
            try check("mkdir", on: path) { unsafe mkdir(path, permissions) }
        } catch {
            guard error.isAlreadyThere, isDirectory(path) else { throw error }
        }
    }

    /// Makes a directory and the missing ones above it.
    public static func makeDirectories(_ path: String, permissions: mode_t = 0o755) throws(SystemError) {
        if isDirectory(path) { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectories(String(path[..<slash]), permissions: permissions)
        }
        try makeDirectory(path, permissions: permissions)
    }

    /// The names in a directory, sorted, without "." and "..".
    public static func names(in path: String) throws(SystemError) -> [String] {
        guard let directory = unsafe opendir(path) else {
            throw SystemError(call: "opendir", code: errno, subject: path)
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file; a missing one is fine.
    public static func remove(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            try check("unlink", on: path) { unsafe unlink(path) }
        } catch {
            if !error.isNotFound { throw error }
        }
    }

    /// The absolute path of a directory or file that exists, without symbolic links.
    public static func absolute(_ path: String) throws(SystemError) -> String {
        guard let real = unsafe realpath(path, nil) else {
            throw SystemError(call: "realpath", code: errno, subject: path)
        }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// Bytes free for new files in the file system of a path.
    public static func freeBytes(in path: String) throws(SystemError) -> Int {
        var status = statvfs()
        try check("statvfs", on: path) { unsafe statvfs(path, &status) }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }

    /// Bytes of the file system of a path, free and in use.
    public static func totalBytes(in path: String) throws(SystemError) -> Int {
        var status = statvfs()
        try check("statvfs", on: path) { unsafe statvfs(path, &status) }
        return Int(status.f_blocks) * Int(status.f_frsize)
    }

    /// Whether the path names an ordinary file, or a link to one: not a directory, pipe or device.
    public static func isRegular(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// The directory of the running executable.
    public static func executableDirectory() throws(SystemError) -> String {
        let path = try absolute("/proc/self/exe")
        return String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    }
}

/// Which version of a file is there: replaced files differ in their inode, rewritten ones in size or time.
public struct FileIdentity: Hashable, Sendable {
    let inode: UInt64
    let size: Int64
    let seconds: Int
    let nanoseconds: Int
}

extension Files {
    /// Tells whether a file has changed since it was read.
    public static func identity(of path: String) throws(SystemError) -> FileIdentity {
        var status = stat()
        try check("stat", on: path) { unsafe stat(path, &status) }
        return FileIdentity(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }

    /// Bytes in a file.
    public static func size(of path: String) throws(SystemError) -> Int { Int(try identity(of: path).size) }

    /// The user that a file belongs to.
    public static func owner(of path: String) throws(SystemError) -> uid_t {
        var status = stat()
        try check("lstat", on: path) { unsafe lstat(path, &status) }
        return status.st_uid
    }

    /// Gives a file or directory a new name in one step; an empty directory of that name is replaced.
    public static func rename(_ path: String, to new: String) throws(SystemError) {
        try check("rename", on: new) { unsafe Glibc.rename(path, new) }
    }

    /// Removes an empty directory; a missing one is fine.
    public static func removeDirectory(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            try check("rmdir", on: path) { unsafe rmdir(path) }
        } catch {
            if !error.isNotFound { throw error }
        }
    }
}

/// The numbers by which the kernel knows a device.
public struct DeviceNumbers: Hashable, Sendable {
    public let major: Int
    public let minor: Int

    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Those of a character device's file; nil for anything else.
    public init?(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFCHR else { return nil }
        // The kernel's encoding of 64 bits: 12 and 20 bits of the major, 8 and 24 of the minor number.
        let number = UInt64(status.st_rdev)
        major = Int((number >> 8 & 0xfff) | (number >> 32 & 0xffff_f000))
        minor = Int((number & 0xff) | (number >> 12 & 0xffff_ff00))
    }
}
