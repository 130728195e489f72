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
        let leaves = request.leaves.map(\.uuid)
        var isClean = true
        defer {
            // A lock that can't be dropped goes with this process.
            for leaf in leaves { try? ledger.release(leaf, as: .launcher, wiping: isClean) }
        }
        try becomeSubreaper()
        Signal.pipe.ignore()
        // What our parent made us ignore stays ignored: nohup for SIGHUP, a shell's background jobs for SIGINT.
        let passedOn = [Signal.interrupt, .terminate, .hangUp, .quit, .user1, .user2, .continue]
        let signals = try SignalQueue([.child] + passedOn.filter { !$0.isIgnored })
        let control = try Pipe()
        let report = try Pipe()
        let process = try spawn(control: control.readEnd, report: report.writeEnd)
        let controlEnd = control.writeEnd
        let reportEnd = report.readEnd
        try controlEnd.write(try request.encoded())

        var watch = SupervisorWatch(process: process)
        try reportEnd.setNonBlocking()
        while watch.end == nil {
            let seen = try poll(
                [(signals.number, .readable), (watch.reportIsOpen ? reportEnd.number : -1, .readable)],
                timeout: watch.jobEnded.map { _ in .milliseconds(200) })
            for signal in try signals.drain() where signal != .child {
                // EPIPE: the supervisor has just died, which the next round sees.
                try? controlEnd.write([UInt8(truncatingIfNeeded: signal.rawValue)])
            }
            if !seen[1].isEmpty { try watch.read(reportEnd) }
            for child in reapChildren().ended where child.process == process { watch.end = child.end }
            if let (code, when) = watch.jobEnded, watch.end == nil, when + .seconds(10) < .now {
                // Its leases stay with the supervisor, which has said why.
                isClean = false
                return code
            }
        }
        if case .exited(let code)? = watch.end, !reapChildren().childrenLeft { return code }

        // Somebody killed the supervisor, or it failed: its descendants are ours now.
        say("the job's supervisor ended with \(watch.end?.description ?? "an unknown end"); ending the job")
        let isGone = Descendants.kill(patience: .seconds(30))
        let occupant = LeafOccupancy(backend: backend, leaves: leaves).waitUntilEmpty(patience: .seconds(30))
        isClean = isGone && occupant == nil
        if isClean {
            request.job.removeSharedMemory()
        } else {
            say("\(occupant ?? "a process of the job can't be ended"); the leases are marked as left behind")
        }
        return watch.end?.exitCode ?? 70
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

/// What is known of a supervisor from its reports and its end.
private struct SupervisorWatch {
    let process: ProcessID
    var end: ProcessEnd?
    /// The job's exit code and when it was told.
    private(set) var jobEnded: (code: Int, when: ContinuousClock.Instant)?
    private(set) var reportIsOpen = true
    private var text = ""

    init(process: ProcessID) { self.process = process }

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
        for line in text.split(separator: "\n") where line.hasPrefix("ended ") {
            if jobEnded == nil, let code = Int(line.dropFirst(6)) { jobEnded = (code, .now) }
        }
    }
}
