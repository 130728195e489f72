import CPlatform
import Glibc

/// Writes what fits now into a descriptor that somebody else owns, such as 1 or 2, and answers how many bytes that was.
public func writeSome(_ bytes: ArraySlice<UInt8>, to number: CInt) throws(SystemError) -> Int {
    try check("write") {
        unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
    }
}

/// Writes a line to standard error; a closed one is nobody's loss, and one that nobody reads is given up after two
/// seconds.
public func writeToStandardError(_ line: String) {
    var rest = ArraySlice(Array((line + "\n").utf8))
    while !rest.isEmpty {
        // A pipe that is writable takes 4096 bytes without waiting.
        guard let ready = try? poll([(2, .writable)], timeout: .seconds(2)), ready[0].contains(.writable),
            let count = try? writeSome(rest.prefix(4096), to: 2)
        else { return }
        rest = rest.dropFirst(count)
    }
}

extension Descriptor {
    /// Another opening of the pipe or terminal behind an output, on which writing never waits. Those who share the
    /// output keep theirs as it is.
    ///
    /// - Returns: nil for files, which never make anybody wait, and for what can't be opened a second time (sockets, a
    ///   terminal of another user).
    public static func nonBlockingOutput(like number: CInt) -> Descriptor? {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { return nil }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFIFO || (kind == S_IFCHR && isatty(number) == 1) else { return nil }
        return try? open("/proc/self/fd/\(number)", [.writeOnly, .nonBlocking])
    }
}

/// Passes on what `print` has kept back: output to a pipe is buffered.
///
/// - Throws: `SystemError` when it can't be written, such as to a full disk.
public func flushStandardOutput() throws(SystemError) {
    try check("write", on: "standard output") { fflush(nil) }
}

/// Opens /dev/null in place of standard input, output and error where they are closed.
///
/// The first thing that a program does: a file that it opened later would get such a number, and what is printed
/// would be written into it.
public func openStandardDescriptors() {
    while true {
        let number = unsafe cplatform_open("/dev/null", O_RDWR, 0)
        if number < 0 { return }
        if number > 2 {
            close(number)
            return
        }
    }
}
