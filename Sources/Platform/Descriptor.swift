import CPlatform
import Glibc

/// An open file descriptor that closes itself.
///
/// Every descriptor is opened close-on-exec: a child gets only what `ChildProcess.spawn` is told to give it.
public struct Descriptor: ~Copyable, Sendable {
    /// The descriptor's number, valid while this value lives.
    public let number: CInt

    /// Takes ownership of an open descriptor.
    public init(owning number: CInt) { self.number = number }

    deinit { close(number) }

    /// How a file is opened.
    public struct Mode: OptionSet, Sendable {
        public let rawValue: CInt
        public init(rawValue: CInt) { self.rawValue = rawValue }
        public static let readOnly = Mode([])
        public static let readWrite = Mode(rawValue: O_RDWR)
        public static let writeOnly = Mode(rawValue: O_WRONLY)
        public static let create = Mode(rawValue: O_CREAT)
        public static let exclusive = Mode(rawValue: O_EXCL)
        public static let append = Mode(rawValue: O_APPEND)
        public static let truncate = Mode(rawValue: O_TRUNC)
        public static let nonBlocking = Mode(rawValue: O_NONBLOCK)
    }

    /// Opens a file.
    public static func open(
        _ path: String, _ mode: Mode, permissions: mode_t = 0o644
    ) throws(SystemError) -> Descriptor {
        Descriptor(
            owning: try check("open", on: path) {
                unsafe cplatform_open(path, mode.rawValue | O_CLOEXEC | O_NOCTTY, permissions)
            })
    }

    /// Another descriptor for the same open file.
    public borrowing func duplicate() throws(SystemError) -> Descriptor {
        let number = self.number
        return Descriptor(owning: try check("fcntl(F_DUPFD)") { cplatform_duplicate_above(number, 3) })
    }

    /// Reads what is there, at most `limit` bytes; nil at the end of the file.
    public borrowing func read(upTo limit: Int) throws(SystemError) -> [UInt8]? {
        let number = self.number
        var failure: SystemError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            do throws(SystemError) {
                count = try check("read") { unsafe Glibc.read(number, buffer.baseAddress, limit) }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes.isEmpty ? nil : bytes
    }

    /// Reads from a place in the file, wherever the file stands: `count` bytes, or fewer where it ends before.
    public borrowing func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        let number = self.number
        var failure: SystemError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(SystemError) {
                while filled < count {
                    let rest = unsafe buffer.baseAddress.map { unsafe $0 + filled }
                    let done = filled
                    let part = try check("pread") { unsafe pread(number, rest, count - done, off_t(offset + done)) }
                    if part == 0 { break }
                    filled += part
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads to the end of the file.
    public borrowing func readAll() throws(SystemError) -> [UInt8] {
        var all: [UInt8] = []
        while let part = try read(upTo: 65536) { all += part }
        return all
    }

    /// Writes what fits now and answers how many bytes that was.
    public borrowing func write(some bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
        try writeSome(bytes, to: number)
    }

    /// Writes every byte, waiting where the file makes it wait.
    public borrowing func write(_ bytes: some Sequence<UInt8>) throws(SystemError) {
        var rest = ArraySlice(Array(bytes))
        while !rest.isEmpty { rest = rest.dropFirst(try write(some: rest)) }
    }

    /// Replaces the whole content of the file.
    ///
    /// A crash in between leaves a shorter content: readers must know a complete record from a torn one.
    public borrowing func replaceContent(_ bytes: [UInt8]) throws(SystemError) {
        let number = self.number
        try check("ftruncate") { ftruncate(number, 0) }
        var offset = 0
        while offset < bytes.count {
            offset += try check("pwrite") {
                unsafe bytes[offset...].withUnsafeBytes {
                    unsafe pwrite(number, $0.baseAddress, $0.count, off_t(offset))
                }
            }
        }
    }

    /// The whole content of the file, from its beginning, wherever the file position is.
    public borrowing func content() throws(SystemError) -> [UInt8] {
        let number = self.number
        var all: [UInt8] = []
        while true {
            var part = [UInt8](repeating: 0, count: 16384)
            let offset = off_t(all.count)
            let count = try check("pread") {
                unsafe part.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, $0.count, offset) }
            }
            if count == 0 { return all }
            all += part.prefix(count)
        }
    }

    /// Whether a path names this open file now, and not another or none.
    public borrowing func isNamed(_ path: String) throws(SystemError) -> Bool {
        var ours = stat()
        var named = stat()
        let number = self.number
        try check("fstat") { unsafe fstat(number, &ours) }
        do throws(SystemError) {
            try check("stat", on: path) { unsafe stat(path, &named) }
        } catch {
            if error.isNotFound { return false }
            throw error
        }
        return ours.st_dev == named.st_dev && ours.st_ino == named.st_ino
    }

    /// Keeps the descriptor from children that are started later.
    public borrowing func closeOnExec() throws(SystemError) {
        let number = self.number
        try check("fcntl(F_SETFD)") { fcntl(number, F_SETFD, FD_CLOEXEC) }
    }

    /// Whether the file belongs to the user that this process runs as.
    public borrowing func isOwn() throws(SystemError) -> Bool {
        var status = stat()
        let number = self.number
        try check("fstat") { unsafe fstat(number, &status) }
        return status.st_uid == geteuid()
    }

    /// How long ago the file was written to, by the wall clock; a mapping's stores don't count.
    public borrowing func ageOfContent() throws(SystemError) -> Duration {
        var status = stat()
        let number = self.number
        try check("fstat") { unsafe fstat(number, &status) }
        return .seconds(secondsSince1970() - status.st_mtim.tv_sec)
    }

    /// The file's number (inode) in its file system; another file may get it once this one is gone.
    public borrowing func fileNumber() throws(SystemError) -> UInt64 {
        var status = stat()
        let number = self.number
        try check("fstat") { unsafe fstat(number, &status) }
        return UInt64(status.st_ino)
    }

    /// Makes reads and writes answer `EAGAIN` instead of waiting. Applies to the open file, wherever it is shared.
    public borrowing func setNonBlocking() throws(SystemError) {
        let number = self.number
        let flags = try check("fcntl(F_GETFL)") { fcntl(number, F_GETFL) }
        try check("fcntl(F_SETFL)") { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
    }
}

/// The two ends of a new pipe. Frozen, so that other modules can take the ends apart.
@frozen public struct Pipe: ~Copyable, Sendable {
    public var readEnd: Descriptor
    public var writeEnd: Descriptor

    public init() throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        try check("pipe2") {
            unsafe ends.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return CInt(-1) }
                return unsafe pipe2(base, O_CLOEXEC)
            }
        }
        readEnd = Descriptor(owning: ends[0])
        writeEnd = Descriptor(owning: ends[1])
    }
}
