import CPlatform
import Glibc

/// Memory of another process, read by the kernel without a stop at a third place.
public enum ProcessMemory {
    /// Copies bytes from another process, such as this user's own ones; the kernel asks what it asks a debugger.
    ///
    /// - Parameter address: in that process; nothing is read beyond what it has mapped.
    /// - Parameter target: room for `count` bytes, which nobody else touches meanwhile.
    /// - Throws: `SystemError`: `EPERM` where it is forbidden, `ESRCH` without such a process, `EFAULT` where it has no
    ///   such memory; some bytes may have been copied.
    @unsafe public static func read(
        _ process: ProcessID, at address: UInt64, into target: UnsafeMutableRawPointer, count: Int
    ) throws(SystemError) {
        var done = 0
        while done < count {
            let copied = try check("process_vm_readv") {
                unsafe cplatform_read_memory(process.rawValue, target + done, address + UInt64(done), count - done)
            }
            if copied == 0 { throw SystemError(call: "process_vm_readv", code: EFAULT) }
            done += copied
        }
    }
}

extension ProcessMemory {
    /// Asks for huge pages for memory of this process that was not touched yet. A wish: the kernel may have none.
    @unsafe public static func wishHugePages(_ start: UnsafeMutableRawPointer, count: Int) {
        unsafe madvise(start, count, MADV_HUGEPAGE)
    }

    /// Whether most of the memory around an address of this process lies in huge pages; false where that can't be
    /// seen. Reads /proc/self/smaps, which takes milliseconds in a large process.
    public static func isInHugePages(_ address: UInt64) -> Bool {
        guard let text = try? Files.readText("/proc/self/smaps") else { return false }
        return isInHugePages(address, smaps: text)
    }

    package static func isInHugePages(_ address: UInt64, smaps text: String) -> Bool {
        var isInside = false
        var resident = 0
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let first = words.first else { continue }
            if !first.hasSuffix(":") {
                if isInside { return false }
                let ends = first.split(separator: "-").compactMap { UInt64($0, radix: 16) }
                isInside = ends.count == 2 && ends[0] <= address && address < ends[1]
            } else if isInside, words.count > 1, let kilobytes = Int(words[1]) {
                if first == "Rss:" { resident = kilobytes }
                if first == "AnonHugePages:" { return kilobytes > 0 && kilobytes * 2 >= resident }
            }
        }
        return false
    }
}
