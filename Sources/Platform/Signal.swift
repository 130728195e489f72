import CPlatform
import Glibc

/// A signal by its number.
public struct Signal: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: CInt
    public init(rawValue: CInt) { self.rawValue = rawValue }
    public static let interrupt = Signal(rawValue: SIGINT)
    public static let terminate = Signal(rawValue: SIGTERM)
    public static let kill = Signal(rawValue: SIGKILL)
    public static let hangUp = Signal(rawValue: SIGHUP)
    public static let quit = Signal(rawValue: SIGQUIT)
    public static let user1 = Signal(rawValue: SIGUSR1)
    public static let user2 = Signal(rawValue: SIGUSR2)
    public static let child = Signal(rawValue: SIGCHLD)
    public static let pipe = Signal(rawValue: SIGPIPE)
    public static let `continue` = Signal(rawValue: SIGCONT)
    public static let stop = Signal(rawValue: SIGSTOP)
    /// What Ctrl-Z sends.
    public static let terminalStop = Signal(rawValue: SIGTSTP)

    /// Such as "SIGTERM"; "signal 40" for those without a name here.
    public var description: String {
        switch rawValue {
        case SIGINT: "SIGINT"
        case SIGTERM: "SIGTERM"
        case SIGKILL: "SIGKILL"
        case SIGHUP: "SIGHUP"
        case SIGQUIT: "SIGQUIT"
        case SIGUSR1: "SIGUSR1"
        case SIGUSR2: "SIGUSR2"
        case SIGCHLD: "SIGCHLD"
        case SIGSEGV: "SIGSEGV"
        case SIGABRT: "SIGABRT"
        case SIGBUS: "SIGBUS"
        case SIGFPE: "SIGFPE"
        case SIGILL: "SIGILL"
        case SIGTRAP: "SIGTRAP"
        case SIGPIPE: "SIGPIPE"
        case SIGALRM: "SIGALRM"
        case SIGCONT: "SIGCONT"
        default: "signal \(rawValue)"
        }
    }

    /// Makes this process ignore a signal.
    public func ignore() { _ = signal(rawValue, SIG_IGN) }

    /// Whether this process ignores the signal; a parent hands that on, as nohup does for SIGHUP.
    public var isIgnored: Bool { cplatform_is_ignored(rawValue) == 1 }

    /// Gives a signal its default action again in this process, whatever its parent made it do.
    public func restoreDefault() { _ = signal(rawValue, SIG_DFL) }
}

/// Signals read from a descriptor instead of interrupting the program.
public struct SignalQueue: ~Copyable {
    private let descriptor: Descriptor
    public var number: CInt { descriptor.number }

    /// Blocks the signals in this thread, and so in threads started later, and queues them here.
    public init(_ signals: [Signal]) throws(SystemError) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal.rawValue) }
        try checkNumber("pthread_sigmask") { unsafe pthread_sigmask(SIG_BLOCK, &set, nil) }
        descriptor = Descriptor(owning: try check("signalfd") { unsafe cplatform_signalfd(&set) })
    }

    /// The signals that came since the last call, each once, without waiting.
    public borrowing func drain() throws(SystemError) -> [Signal] {
        var signals: [Signal] = []
        let size = MemoryLayout<signalfd_siginfo>.size
        while true {
            do throws(SystemError) {
                guard let bytes = try descriptor.read(upTo: size), bytes.count == size else { return signals }
                // ssi_signo is the first field, 4 bytes.
                let number = bytes.prefix(4).enumerated().reduce(UInt32(0)) {
                    $0 | UInt32($1.element) << (8 * $1.offset)
                }
                signals.append(Signal(rawValue: CInt(number)))
            } catch {
                if error.code == EAGAIN { return signals }
                throw error
            }
        }
    }
}

/// Signals that wait while this thread has something to put away first.
public struct HeldSignals: Sendable {
    private let held: [Signal]
    private let before: sigset_t

    /// Holds the signals back from this thread, and so from threads started later; those that the process ignores stay
    /// ignored.
    public init(_ signals: [Signal]) throws(SystemError) {
        // One that is both held and ignored would be kept waiting as well.
        held = signals.filter { !$0.isIgnored }
        var set = sigset_t()
        var before = sigset_t()
        unsafe sigemptyset(&set)
        for signal in held { unsafe sigaddset(&set, signal.rawValue) }
        try checkNumber("pthread_sigmask") { unsafe pthread_sigmask(SIG_BLOCK, &set, &before) }
        self.before = before
    }

    /// Whether one of them has come.
    public var isAnyWaiting: Bool {
        var waiting = sigset_t()
        unsafe sigemptyset(&waiting)
        guard unsafe sigpending(&waiting) == 0 else { return false }
        return held.contains { unsafe sigismember(&waiting, $0.rawValue) == 1 }
    }

    /// Lets them act again; one that has come acts before this returns.
    public func release() {
        var before = before
        _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}

/// Stops this process as Ctrl-Z would, and returns when it goes on.
///
/// SIGTSTP and not SIGSTOP: the kernel drops it where no shell could continue the process. The signal must be blocked, as
/// `SignalQueue` does.
public func stopAsFromTerminal() throws(SystemError) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTSTP)
    try check("kill") { kill(getpid(), SIGTSTP) }
    try checkNumber("pthread_sigmask") { unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil) }
    try checkNumber("pthread_sigmask") { unsafe pthread_sigmask(SIG_BLOCK, &set, nil) }
}
