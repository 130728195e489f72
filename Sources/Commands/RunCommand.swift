import ArgumentParser
import DeviceInventory
import Launcher
import LeafScheduling
import MIGModel
import Platform
import Runtimes

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a job on several leaves, one process (rank) per leaf.",
        discussion: """
            The command is started once per leaf, with CUDA_VISIBLE_DEVICES naming that leaf and RANK, WORLD_SIZE, \
            MASTER_ADDR and MASTER_PORT as torchrun sets them. A rank sees one device, so LOCAL_RANK is 0.

            RUNTIMES (how NCCL, and so PyTorch, works over leaves; docs/run-a-job.md)
              auto         the first of the next three that is possible, and says which
              nccl         NCCL's own support for MIG: NCCL 2.31, Hopper, driver 580
              nccl-plugin  NCCL 2.21 or later, its traffic through our plugin
              nccl-socket  NCCL, its traffic through sockets of this host
              flexmig      for programs that choose PyTorch's backend "flexmig"

            The first rank that fails ends the others and gives the exit code. Ctrl-C ends the job; twice, at once. \
            Leases are dropped when no process of the job is left.

            EXAMPLES
              flexmig run --leaves 4 -- python train.py --epochs 3
              flexmig run --leaves 2 --leaf-type fat --spread --output-dir logs -- ./train
              flexmig run --leaves 7 --wait --timeout 2h -- ./train
              flexmig run --leaves 4 --runtime nccl-plugin -- python train.py
              flexmig run --leaves 4 -- \\
                torchrun --no-python --nproc-per-node 4 flexmig exec -- python train.py
            """)

    @Option(parsing: .unconditional, help: "How many leaves, and so how many ranks.")
    var leaves: Int
    @Option(help: "Kind of leaf: thin, fat or any.")
    var leafType: LeafRequest.Kind = .any
    @Option(help: ArgumentHelp("Least memory of each leaf, such as 9GiB.", valueName: "amount"))
    var leafMemory: MemoryAmount?
    @Flag(help: "Use as few GPUs as possible, or as many as possible.")
    var arrangement: LeafRequest.Arrangement = .pack
    @Option(help: ArgumentHelp("Write each rank's output to a file rank-N.log there.", valueName: "directory"))
    var outputDir: String?
    @Option(help: ArgumentHelp("End the job after this time, such as 90s, 5m or 2h.", valueName: "time"))
    var timeout: TimeAmount?
    @Option(help: ArgumentHelp("Time between TERM and KILL when the job is ended.", valueName: "time"))
    var grace = TimeAmount(seconds: 10)
    @Option(
        help: ArgumentHelp(
            "Send a rank this signal when its leaf is quarantined: USR1, USR2, TERM, INT or HUP.", valueName: "signal"))
    var quarantineSignal: QuarantineSignal?
    @Flag(help: "Wait until enough leaves are free.")
    var wait = false
    @Option(help: "What LOCAL_RANK counts: device (a rank sees one, so 0) or node (as torchrun).")
    var localRank: LocalRankStyle = .device
    @OptionGroup var runtime: RuntimeOptions
    @Option(help: ArgumentHelp("Write what the job was and how it ended, as JSON.", valueName: "file"))
    var report: String?
    @OptionGroup var node: NodeOptions
    @Argument(
        parsing: .postTerminator, help: ArgumentHelp("The program and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if leaves < 1 { throw ValidationError("--leaves must be at least 1, not \(leaves).") }
        if let timeout, timeout.seconds == 0 { throw ValidationError("--timeout must be more than 0.") }
        if command.isEmpty || command[0].isEmpty {
            throw ValidationError("No command. Put it after --, as in: flexmig run --leaves \(leaves) -- ./train")
        }
    }

    func run() throws {
        let start = try checkLauncher()
        var located = command
        located[0] = try locate(command[0])
        if let outputDir { try prepare(outputDir) }
        let directory = try Files.executableDirectory()
        let supervisor = "\(directory)/flexmig-supervisor"
        guard Files.isExecutable(supervisor) else {
            throw CommandFailure(CommandExit.unavailable, "\(supervisor) is missing; build it with: make build")
        }
        if let report { try checkReport(report) }
        let choice = try runtime.choice()
        let environment = Environment.all()
        let facts = RuntimeSurvey(command: command, environment: environment, executableDirectory: directory)
            .facts(ranks: leaves, isOneHost: true)
        // What is impossible anyway is told before any leaf is taken.
        var decision = try RuntimeOptions.decide(choice, facts, base: environment)
        let access = try node.open()
        let ledger = try access.ledger()
        let job = JobID.make()
        let chosen = try acquire(job, access: access, ledger: ledger)
        let beginning = ContinuousClock.now
        let gpus = try identifyGPUs(of: chosen, access, ledger)
        if facts.needsDriver {
            do {
                let asked = facts.asking(try access.backend.inventory(), gpus: Set(chosen.map(\.gpu)))
                decision = try RuntimeOptions.decide(choice, asked, base: environment)
            } catch {
                for leaf in chosen { try? ledger.release(leaf.uuid, as: .launcher, wiping: true) }
                throw error
            }
        }
        RuntimeOptions.tell(decision, say)
        let request = JobRequest(
            job: job, leaves: chosen, shares: rankShares(of: chosen), command: located, start: start,
            localRank: localRank, masterPort: try freePort(),
            rendezvous: job.sharedMemoryPrefix + randomToken(bytes: 8),
            outputDirectory: try outputDir.map { path throws(SystemError) in try Files.absolute(path) },
            timeLimitSeconds: timeout?.seconds, graceSeconds: grace.seconds, flexmig: "\(directory)/flexmig",
            library: access.library, stateDirectory: access.stateDirectory,
            runtime: JobRuntime(decision), quarantineSignal: quarantineSignal?.signal.rawValue, gpus: gpus)
        let launcher = JobLauncher(backend: access.backend, ledger: ledger, supervisor: supervisor)
        let code = try launcher.run(request, say: say)
        if let report {
            let ended = JobReport(
                request, decision, driver: access.backend.driver, exitCode: code, took: beginning.duration(to: .now))
            try Files.replace(report, with: Array((try jsonText(ended) + "\n").utf8))
        }
        throw ExitCode(Int32(truncatingIfNeeded: code))
    }

    /// The GPU of each leaf; on a node that can't be read any more the leases are dropped.
    private func identifyGPUs(of leaves: [Leaf], _ access: NodeAccess, _ ledger: Ledger) throws -> [GPUUUID] {
        do {
            let gpus = try access.backend.inventory().gpus
            return try leaves.map { leaf in
                guard let gpu = gpus.first(where: { $0.index == leaf.gpu }) else {
                    throw DeviceError(kind: .gone, message: "GPU \(leaf.gpu) has just disappeared")
                }
                return gpu.uuid
            }
        } catch {
            for leaf in leaves { try? ledger.release(leaf.uuid, as: .launcher, wiping: true) }
            throw error
        }
    }

    private func say(_ text: String) { writeToStandardError("flexmig: \(text)") }

    /// A launcher inside `flexmig run` must hand its ranks to `flexmig exec`; then it is started once.
    private func checkLauncher() throws -> JobRequest.Start {
        guard let launcher = ForeignLauncher(command: command) else { return .rankPerLeaf }
        if !launcher.usesExec { throw CommandFailure(CommandExit.usage, launcher.advice(leaves: leaves)) }
        return .once
    }

    private func locate(_ program: String) throws -> String {
        do throws(SystemError) {
            return try ChildProcess.locate(program, path: Environment.value("PATH"))
        } catch {
            if error.isNotFound {
                let hint =
                    program.contains("/") ? "" : "\nIt is not in PATH; a program of this directory is ./\(program)"
                throw CommandFailure(CommandExit.notFound, "the command \(program) does not exist\(hint)")
            }
            if Files.isDirectory(program) {
                throw CommandFailure(CommandExit.notExecutable, "the command \(program) is a directory")
            }
            throw CommandFailure(
                CommandExit.notExecutable,
                "the command \(program) is not executable\nMake it so with: chmod +x \(program)")
        }
    }

    private func prepare(_ directory: String) throws {
        if Files.exists(directory), !Files.isDirectory(directory) {
            throw CommandFailure(CommandExit.usage, "--output-dir \(directory) is not a directory")
        }
        do throws(SystemError) {
            try Files.makeDirectories(directory)
        } catch {
            throw CommandFailure(CommandExit.permission, "--output-dir \(directory): \(error)")
        }
        guard Files.isWritable(directory) else {
            throw CommandFailure(CommandExit.permission, "--output-dir \(directory) is not writable")
        }
    }

    private func checkReport(_ path: String) throws {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard Files.isWritable(folder), !Files.isDirectory(path) else {
            throw CommandFailure(CommandExit.output, "--report \(path) can't be written")
        }
    }

    /// Leases leaves, waiting for them if asked to.
    private func acquire(_ job: JobID, access: NodeAccess, ledger: Ledger) throws -> [Leaf] {
        let wanted = LeafRequest(
            count: leaves, kind: leafType, minimumMemoryMiB: leafMemory?.mebibytes, arrangement: arrangement)
        let orphans = OrphanedJobs(backend: access.backend, ledger: ledger)
        let acquisition = LeafAcquisition(backend: access.backend, ledger: ledger)
        var hasSaid: ContinuousClock.Instant?
        var triedOrphans: [JobID: ContinuousClock.Instant] = [:]
        while true {
            let all = try access.backend.inventory().leaves.map(\.uuid)
            try orphans.cleanUp(all, tried: &triedOrphans, say: say)
            do {
                return try acquisition.take(wanted) { chosen in
                    LeaseRecord(
                        job: job, user: ProcessTable.userName(), command: command.joined(separator: " "),
                        since: secondsSince1970(), leaves: chosen.map(\.uuid))
                }
            } catch let shortage as LeafShortage {
                guard wait, shortage.canPass else {
                    throw CommandFailure(
                        shortage.canPass ? CommandExit.temporary : CommandExit.unavailable, "\(shortage)")
                }
                if hasSaid.map({ $0 + .seconds(30) < .now }) ?? true {
                    say("waiting for \(leaves) leaves: \(shortage.free) of \(shortage.suitable) suitable ones are free")
                    hasSaid = .now
                }
                pause(for: .milliseconds(250))
            }
        }
    }
}

extension TimeAmount {
    init(seconds: Double) { self.seconds = seconds }
}

extension TimeAmount: CustomStringConvertible {
    package var description: String { seconds == seconds.rounded() ? "\(Int(seconds))s" : "\(seconds)s" }
}

/// Signals that a program can be told of a quarantine by.
enum QuarantineSignal: String, ExpressibleByArgument, CaseIterable {
    case user1 = "USR1"
    case user2 = "USR2"
    case terminate = "TERM"
    case interrupt = "INT"
    case hangUp = "HUP"

    /// Also with SIG before it.
    init?(argument: String) {
        self.init(rawValue: argument.hasPrefix("SIG") ? String(argument.dropFirst(3)) : argument)
    }

    var signal: Signal {
        switch self {
        case .user1: .user1
        case .user2: .user2
        case .terminate: .terminate
        case .interrupt: .interrupt
        case .hangUp: .hangUp
        }
    }
}

extension LeafRequest.Kind: ExpressibleByArgument {}
extension LocalRankStyle: ExpressibleByArgument {}
extension LeafRequest.Arrangement: EnumerableFlag {}
