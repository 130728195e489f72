import Agreement
import ArgumentParser
import DeviceInventory
import Launcher
import Platform
import Runtimes

struct ExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Bind this process to its rank's leaf and become the program.",
        discussion: """
            Takes the rank from `flexmig run`, torchrun, mpirun (Open MPI, MPICH, Intel MPI) or srun, and the leaf \
            from FLEXMIG_LEAVES or the MIG devices that CUDA_VISIBLE_DEVICES names: local rank N gets the Nth.

            The ranks of a node compare their runtimes (see: flexmig run --help) before they start, unless flexmig run \
            has chosen for them. They wait 30 seconds for each other, or as long as FLEXMIG_TIMEOUT says.

            EXAMPLES
              torchrun --no-python --nproc-per-node 4 flexmig exec -- python train.py
              mpirun -n 4 flexmig exec -- ./train
              srun flexmig exec -- ./train
            """)

    @Option(help: "What LOCAL_RANK counts: device (a rank sees one, so 0) or node (as torchrun).")
    var localRank: LocalRankStyle?
    @OptionGroup var runtime: RuntimeOptions
    @Flag(help: "Print the variables that would be set instead of starting the program.")
    var printEnvironment = false
    @Argument(
        parsing: .postTerminator, help: ArgumentHelp("The program and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if command.isEmpty && !printEnvironment {
            throw ValidationError("No command. Put it after --, as in: flexmig exec -- ./train")
        }
    }

    func run() throws {
        let environment = Environment.all()
        let binding: RankBinding
        do throws(RankBindingError) {
            binding = try RankBinding(environment: environment, user: currentUser())
        } catch {
            throw CommandFailure(CommandExit.usage, "\(error)")
        }
        let style = localRank ?? environment[RankVariable.localRankStyle].flatMap(LocalRankStyle.init) ?? .device
        let settled = try settle(binding, environment)
        let bound = settled.runtime.environment(
            adding: binding.environment(adding: environment, localRankStyle: style),
            hostID: "\(binding.job)-\(binding.rank)")
        if printEnvironment {
            if let refusal = settled.question?.refusal { throw refusal }
            for (name, value) in bound.sorted(by: { $0.key < $1.key }) where environment[name] != value {
                print("\(name)=\(value)")
            }
            return
        }
        if let question = settled.question { try agree(binding, question) }
        try dieWithSupervisor(environment)
        do throws(SystemError) {
            let program = try ChildProcess.locate(command[0], path: environment["PATH"])
            try ChildProcess.become(executable: program, arguments: command, environment: bound)
        } catch {
            throw CommandFailure(
                error.isNotFound ? CommandExit.notFound : CommandExit.notExecutable,
                "\(command[0]) can't be started: \(error.reason)")
        }
    }

    /// The route: what `flexmig run` has settled for all ranks, or what this rank decides by itself and then asks the
    /// others of its node about.
    private func settle(
        _ binding: RankBinding, _ environment: [String: String]
    ) throws -> (runtime: JobRuntime, question: AgreementQuestion?) {
        if runtime.runtime == nil, let runtime = JobRuntime(environment: environment) { return (runtime, nil) }
        // `flexmig run` with one rank, or for one rank, has nothing to settle and says nothing.
        if binding.worldSize == 1, runtime.runtime == nil { return (JobRuntime(), nil) }
        // Whatever is wrong here must reach the others, who wait for this rank.
        do {
            let (decision, words) = try decide(binding, environment)
            if binding.localRank == 0 { RuntimeOptions.tell(decision) { writeToStandardError("flexmig: \($0)") } }
            return (JobRuntime(decision), AgreementQuestion(words: words, refusal: nil))
        } catch {
            let refusal = CommandFailure(error)
            return (JobRuntime(), AgreementQuestion(words: "can't start: \(refusal)", refusal: refusal))
        }
    }

    /// The decision, and in words what must be the same on all ranks.
    private func decide(
        _ binding: RankBinding, _ environment: [String: String]
    ) throws -> (RuntimeDecision, String) {
        let choice = try runtime.choice()
        let survey = RuntimeSurvey(
            command: command, environment: environment, executableDirectory: try Files.executableDirectory())
        var facts = survey.facts(
            ranks: binding.worldSize, isOneHost: binding.localWorldSize == binding.worldSize, isRank: true)
        if facts.needsDriver, let access = try? NodeOptions.parse([]).open(), let node = try? access.backend.inventory()
        {
            facts = facts.asking(node)
        }
        let decision = try RuntimeOptions.decide(choice, facts, base: environment)
        return (decision, "\(decision.way), \(facts.library)")
    }

    /// Goes on when all ranks of the node go the same way.
    private func agree(_ binding: RankBinding, _ question: AgreementQuestion) throws {
        do throws(RuntimeAgreement.Broken) {
            let agreement = RuntimeAgreement(
                rendezvous: binding.rendezvous, rank: binding.localRank, ranks: binding.localWorldSize,
                patience: RuntimeAgreement.patience(Environment.all()))
            try agreement.check(question.words)
        } catch {
            throw question.refusal ?? CommandFailure(CommandExit.unavailable, "\(error)")
        }
        if let refusal = question.refusal { throw refusal }
    }

    /// Lets the kernel kill this rank when its supervisor dies, so that not even a killed supervisor leaves it running.
    private func dieWithSupervisor(_ environment: [String: String]) throws {
        guard let supervisor = environment[RankVariable.supervisor], supervisor == ProcessID.parent.description else {
            return
        }
        try dieWithParent(.kill)
        // It may have died just before.
        if ProcessID.parent.description != supervisor { leave(with: 128 + Int(Signal.kill.rawValue)) }
    }
}

/// What a rank tells the others of its node about its route, and why it can't go on if it can't.
private struct AgreementQuestion {
    let words: String
    let refusal: CommandFailure?
}
