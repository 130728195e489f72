import Platform

/// Starts two processes of this program that talk to each other, and waits for both.
public struct PairTrial: Sendable {
    /// The path of `flexmig`.
    private let program: String
    private let patience: Duration

    public init(program: String, patience: Duration = .seconds(30)) {
        self.program = program
        self.patience = patience
    }

    /// The user ends the trial; both processes are gone.
    public struct Interrupted: Error {
        public let signal: Signal
    }

    /// Two ranks that reduce through shared memory.
    ///
    /// - Parameter signals: those that end it early.
    public func engine(_ signals: borrowing SignalQueue) throws(Interrupted) -> TrialOutcome {
        try run(["engine"], signals)
    }

    /// Two ranks that send through a plugin; otherwise as `engine`.
    public func plugin(_ path: String, _ signals: borrowing SignalQueue) throws(Interrupted) -> TrialOutcome {
        try run(["plugin", path], signals)
    }

    private func run(_ words: [String], _ signals: borrowing SignalQueue) throws(Interrupted) -> TrialOutcome {
        let outcome: Result<TrialOutcome, Interrupted>
        do throws(SystemError) {
            let base = Environment.value("TMPDIR") ?? "/tmp"
            let directory = "\(base)/flexmig-doctor-\(randomToken(bytes: 8))"
            try Files.makeDirectory(directory, permissions: 0o700)
            defer {
                for name in (try? Files.names(in: directory)) ?? [] { try? Files.remove("\(directory)/\(name)") }
                try? Files.removeDirectory(directory)
            }
            outcome = try run(words, in: directory, signals)
        } catch {
            return .failed("\(error)")
        }
        return try outcome.get()
    }

    private func run(
        _ words: [String], in directory: String, _ signals: borrowing SignalQueue
    ) throws(SystemError) -> Result<TrialOutcome, Interrupted> {
        let job = "doctor-\(randomToken(bytes: 6))"
        var living: [(rank: Int, process: ProcessID)] = []
        // Nothing is left behind, whatever happens.
        defer {
            for (_, process) in living {
                try? process.send(.kill)
                _ = try? waitForEnd(of: process)
            }
            // Of one that was killed before it could.
            for name in SharedMemoryName.all(withPrefix: "flexmig-\(job)-") { try? name.unlink() }
        }
        for rank in 0..<2 { living.append((rank, try start(rank, words, job, directory))) }
        let deadline = ContinuousClock.now + patience
        var failures: [String] = []
        while !living.isEmpty {
            if ContinuousClock.now >= deadline {
                let late = living.map { "\($0.rank)" }.joined(separator: " and ")
                return .success(.failed("rank \(late) did not end within \(patience)"))
            }
            for (rank, process) in living {
                guard let end = pollEnd(of: process) else { continue }
                living.removeAll { $0.process == process }
                if end == .exited(code: 0) { continue }
                let said = ((try? Files.readText("\(directory)/rank-\(rank).log")) ?? "").split(separator: "\n")
                failures.append("rank \(rank): \(said.last.map(String.init) ?? "\(end)")")
            }
            if living.isEmpty { break }
            _ = try poll([(signals.number, .readable)], timeout: .milliseconds(2))
            if let signal = try signals.drain().first { return .failure(Interrupted(signal: signal)) }
        }
        return .success(failures.isEmpty ? .passed : .failed(failures.joined(separator: "; ")))
    }

    private func start(
        _ rank: Int, _ words: [String], _ job: String, _ directory: String
    ) throws(SystemError) -> ProcessID {
        var environment = Environment.all().filter { !$0.key.hasPrefix("NCCL_") }
        environment["RANK"] = "\(rank)"
        environment["WORLD_SIZE"] = "2"
        environment["FLEXMIG_LOCAL_RANK"] = "\(rank)"
        environment["FLEXMIG_LOCAL_WORLD_SIZE"] = "2"
        environment["FLEXMIG_JOB_ID"] = job
        environment["FLEXMIG_RENDEZVOUS"] = "flexmig-\(job)"
        environment["FLEXMIG_TIMEOUT"] = "20"
        environment["NCCL_HOSTID"] = "\(job)-\(rank)"
        var child = ChildProcess(
            executable: program,
            arguments: ["flexmig", "self-test"] + words + (words[0] == "plugin" ? [directory] : []),
            environment: environment)
        let null = try Descriptor.open("/dev/null", .readOnly)
        let log = try Descriptor.open(
            "\(directory)/rank-\(rank).log", [.writeOnly, .create, .append], permissions: 0o600)
        child.descriptors = [(null.number, 0), (log.number, 1), (log.number, 2)]
        return try child.spawn()
    }
}

/// Why a rank of a trial failed.
public struct TrialFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
