/// A command that starts ranks by itself, and what that means under `flexmig run`.
public struct ForeignLauncher: Hashable, Sendable {
    public let name: String
    /// Whether the command goes through `flexmig exec`, so that each of its ranks gets its own leaf.
    public let usesExec: Bool
    private let arguments: [String]

    /// Recognises torchrun and the MPI and Slurm launchers; nil for every other command.
    public init?(command: [String]) {
        guard let program = command.first else { return nil }
        let name = program.split(separator: "/").last.map(String.init) ?? program
        let isPython = name.hasPrefix("python")
        if isPython, let module = command.firstIndex(of: "-m"), module + 1 < command.count,
            ["torch.distributed.run", "torch.distributed.launch"].contains(command[module + 1])
        {
            self.name = "torchrun"
            arguments = Array(command.dropFirst(module + 2))
        } else if ["torchrun", "mpirun", "mpiexec", "srun"].contains(name) {
            self.name = name
            arguments = Array(command.dropFirst())
        } else {
            return nil
        }
        usesExec = zip(command, command.dropFirst()).contains {
            ($0.0 == "flexmig" || $0.0.hasSuffix("/flexmig")) && $0.1 == "exec"
        }
    }

    /// The way out, for a launcher that would give all its ranks the same leaf.
    public func advice(leaves: Int) -> String {
        let program = arguments.firstIndex { !$0.hasPrefix("-") && ($0.hasSuffix(".py") || $0.contains("/")) }
            .map { arguments[$0...].joined(separator: " ") }
        let rest = program.map { $0.hasPrefix("python") || !$0.contains(".py") ? $0 : "python \($0)" } ?? "python train.py"
        let starter =
            name == "torchrun" ? "torchrun --no-python --nproc-per-node \(leaves)" : "\(name) -n \(leaves)"
        return """
            \(name) starts ranks by itself, and `flexmig run` starts one rank per leaf: together they would start \
            \(leaves) times as many.
            Leave \(name) out:  flexmig run --leaves \(leaves) -- \(rest)
            or keep it, and let each of its ranks take its own leaf:
              flexmig run --leaves \(leaves) -- \(starter) flexmig exec -- \(rest)
            """
    }
}
