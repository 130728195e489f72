import Platform

/// The processes of one contender, from their start to their end. One thread.
final class RunningContender {
    let contender: Contender
    private let ranks: Int
    private let directory: String
    private let timeout: Duration
    private let interruptions: Interruptions
    private var channels: [RankChannel] = []
    /// The launcher, or of ours all ranks; nil in place of those that have ended.
    private var processes: [ProcessID] = []
    private var ended: ProcessEnd?
    private let rendezvous: String

    /// A variable by which descendants are known whose launcher is gone.
    private static let mark = "FLEXMIG_BENCH_DIRECTORY"
    private static let look = Duration.milliseconds(50)
    private static let startTimeout = Duration.seconds(60)

    /// - Parameter directory: a new one for this contender alone.
    init(_ contender: Contender, ranks: Int, directory: String, timeout: Duration, interruptions: Interruptions) {
        self.contender = contender
        self.ranks = ranks
        self.directory = directory
        self.timeout = timeout
        self.interruptions = interruptions
        rendezvous = "flexmig-bench-\(randomToken(bytes: 8))"
    }

    /// The launcher's processes that have not been seen to end.
    var launchers: [ProcessID] { processes }

    // MARK: Starting

    /// Starts all ranks, and returns when each has opened its FIFOs.
    ///
    /// - Parameter program: `flexmig` itself.
    func start(program: String) throws(ContenderFailure) {
        do throws(SystemError) {
            try Files.makeDirectory(directory, permissions: 0o700)
            for rank in 0..<ranks { channels.append(try RankChannel(in: directory, rank: rank)) }
            try Files.replace(
                "\(directory)/startline", with: [UInt8](repeating: 0, count: StartLine.bytes), permissions: 0o600)
            try spawn(program)
        } catch {
            throw .lost("can't be started: \(error)")
        }
        let deadline = ContinuousClock.now + min(Self.startTimeout, timeout)
        while true {
            do throws(SystemError) {
                var isConnected = true
                for channel in channels where try !channel.connect() { isConnected = false }
                if isConnected { return }
            } catch {
                throw .lost("can't be started: \(error)")
            }
            try checkAlive("at its start")
            if ContinuousClock.now > deadline { throw .lost("did not start within \(Self.text(timeout))") }
            try interruptions.pause(.milliseconds(2))
        }
    }

    private func spawn(_ program: String) throws(SystemError) {
        let nothing = try Descriptor.open("/dev/null", .readOnly)
        let log = try Descriptor.open("\(directory)/log", [.writeOnly, .create, .append], permissions: 0o600)
        var environment = Environment.all()
        environment[Self.mark] = directory
        func spawn(_ executable: String, _ arguments: [String]) throws(SystemError) {
            var child = ChildProcess(
                executable: executable, arguments: [executable] + arguments, environment: environment)
            child.descriptors = [(nothing.number, 0), (log.number, 1), (log.number, 2)]
            child.group = .own
            processes.append(try child.spawn())
        }
        switch contender.kind {
        case .peer(let folder): try spawn("\(folder)/run", [String(ranks), directory])
        case .ours(let role):
            environment["WORLD_SIZE"] = String(ranks)
            environment["FLEXMIG_RENDEZVOUS"] = rendezvous
            for rank in 0..<ranks {
                environment["RANK"] = String(rank)
                try spawn(program, ["bench", "rank", "--role", role.rawValue, directory])
            }
        }
    }

    // MARK: Measuring

