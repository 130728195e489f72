import DeviceInventory
import MIGModel
import Platform

/// The small process that owns a job: starts its ranks, watches them, and drops the leases when nothing of it is left.
///
/// One thread, one loop, no blocking call but `poll`: the kernel's parent-death signal goes by the *thread* that
/// spawned a rank.
public struct Supervisor: ~Copyable {
    /// Where the caller's requests come in, and where reports go out.
    static let requestDescriptor: CInt = 3
    static let reportDescriptor: CInt = 4

    private let request: JobRequest
    private let control: Descriptor
    private let report: Descriptor
    private let ledger: Ledger
    private let signals: SignalQueue
    private let relay = OutputRelay()
    private let quarantines: QuarantineWatch
    private var ranks: [ProcessID: Int] = [:]
    private var state: SupervisorState
    private var backend: NVMLBackend?

    /// Runs the job that the caller sends and ends this process with the job's exit code.
    public static func main() -> Never {
        openStandardDescriptors()
        let control = Descriptor(owning: requestDescriptor)
        let report = Descriptor(owning: reportDescriptor)
        do {
            try control.closeOnExec()
            try report.closeOnExec()
        } catch {
            writeToStandardError(
                "flexmig-supervisor is started by `flexmig run`, not by hand. See: flexmig run --help")
            leave(with: 64)
        }
        do {
            guard let request = try JobRequest.read(from: control) else { leave(with: 70) }
            var supervisor = try make(request, control: control, report: report)
            let code = try supervisor.run()
            leave(with: code)
        } catch {
            writeToStandardError("flexmig-supervisor: \(error)")
            leave(with: 70)
        }
    }

    private static func make(
        _ request: JobRequest, control: consuming Descriptor, report: consuming Descriptor
    ) throws -> Supervisor {
        Signal.pipe.ignore()
        try becomeSubreaper()
        let ledger = try Ledger(stateDirectory: request.stateDirectory)
        try join(ledger, request.leaves.map(\.uuid))
        let signals = try SignalQueue([.child, .terminate, .interrupt, .hangUp, .quit])
        return Supervisor(
            request, control: control, report: report, ledger: ledger, signals: signals,
            quarantines: QuarantineWatch(ledger))
    }

    /// Adds this process's locks. The supervisor of a job whose launcher has just died may have them for a moment longer.
    private static func join(_ ledger: Ledger, _ leaves: [MIGDeviceUUID]) throws(LedgerError) {
        let deadline = ContinuousClock.now + .seconds(2)
        while true {
            do throws(LedgerError) {
                return try ledger.join(leaves)
            } catch {
                guard error.cause.isTryAgain, ContinuousClock.now < deadline else { throw error }
                pause(for: .milliseconds(20))
            }
        }
    }

    private init(
        _ request: JobRequest, control: consuming Descriptor, report: consuming Descriptor, ledger: Ledger,
        signals: consuming SignalQueue, quarantines: QuarantineWatch
    ) {
        self.quarantines = quarantines
        self.request = request
        self.control = control
        self.report = report
        self.ledger = ledger
        self.signals = signals
        state = SupervisorState(
            ranks: request.start == .rankPerLeaf ? request.leaves.count : 1,
            timeLimit: request.timeLimitSeconds.map { .seconds($0) }, grace: .seconds(request.graceSeconds),
            now: .now)
    }

    private mutating func run() throws -> Int {
        // The caller held the leases before this process did. If it still lives, nobody else had them in between;
        // if not, nothing has been started yet, and the leases go with this process.
        try control.setNonBlocking()
        guard try callerLives() else { return 129 }
        perform(startRanks())
        // One that came between the choice of the leaves and the watch.
        tellOfQuarantines()
        if ranks.isEmpty { handle(.noDescendants) }
        while true {
            if case .over = state.phase { break }
            try wait()
        }
        try passOnTheRest()
        if let failure = relay.failure, !failure.isBrokenPipe {
            if !failureIsTold { writeToStandardError(sentence(failure)) }
            if exitCode == 0 { return JobEnding.outputFailed.exitCode }
        }
        return exitCode
    }

    private var exitCode = 70

    private borrowing func callerLives() throws -> Bool {
        let seen = try poll([(control.number, .readable)], timeout: .zero)
        // A caller that wrote a byte and died is dead.
        return seen[0].isDisjoint(with: .hungUp)
    }

