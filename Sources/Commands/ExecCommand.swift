import ArgumentParser
import Launcher
import Platform

struct ExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Bind this process to its rank's leaf and become the program.",
        discussion: """
            Takes the rank from `flexmig run`, torchrun, mpirun (Open MPI, MPICH, Intel MPI) or srun, and the leaf \
            from FLEXMIG_LEAVES or the MIG devices that CUDA_VISIBLE_DEVICES names: local rank N gets the Nth.

            EXAMPLES
              torchrun --no-python --nproc-per-node 4 flexmig exec -- python train.py
              mpirun -n 4 flexmig exec -- ./train
              srun flexmig exec -- ./train
            """)

    @Option(help: "What LOCAL_RANK counts: device (a rank sees one, so 0) or node (as torchrun).")
    var localRank: LocalRankStyle?
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
        let bound = binding.environment(adding: environment, localRankStyle: style)
        if printEnvironment {
            for (name, value) in bound.sorted(by: { $0.key < $1.key }) where environment[name] != value {
                print("\(name)=\(value)")
            }
            return
        }
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
