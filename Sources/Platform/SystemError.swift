import CPlatform
import Glibc

/// A system call that failed: which one, on what, and why.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call's C name, such as "open".
    public let call: String
    /// The errno value; unknown values are kept as they are.
    public let code: CInt
    /// The file, name or process that the call was about.
    public let subject: String?

    public init(call: String, code: CInt, subject: String? = nil) {
        self.call = call
        self.code = code
        self.subject = subject
    }

    /// The C library's sentence for the code, such as "No such file or directory".
    public var reason: String {
        unsafe String(cString: strerror(code))
    }

    public var description: String {
        let place = subject.map { "\($0): " } ?? ""
        return "\(place)\(reason) (\(call))"
    }

    /// The error for a record lock that another process has.
    public static func lockIsTaken(_ path: String) -> SystemError {
        SystemError(call: "fcntl(lock)", code: EAGAIN, subject: path)
    }

    /// The error for a name that nothing has.
    public static func missing(_ subject: String) -> SystemError {
        SystemError(call: "open", code: ENOENT, subject: subject)
    }

    public var isNotFound: Bool { code == ENOENT }
    public var isAlreadyThere: Bool { code == EEXIST }
    public var isPermission: Bool { code == EACCES || code == EPERM || code == EROFS }
    /// Too many files are open, in this process or on the machine.
    public var isTooManyFiles: Bool { code == EMFILE || code == ENFILE }
    /// Nobody reads the pipe any more.
    public var isBrokenPipe: Bool { code == EPIPE }
    public var isTryAgain: Bool { code == EAGAIN }
    public var isTimeout: Bool { code == ETIMEDOUT }
    public var isNoSpace: Bool { code == ENOSPC || code == ENOMEM || code == EDQUOT }
}

/// Runs a call that answers -1 on failure, again while a signal interrupts it.
///
/// - Throws: `SystemError` with the call's errno.
@discardableResult
func check<Result: FixedWidthInteger>(
    _ call: String, on subject: @autoclosure () -> String? = nil, _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code != EINTR { throw SystemError(call: call, code: code, subject: subject()) }
    }
}

/// Turns the calls that answer an error number instead of -1 (the posix_ family) into errors.
func checkNumber(
    _ call: String, on subject: @autoclosure () -> String? = nil, _ body: () -> CInt
) throws(SystemError) {
    while true {
        let code = body()
        if code == 0 { return }
        if code != EINTR { throw SystemError(call: call, code: code, subject: subject()) }
    }
}
