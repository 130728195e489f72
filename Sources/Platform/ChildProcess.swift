import CPlatform
import Glibc

/// How a process ended.
public enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
    case exited(code: Int)
    case signalled(Signal)

    /// As a shell shows it: the exit code, or 128 + the signal's number.
    public var exitCode: Int {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + Int(signal.rawValue)
        }
    }

    public var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signalled(let signal): "\(signal)"
        }
    }

    init(waitStatus status: CInt) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited(code: Int((status >> 8) & 0xff)) : .signalled(Signal(rawValue: signal))
    }
}

/// What to start, and what of ours it gets.
public struct ChildProcess: Sendable {
    public var executable: String
    /// All arguments, the program's name first.
    public var arguments: [String]
    public var environment: [String: String]
    /// Which of our descriptors the child gets under which number. 0, 1 and 2 are inherited unless named here.
    public var descriptors: [(ours: CInt, childs: CInt)] = []
    /// The group that signals meet.
    public enum Group: Sendable { case inherited, own, ownSession }
    public var group: Group = .inherited

    public init(executable: String, arguments: [String], environment: [String: String]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// Starts the process with no signal blocked and every signal at its default action.
    ///
    /// - Throws: `SystemError` when the executable can't be started, with its path as the subject.
    public func spawn() throws(SystemError) -> ProcessID {
        var attributes = posix_spawnattr_t()
        try checkNumber("posix_spawnattr_init") { unsafe posix_spawnattr_init(&attributes) }
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var every = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&every)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &every)
        var flags = CInt(POSIX_SPAWN_SETSIGMASK) | CInt(POSIX_SPAWN_SETSIGDEF)
        switch group {
        case .inherited: break
        case .own: flags |= CInt(POSIX_SPAWN_SETPGROUP)
        case .ownSession: flags |= 0x80  // POSIX_SPAWN_SETSID, glibc 2.26 and later
        }
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        var actions = unsafe posix_spawn_file_actions_t()
        try checkNumber("posix_spawn_file_actions_init") { unsafe posix_spawn_file_actions_init(&actions) }
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        // Copies above every number that a child can ask for, so that one dup2 never overwrites another's source.
        let lowest = max(3, (descriptors.map(\.childs).max() ?? 0) + 1)
        var copies: [CInt] = []
        defer { for copy in copies { close(copy) } }
        for pair in descriptors {
            let copy = try check("fcntl(F_DUPFD)") { cplatform_duplicate_above(pair.ours, lowest) }
            copies.append(copy)
            unsafe posix_spawn_file_actions_adddup2(&actions, copy, pair.childs)
        }

        var process: pid_t = 0
        let variables = environment.map { "\($0.key)=\($0.value)" }.sorted()
        var code: CInt = 0
        unsafe withCStrings(arguments) { argv in
            unsafe withCStrings(variables) { envp in
                code = unsafe posix_spawn(&process, executable, &actions, &attributes, argv, envp)
            }
        }
        if code != 0 { throw SystemError(call: "posix_spawn", code: code, subject: executable) }
        return ProcessID(rawValue: process)
    }

    /// Replaces this process by a program; returns only by throwing.
    public static func become(
        executable: String, arguments: [String], environment: [String: String]
    ) throws(SystemError) -> Never {
        let variables = environment.map { "\($0.key)=\($0.value)" }.sorted()
        unsafe withCStrings(arguments) { argv in
            unsafe withCStrings(variables) { envp in _ = unsafe execve(executable, argv, envp) }
        }
        throw SystemError(call: "execve", code: errno, subject: executable)
    }

    /// Where a command lies: the path itself when it has a slash, else the first match in `PATH`.
    ///
    /// - Throws: `SystemError` with `ENOENT` (not found) or `EACCES` (found, but not executable).
    public static func locate(_ command: String, path: String?) throws(SystemError) -> String {
        if command.contains("/") {
            if Files.isExecutable(command) { return command }
            throw SystemError(call: "execve", code: Files.exists(command) ? EACCES : ENOENT, subject: command)
        }
        var found = false
        for directory in (path ?? "/usr/local/bin:/usr/bin:/bin").split(
            separator: ":", omittingEmptySubsequences: false)
        {
            let candidate = (directory.isEmpty ? "." : String(directory)) + "/" + command
            if Files.isExecutable(candidate) { return candidate }
            if Files.exists(candidate), !Files.isDirectory(candidate) { found = true }
        }
        throw SystemError(call: "execve", code: found ? EACCES : ENOENT, subject: command)
    }
}

/// A child that ended.
public struct EndedChild: Hashable, Sendable {
    public let process: ProcessID
    public let end: ProcessEnd
}

/// The children that have ended, without waiting; `childrenLeft` is false when this process has none at all.
///
/// For a subreaper "none at all" means that no descendant is left, however it was forked.
public func reapChildren() -> (ended: [EndedChild], childrenLeft: Bool) {
    var ended: [EndedChild] = []
    while true {
        var status: CInt = 0
        let process = unsafe waitpid(-1, &status, WNOHANG)
        if process > 0 {
            ended.append(EndedChild(process: ProcessID(rawValue: process), end: ProcessEnd(waitStatus: status)))
        } else if process == 0 {
            return (ended, true)
        } else if errno != EINTR {
            return (ended, false)
        }
    }
}

/// Waits for one child to end.
public func waitForEnd(of process: ProcessID) throws(SystemError) -> ProcessEnd {
    var status: CInt = 0
    try check("waitpid", on: "process \(process)") { unsafe waitpid(process.rawValue, &status, 0) }
    return ProcessEnd(waitStatus: status)
}

/// Calls `body` with a NULL-terminated array of C strings that live as long as the call.
private func withCStrings(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Void
) {
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe strings.map { string in
        unsafe (SystemText.bytes(string) + [0]).withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { unsafe $0.baseAddress.flatMap { unsafe strdup($0) } }
        }
    }
    unsafe pointers.append(nil)
    defer { unsafe pointers.forEach { unsafe free($0) } }
    unsafe pointers.withUnsafeMutableBufferPointer { buffer in
        if let base = buffer.baseAddress { unsafe body(base) }
    }
}

/// How a child ended; nil while it runs.
public func pollEnd(of process: ProcessID) -> ProcessEnd? {
    var status: CInt = 0
    return unsafe waitpid(process.rawValue, &status, WNOHANG) == process.rawValue ? ProcessEnd(waitStatus: status) : nil
}
