import CPlatform
import Glibc

/// A name in the POSIX shared-memory file system (/dev/shm on Linux), without the leading slash.
public struct SharedMemoryName: Hashable, Sendable, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public var description: String { text }

    static let directory = "/dev/shm"
    public var path: String { "\(Self.directory)/\(text)" }

    /// Removes the name; those who have it mapped keep it. A missing one is fine.
    public func unlink() throws(SystemError) { try Files.remove(path) }

    /// All names that start so.
    public static func all(withPrefix prefix: String) -> [SharedMemoryName] {
        guard !prefix.isEmpty, let names = try? Files.names(in: directory) else { return [] }
        return names.filter { $0.hasPrefix(prefix) }.map { SharedMemoryName($0) }
    }

    /// How an administrator gives it more room, for the end of an error's sentence.
    public static let howToEnlarge =
        "mount -o remount,size=1G /dev/shm, docker run --shm-size=1g, or an emptyDir with medium Memory in Kubernetes"

    /// Bytes that can still be reserved there.
    public static func freeBytes() throws(SystemError) -> Int { try Files.freeBytes(in: directory) }
}

/// A shared mapping and the descriptor of its file. The mapping ends with the value; the name is removed apart.
///
/// Safe as a value: the mapping lives as long as the value does. Only `bytes` lets others reach into it.
@safe public struct SharedMemory: ~Copyable {
    /// The file, for record locks.
    public let file: Descriptor
    /// The mapped bytes, shared with every process that mapped the same file: plain loads and stores race, so
    /// they need an order given by atomics in the same memory.
    @unsafe public let bytes: UnsafeMutableRawBufferPointer

    /// Creates a segment of `size` zero bytes, mode 0600, all of it reserved.
    ///
    /// - Throws: `SystemError`: `EEXIST` when the name is taken, `ENOSPC` when the file system is full (never a
    ///   SIGBUS later on). Nothing is left behind after an error.
    public init(creating name: SharedMemoryName, size: Int) throws(SystemError) {
        let file = try Descriptor.open(name.path, [.readWrite, .create, .exclusive], permissions: 0o600)
        do throws(SystemError) {
            let number = file.number
            // In one call, so that the file has its size when all is reserved, and those who open it see all or nothing.
            try checkNumber("posix_fallocate", on: name.path) { posix_fallocate(number, 0, off_t(size)) }
            unsafe bytes = try SharedMemory.map(file, size: size, name: name)
        } catch {
            try? name.unlink()
            throw error
        }
        self.file = file
    }

    /// Maps a segment that another process created, at the size it has now.
    ///
    /// - Throws: `SystemError`: `ENOENT` when there is none, `ENODATA` when its creator has not sized it yet.
    public init(opening name: SharedMemoryName) throws(SystemError) {
        let file = try Descriptor.open(name.path, .readWrite)
        var status = stat()
        let number = file.number
        try check("fstat", on: name.path) { unsafe fstat(number, &status) }
        guard status.st_size > 0 else { throw SystemError(call: "mmap", code: ENODATA, subject: name.path) }
        unsafe bytes = try SharedMemory.map(file, size: Int(status.st_size), name: name)
        self.file = file
    }

    /// Only the mapping, without the descriptor. Whoever takes it has to unmap it.
    ///
    /// - Parameter size: nil to open what is there, else the bytes of a new segment.
    @unsafe public static func mapped(
        _ name: SharedMemoryName, creating size: Int?
    ) throws(SystemError) -> UnsafeMutableRawBufferPointer {
        let memory =
            if let size { try SharedMemory(creating: name, size: size) } else { try SharedMemory(opening: name) }
        // A second mapping of the file, which stays when the first one goes with its descriptor.
        return try unsafe map(memory.file, size: memory.bytes.count, name: name)
    }

    /// Undoes `mapped`.
    @unsafe public static func unmap(_ bytes: UnsafeMutableRawBufferPointer) {
        unsafe munmap(bytes.baseAddress, bytes.count)
    }

    deinit { unsafe munmap(bytes.baseAddress, bytes.count) }

    private static func map(
        _ file: borrowing Descriptor, size: Int, name: SharedMemoryName
    ) throws(SystemError) -> UnsafeMutableRawBufferPointer {
        let address = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.number, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw SystemError(call: "mmap", code: errno, subject: name.path)
        }
        return unsafe UnsafeMutableRawBufferPointer(start: address, count: size)
    }
}

/// Gives the processor to another thread that is ready.
public func yieldProcessor() { sched_yield() }

/// Tells the core that this thread spins for another core's store. Takes some 10 to 150 cycles.
public func relaxProcessor() { cplatform_relax() }

/// Processors that are switched on in this machine, at least 1.
public func onlineProcessors() -> Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }
