import Glibc
import Platform

/// Gives this process the rights of nobody where it has those of root. Only for a process that is soon over.
public func giveUpRoot() {
    if getuid() == 0 { _ = setuid(65534) }
}

/// Takes the right to write from a directory and the files in it, or gives it back to their owner. Root has it anyway.
public func setWritable(_ isWritable: Bool, _ directory: String) throws {
    for name in try Files.names(in: directory) {
        unsafe chmod("\(directory)/\(name)", isWritable ? 0o644 : 0o444)
    }
    unsafe chmod(directory, isWritable ? 0o755 : 0o555)
}

/// Makes a symbolic link.
public func makeLink(_ path: String, to target: String) throws {
    guard unsafe symlink(target, path) == 0 else { throw SystemError(call: "symlink", code: errno, subject: path) }
}