    /// Lets all ranks take one turn.
    ///
    /// - Returns: the answer of all together.
    func measure(_ command: MeasureCommand) throws(ContenderFailure) -> MeasureAnswer {
        let line = command.line
        do throws(SystemError) {
            for channel in channels { try channel.send(line) }
        } catch {
            try checkAlive("before its turn")
            throw .lost("takes no command: \(error.reason)")
        }
        var answers = [MeasureAnswer?](repeating: nil, count: ranks)
        let deadline = ContinuousClock.now + timeout
        while answers.contains(where: { $0 == nil }) {
            let open = channels.indices.filter { answers[$0] == nil }
            do throws(SystemError) {
                let seen = try poll(
                    open.map { (channels[$0].number, .readable) } + [(interruptions.number, .readable)],
                    timeout: Self.look)
                for (place, rank) in open.enumerated() where !seen[place].isEmpty { try channels[rank].receive() }
            } catch {
                throw .lost("gives no answer: \(error)")
            }
            try interruptions.check()
            for rank in open {
                if let text = channels[rank].takeLine() {
                    answers[rank] = MeasureAnswer(line: text)
                } else if channels[rank].isHungUp {
                    // Its end is there a moment later.
                    for _ in 0..<20 where ended == nil {
                        try checkAlive("in \(command.task.word)")
                        try interruptions.pause(.milliseconds(5))
                    }
                    throw .lost("rank \(rank) ended in \(command.task.word)\(lastWords)")
                }
            }
            if ContinuousClock.now > deadline { throw .lost("gave no answer within \(Self.text(timeout))") }
        }
        return MeasureAnswer.combined(answers.compactMap { $0 }, batches: command.batches)
    }

    /// - Throws: when a launcher, or a rank of ours, has ended.
    private func checkAlive(_ when: String) throws(ContenderFailure) {
        collectEnds()
        if let ended { throw .lost("ended with \(ended) \(when)\(lastWords)") }
    }

    private func collectEnds() {
        processes.removeAll { process in
            guard let end = pollEnd(of: process) else { return false }
            // The first bad end says most.
            if ended == nil || ended == .exited(code: 0) { ended = end }
            return true
        }
    }

    /// The last line that its processes wrote.
    private var lastWords: String {
        let lines = (try? Files.readText("\(directory)/log"))?.split(separator: "\n") ?? []
        let last = lines.last { $0.contains { $0.isLetter } }
        return last.map { ": \($0.prefix(200))" } ?? ""
    }

    private static func text(_ time: Duration) -> String {
        let seconds = time / .seconds(1)
        return "\(FixedPoint.text(seconds, digits: seconds < 10 ? 1 : 0)) s"
    }

    // MARK: Ending

    /// Ends all processes: by `quit`, or at once when they may hang. Nothing of them is left afterwards.
    ///
    /// - Parameter others: launchers of other contenders, which live on.
    func end(gently: Bool, others: [ProcessID]) {
        for channel in channels {
            if gently { try? channel.send("quit") }
            channel.close()
        }
        if gently { waitForEnds(within: .seconds(5)) }
        if !processes.isEmpty {
            // A launcher ends its ranks when it is asked to, and has things of its own to remove.
            for process in processes { sendToGroup(.terminate, of: process) }
            waitForEnds(within: .seconds(2))
        }
        for process in processes {
            let descendants = ProcessTable.descendants(of: process)
            sendToGroup(.kill, of: process)
            for row in descendants { try? row.send(.kill) }
        }
        waitForEnds(within: .seconds(5))
        endOrphans(besides: others)
        channels = []
        for name in SharedMemoryName.all(withPrefix: rendezvous) { try? name.unlink() }
    }

    private func waitForEnds(within limit: Duration) {
        let deadline = ContinuousClock.now + limit
        while true {
            collectEnds()
            if processes.isEmpty || ContinuousClock.now > deadline { return }
            pause(for: .milliseconds(2))
        }
    }

    /// Descendants whose launcher is gone are children of this process now, as it is their subreaper. While other
    /// contenders live, only those are ended that are known to be this one's.
    private func endOrphans(besides others: [ProcessID]) {
        let known = Set(others + processes)
        for _ in 0..<100 {
            let orphans = ProcessTable.rows().filter { row in
                guard row.parent == .current, !known.contains(row.process) else { return false }
                if others.isEmpty || row.isZombie { return true }
                return ProcessTable.environment(of: row.process)?[Self.mark] == directory
            }
            if orphans.isEmpty { return }
            for orphan in orphans {
                for row in ProcessTable.descendants(of: orphan.process) + [orphan] where !row.isZombie {
                    try? row.send(.kill)
                }
                _ = pollEnd(of: orphan.process)
            }
            pause(for: .milliseconds(5))
        }
    }
}
