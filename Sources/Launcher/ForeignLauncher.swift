/// A command that starts ranks by itself, and what that means under `flexmig run`.
public struct ForeignLauncher: Hashable, Sendable {
    public let name: String
    /// Whether the command goes through `flexmig exec`, so that each of its ranks gets its own leaf.
    public let usesExec: Bool
    private let arguments: [String]

    /// Distributions keep several MPIs apart by an ending.
    private static let programs: Set = [
        "torchrun", "mpirun", "mpirun.openmpi", "mpirun.mpich", "mpiexec", "mpiexec.openmpi", "mpiexec.mpich",
        "mpiexec.hydra", "orterun", "prterun", "srun",
    ]

    /// Recognises torchrun and the MPI and Slurm launchers; nil for every other command.
    public init?(command words: [String]) {
        // `env NAME=VALUE torchrun ...` is torchrun too.
        let isEnv = words.first == "env" || words.first?.hasSuffix("/env") == true
        let command = isEnv ? Array(words.dropFirst().drop { $0.contains("=") }) : words
        guard let program = command.first else { return nil }
        let name = program.split(separator: "/").last.map(String.init) ?? program
        if name.hasPrefix("python"), let module = Self.module(of: command.dropFirst()),
            ["torch.distributed.run", "torch.distributed.launch"].contains(module.name)
        {
            self.name = "torchrun"
            arguments = module.arguments
        } else if Self.programs.contains(name) {
            self.name = name
            arguments = Array(command.dropFirst())
        } else {
            return nil
        }
        usesExec = zip(command, command.dropFirst()).contains {
            ($0.0 == "flexmig" || $0.0.hasSuffix("/flexmig")) && $0.1 == "exec"
        }
    }

    /// The module that Python is told to run; nil when it runs something else. What comes behind a script is the
    /// script's own.
    private static func module(of words: ArraySlice<String>) -> (name: String, arguments: [String])? {
        var rest = words
        while let option = rest.popFirst(), option.hasPrefix("-"), option.count > 1 {
            if option.hasPrefix("--") { continue }
            // Letters of one word may be several options; the first that takes a value has the rest, or the next word.
            guard let letter = option.firstIndex(where: { "mcWX".contains($0) }) else { continue }
            let attached = String(option[option.index(after: letter)...])
            guard let value = attached.isEmpty ? rest.popFirst() : attached, option[letter] != "c" else { return nil }
            if option[letter] == "m" { return (value, Array(rest)) }
        }
        return nil
    }

    /// The way out, for a launcher that would give all its ranks the same leaf.
    public func advice(leaves: Int) -> String {
        let rest = program.map(quoted).joined(separator: " ")
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

    /// What each rank runs; an example where the launcher's own arguments can't be told from it.
    private var program: [String] {
        (name == "torchrun" ? programOfTorchrun : programOfMPI) ?? ["python", "train.py"]
    }

    /// All options of torchrun but these take a value.
    private static let torchrunFlags: Set = [
        "-h", "--help", "-m", "--module", "--no-python", "--run-path", "--standalone", "--use-env",
        "--virtual-local-rank",
    ]

    private var programOfTorchrun: [String]? {
        var rest = arguments[...]
        var starter = ["python"]
        while let option = rest.first, option.hasPrefix("-") {
            rest = rest.dropFirst()
            let known = option.replacing("_", with: "-")
            if known == "-m" || known == "--module" { starter = ["python", "-m"] }
            if known == "--no-python" { starter = [] }
            let hasOwnValue = option.contains("=") || !option.hasPrefix("--") && option.count > 2
            if !Self.torchrunFlags.contains(known), !hasOwnValue { rest = rest.dropFirst() }
        }
        return rest.isEmpty ? nil : starter + rest
    }

    /// MPI's and Slurm's options are too many to know: takes what looks like a program.
    private var programOfMPI: [String]? {
        func isProgram(_ index: Int) -> Bool {
            let word = arguments[index]
            if word.hasPrefix("-") { return false }
            if word.hasSuffix(".py") || (word.split(separator: "/").last ?? "").hasPrefix("python") { return true }
            // A path behind an option may be its value, such as a host file.
            let before = index > 0 ? arguments[index - 1] : "--"
            return word.contains("/") && (before == "--" || !before.hasPrefix("-") || before.contains("="))
        }
        guard let first = arguments.indices.first(where: isProgram) else { return nil }
        let words = Array(arguments[first...])
        return words[0].hasSuffix(".py") ? ["python"] + words : words
    }
}

/// A word as a shell takes it.
private func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_@%+=:,./-".contains($0)) }
    return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
}
