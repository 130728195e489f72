import DeviceInventory
import MIGModel
import Platform

/// The caller's side of a running job: starts its supervisor, passes signals on, and cleans up if the supervisor is
/// killed.
public struct JobLauncher<Backend: DeviceBackend> {
    let backend: Backend
    let ledger: Ledger
    /// The supervisor's executable.
    let supervisor: String

    public init(backend: Backend, ledger: Ledger, supervisor: String) {
        self.backend = backend
        self.ledger = ledger
        self.supervisor = supervisor
    }

    /// Runs a job on leaves that this process has leased, until it is over.
    ///
    /// Takes over this process's signals and its children. The leases are dropped when this returns or throws; where a
    /// leaf still shows a process they stay with the supervisor.
    /// - Parameter say: called with lines for the user.
    /// - Returns: the job's exit code.
    public func run(_ request: JobRequest, say: (String) -> Void) throws -> Int {
        var held = request.leaves.map(\.uuid)
        var isClean = false
        defer {
            // A lock that can't be dropped goes with this process.
            for leaf in held { try? ledger.release(leaf, as: .launcher, wiping: isClean) }
        }
        try becomeSubreaper()
        Signal.pipe.ignore()
        // Ignored, the kernel would take the supervisor's end without telling.
        Signal.child.restoreDefault()
        // What our parent made us ignore stays ignored: nohup for SIGHUP, a shell's background jobs for SIGINT.
        let signals = try SignalQueue([.child] + Self.passedOn.filter { !$0.isIgnored })
        let control = try Pipe()
        let report = try Pipe()
        var watch = SupervisorWatch(
            process: try spawn(control: control.readEnd, report: report.writeEnd), grace: .seconds(request.graceSeconds)
        )
        let controlEnd = control.writeEnd
        let reportEnd = report.readEnd
        try reportEnd.setNonBlocking()
        // EPIPE, here and below: the supervisor has just died, which the loop sees.
        try? controlEnd.write(try request.encoded())

        while watch.end == nil {
            let seen = try poll(
                [(signals.number, .readable), (watch.reportIsOpen ? reportEnd.number : -1, .readable)],
                timeout: watch.isWaitedFor ? .milliseconds(200) : nil)
            for signal in try signals.drain() where signal != .child {
                try pass(signal, to: controlEnd)
                watch.note(signal)
            }
            if !seen[1].isEmpty { try watch.read(reportEnd) }
            if watch.isReleased {
                // The supervisor has wiped the records; what it still does is to pass on output.
                for leaf in held { try ledger.release(leaf, as: .launcher, wiping: false) }
                held = []
            }
            let (ended, childrenLeft) = reapChildren()
            for child in ended where child.process == watch.process { watch.end = child.end }
            if !childrenLeft, watch.end == nil { watch.end = .exited(code: 70) }
            // Stopped, or stuck in the kernel: its descendants are ended without it.
            if watch.isUnresponsive(at: .now) { try watch.process.send(.kill) }
            if let code = watch.jobEndedLongAgo(at: .now) {
                // Its leases stay with the supervisor, which has said why.
                return code
            }
        }
        // Its last report may have come with its end.
        try watch.read(reportEnd)
        if watch.isReleased { return watch.exitCode }

        // Somebody killed the supervisor, or it failed: its descendants are ours now.
        let isGone = Descendants.kill(patience: .seconds(30))
        let occupant = LeafOccupancy(backend: backend, leaves: held).waitUntilEmpty(patience: .seconds(30))
        isClean = isGone && occupant == nil
        if isClean { request.job.removeSharedMemory() }
        for leaf in held { try? ledger.release(leaf, as: .launcher, wiping: isClean) }
        held = []
        say("the job's supervisor ended with \(watch.end?.description ?? "an unknown end"); the job was ended")
        if !isClean {
            say("\(occupant ?? "a process of the job can't be ended"); the leases are marked as left behind")
        }
        return watch.exitCode
    }

    private static var passedOn: [Signal] {
        [.interrupt, .terminate, .hangUp, .quit, .user1, .user2, .terminalStop, .continue]
    }

    /// Passes a signal on to the supervisor; Ctrl-Z stops the ranks and then this process, until both go on.
    private func pass(_ signal: Signal, to control: borrowing Descriptor) throws(SystemError) {
        guard signal == .terminalStop else { return tell(signal, control) }
        tell(.stop, control)
        try stopAsFromTerminal()
        tell(.continue, control)
    }

    private func tell(_ signal: Signal, _ control: borrowing Descriptor) {
        try? control.write([UInt8(truncatingIfNeeded: signal.rawValue)])
    }

    /// Starts the supervisor with its ends of the pipes, which are closed here: while this process held them, the end
    /// of either would not be seen.
    private func spawn(
        control: consuming Descriptor, report: consuming Descriptor
    ) throws(SystemError) -> ProcessID {
        var child = ChildProcess(
            executable: supervisor, arguments: ["flexmig-supervisor"], environment: Environment.all())
        child.group = .ownSession
        child.descriptors = [
            (control.number, Supervisor.requestDescriptor), (report.number, Supervisor.reportDescriptor),
        ]
        return try child.spawn()
    }
}

/// What is known of a supervisor from its reports, its end, and what it was asked for.
private struct SupervisorWatch {
    let process: ProcessID
    let grace: Duration
    var end: ProcessEnd?
    private(set) var reportIsOpen = true
    /// Whether the leases are wiped out.
    private(set) var isReleased = false
    /// The job's exit code and when it was told.
    private var jobEnded: (code: Int, when: ContinuousClock.Instant)?
    private var endingSignals = 0
    private var firstEndingSignal: ContinuousClock.Instant?
    private var text = ""

    init(process: ProcessID, grace: Duration) {
        self.process = process
        self.grace = grace
    }

    /// The supervisor's own end, which is the job's where it could finish.
    var exitCode: Int { end?.exitCode ?? 70 }

    /// Whether something is due though nothing may happen.
    var isWaitedFor: Bool { !isReleased && (jobEnded != nil || firstEndingSignal != nil) }

    mutating func note(_ signal: Signal) {
        guard signal.endsJobs else { return }
        endingSignals += 1
        firstEndingSignal = firstEndingSignal ?? .now
    }

    /// Whether it was asked for an end three times, or long ago, and has not told of one.
    func isUnresponsive(at now: ContinuousClock.Instant) -> Bool {
        guard let firstEndingSignal, jobEnded == nil else { return false }
        return endingSignals > 2 || firstEndingSignal + grace + .seconds(15) < now
    }

    /// The job's exit code when it was told long ago and the leaves are still not empty.
    func jobEndedLongAgo(at now: ContinuousClock.Instant) -> Int? {
        guard end == nil, !isReleased, let jobEnded, jobEnded.when + .seconds(10) < now else { return nil }
        return jobEnded.code
    }

    mutating func read(_ report: borrowing Descriptor) throws(SystemError) {
        do throws(SystemError) {
            guard let bytes = try report.read(upTo: 4096) else {
                reportIsOpen = false
                return
            }
            text += String(decoding: bytes, as: UTF8.self)
        } catch {
            if error.isTryAgain { return }
            throw error
        }
        for line in text.split(separator: "\n") {
            if line == "released" { isReleased = true }
            if line.hasPrefix("ended "), jobEnded == nil, let code = Int(line.dropFirst(6)) { jobEnded = (code, .now) }
        }
    }
}