    // MARK: Starting

    /// Starts every rank; the first one that can't be started ends the job.
    private mutating func startRanks() -> [SupervisorState.Action] {
        let count = request.start == .rankPerLeaf ? request.leaves.count : 1
        do {
            for rank in 0..<count { ranks[try start(rank)] = rank }
            return []
        } catch {
            relay.say("flexmig: rank \(ranks.count) could not be started: \(error)")
            return state.handle(.startFailed(exitCode: 71), at: .now)
        }
    }

    private mutating func start(_ rank: Int) throws -> ProcessID {
        let isRank = request.start == .rankPerLeaf
        let environment = request.environment(
            rank: isRank ? rank : nil, base: Environment.all(), supervisor: .current)
        var child = ChildProcess(
            executable: isRank ? request.flexmig : request.command[0],
            arguments: isRank ? ["flexmig", "exec", "--"] + request.command : request.command,
            environment: environment)
        child.group = .own
        let null = try Descriptor.open("/dev/null", .readOnly)
        if let directory = request.outputDirectory {
            let name = isRank ? "rank-\(rank).log" : "output.log"
            let file = try Descriptor.open("\(directory)/\(name)", [.writeOnly, .create, .truncate, .append])
            child.descriptors = [(null.number, 0), (file.number, 1), (file.number, 2)]
            return try child.spawn()
        }
        if !isRank {
            // Its own ranks' output is for it to sort.
            child.descriptors = [(null.number, 0)]
            return try child.spawn()
        }
        let output = try Pipe()
        let errors = try Pipe()
        child.descriptors = [(null.number, 0), (output.writeEnd.number, 1), (errors.writeEnd.number, 2)]
        let process = try child.spawn()
        try relay.add(output.readEnd, rank: rank, to: 1)
        try relay.add(errors.readEnd, rank: rank, to: 2)
        return process
    }

    // MARK: Watching

    /// Waits for the next thing to happen and deals with it.
    private mutating func wait() throws {
        var watched = relay.watched
        watched.append((signals.number, .readable))
        // The end of a pipe is seen again and again: a caller that is gone is not watched for.
        if !callerIsGone { watched.append((control.number, .readable)) }
        if quarantines.number >= 0 { watched.append((quarantines.number, .readable)) }
        let ready = try pollOnce(watched, until: state.deadline)
        try relay.pump(ready)
        if let failure = relay.failure { tell(failure) }
        for signal in try signals.drain() where signal != .child { handle(.signal(signal)) }
        if ready[control.number]?.isEmpty == false { try readControl() }
        if ready[quarantines.number]?.isEmpty == false, quarantines.hasChanged { tellOfQuarantines() }
        let (ended, childrenLeft) = reapChildren()
        for child in ended {
            if let rank = ranks.removeValue(forKey: child.process) { handle(.rankEnded(rank: rank, child.end)) }
        }
        if let deadline = state.deadline, deadline <= .now { handle(.deadline) }
        if !childrenLeft { handle(.noDescendants) }
    }

    private var quarantined: Set<MIGDeviceUUID> = []

    /// Tells the user, and the ranks if he wishes, of leaves that are quarantined while the job is on them. The job goes on.
    private mutating func tellOfQuarantines() {
        guard case .running = state.phase else { return }
        for (rank, (leaf, gpu)) in zip(request.leaves, request.gpus).enumerated() {
            guard !quarantined.contains(leaf.uuid), let quarantine = quarantines.quarantine(of: leaf.uuid, on: gpu)
            else { continue }
            quarantined.insert(leaf.uuid)
            relay.say(
                "flexmig: leaf \(leaf.uuid) of rank \(rank) was quarantined by \(quarantine.by): \(quarantine.reason); "
                    + "what the rank computes may be wrong")
            guard let signal = request.quarantineSignal else { continue }
            // A command that starts its ranks itself gets the signal for them.
            let wanted = request.start == .rankPerLeaf ? rank : 0
            for (process, number) in ranks where number == wanted { sendToGroup(Signal(rawValue: signal), of: process) }
        }
    }

    private func pollOnce(
        _ watched: [(descriptor: CInt, for: Readiness)], until deadline: ContinuousClock.Instant?
    ) throws(SystemError) -> [CInt: Readiness] {
        let seen = try poll(watched, timeout: deadline.map { ContinuousClock.now.duration(to: $0) })
        var ready: [CInt: Readiness] = [:]
        for (entry, readiness) in zip(watched, seen) { ready[entry.descriptor, default: []].formUnion(readiness) }
        return ready
    }

    private var callerIsGone = false
    private var failureIsTold = false

    /// The job's output can't be written: a pipe without a reader ends the job in silence, as it ends `yes | head`.
    private mutating func tell(_ failure: SystemError) {
        if failureIsTold { return }
        failureIsTold = true
        if failure.isBrokenPipe { return handle(.outputClosed) }
        relay.say(sentence(failure))
        handle(.outputFailed)
    }

    private func sentence(_ failure: SystemError) -> String {
        "flexmig: the job's output can't be written: \(failure.reason)"
    }

    /// Passes on the output that is left when no process of the job is: its reader may take his time, until he asks for
    /// an end or the caller is gone.
    private mutating func passOnTheRest() throws {
        while !relay.isDone, !callerIsGone {
            let watched = relay.watched + [(signals.number, .readable), (control.number, .readable)]
            let ready = try pollOnce(watched, until: nil)
            try relay.pump(ready)
            if try signals.drain().contains(where: \.endsJobs) { return }
            if ready[control.number]?.isEmpty == false {
                guard let bytes = try control.read(upTo: 64) else { return }
                if bytes.contains(where: { Signal(rawValue: CInt($0)).endsJobs }) { return }
            }
        }
    }

    /// A byte from the caller is a signal to pass on; the end of the pipe is the caller's end.
    private mutating func readControl() throws {
        if callerIsGone { return }
        do throws(SystemError) {
            guard let bytes = try control.read(upTo: 64) else {
                callerIsGone = true
                return handle(.parentGone)
            }
            for byte in bytes { handle(.signal(Signal(rawValue: CInt(byte)))) }
        } catch {
            if !error.isTryAgain { throw error }
        }
    }

    private mutating func handle(_ event: SupervisorState.Event) {
        perform(state.handle(event, at: .now))
    }

    private mutating func perform(_ actions: [SupervisorState.Action]) {
        for action in actions {
            switch action {
            case .forward(let signal):
                for rank in ranks.keys { sendToGroup(signal, of: rank) }
            case .signalDescendants(let signal): Descendants.send(signal)
            case .report(let ending): tell(ending)
            case .say(let text): relay.say("flexmig: \(text)")
            case .checkLeaves: handle(occupant().map { .leavesBusy($0) } ?? .leavesEmpty)
            case .release(let code):
                release()
                exitCode = code
            }
        }
    }

    // MARK: Ending

    private mutating func tell(_ ending: JobEnding) {
        // What the ranks said last comes before the verdict. All of it waits for its reader; the leases do not.
        try? relay.stopReading()
        switch ending {
        case .rankFailed(let rank, let end) where request.start == .rankPerLeaf:
            relay.say(
                "flexmig: rank \(rank) on leaf \(request.leaves[rank].uuid) ended with \(end); the job is over")
        case .timedOut:
            relay.say(
                "flexmig: the job was ended after its time limit of \(decimalSeconds(request.timeLimitSeconds ?? 0))")
        default: break
        }
        // A caller that is gone needs no report.
        try? report.write(Array("ended \(ending.exitCode)\n".utf8))
    }

    /// Who is on the leaves; the driver is asked through a library that is loaded when it is first needed.
    private mutating func occupant() -> String? {
        if backend == nil {
            do throws(DeviceError) {
                backend = try NVMLBackend(library: request.library)
            } catch {
                return "the driver can't be asked about its leaves (\(error.message))"
            }
        }
        guard let backend else { return nil }
        return LeafOccupancy(backend: backend, leaves: request.leaves.map(\.uuid)).occupant()
    }

    private borrowing func release() {
        request.job.removeSharedMemory()
        for leaf in request.leaves {
            do throws(LedgerError) {
                try ledger.release(leaf.uuid, as: .supervisor, wiping: true)
            } catch {
                relay.say("flexmig: \(error)")
            }
        }
        try? report.write(Array("released\n".utf8))
    }
}

/// A time as people write it: "2 s", "0.5 s".
private func decimalSeconds(_ seconds: Double) -> String {
    seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
}
