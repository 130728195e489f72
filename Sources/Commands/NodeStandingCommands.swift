import ArgumentParser
import DeviceInventory
import MIGModel
import Platform

/// GPUs and leaves as arguments of a command.
struct SubjectArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "A leaf's UUID, or a GPU's index or UUID; several are done together or not at all.",
            valueName: "leaf-or-gpu"))
    var subjects: [String]

    /// What they name on a node. A leaf that is gone can't be named.
    func resolve(in inventory: NodeInventory) throws -> [LeafStandings.Subject] {
        try subjects.map { name in
            for gpu in inventory.gpus {
                if gpu.matches(name) { return .gpu(gpu.uuid) }
                if let leaf = gpu.leaves.first(where: { $0.uuid.rawValue == name }) {
                    return .leaf(leaf.uuid, on: gpu.uuid)
                }
            }
            if name.hasPrefix("MIG-") {
                throw CommandFailure(
                    CommandExit.usage, "this node has no leaf \(name)\nSee its leaves with: flexmig node list")
            }
            throw CommandFailure(CommandExit.usage, inventory.gpus.unknown(name))
        }
    }
}

extension NodeAccess {
    /// The ledger, for a user who may say whom leaves belong to.
    fileprivate func ledgerForStandings() throws -> Ledger {
        let ledger = try ledger()
        guard ledger.mayChangeStandings else {
            throw CommandFailure(
                CommandExit.permission,
                "only root and \(ProcessTable.userName((try? Files.owner(of: ledger.directory)) ?? 0)), whom the ledger "
                    + "\(ledger.directory) belongs to, may do that")
        }
        return ledger
    }
}

struct NodeAssignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assign", abstract: "Say who may hand out a leaf, or all leaves of a GPU.",
        discussion: """
            OWNERS
              flexmig     flexmig run (what nobody has assigned)
              slurm       Slurm; flexmig neither hands it out nor re-cuts it
              kubernetes  Kubernetes; likewise
              none        nobody: what runs there goes on, and nothing new begins

            What is said of a GPU holds for leaves that are cut later, too; what is said of a leaf goes with the leaf. A leaf in use \
            goes to nobody but none (exit code 75). Only root, and the user whom the ledger belongs to.

            EXAMPLES
              flexmig node assign 0 --owner slurm
              flexmig node assign MIG-5c0ffee0-... --owner none
            """)

    @OptionGroup var what: SubjectArguments
    @Option(help: "flexmig, slurm, kubernetes or none.") var owner: LeafOwner
    @OptionGroup var node: NodeOptions

    func run() throws {
        let access = try node.open()
        let subjects = try what.resolve(in: access.backend.inventory())
        try access.ledgerForStandings().assign(subjects, to: owner, backend: access.backend)
    }
}

struct NodeQuarantineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine", abstract: "Hand a leaf, or all leaves of a GPU, out no more.",
        discussion: """
            A job on the leaf goes on; its flexmig run says so, and sends the signal of --quarantine-signal. The leaf is neither handed out \
            nor re-cut until: flexmig node restore. Only root, and the user whom the ledger belongs to.

            EXAMPLES
              flexmig node quarantine MIG-5c0ffee0-... --reason "wrong results on 3 March"
              flexmig node quarantine 1 --reason "waits for a new board"
            """)

    @OptionGroup var what: SubjectArguments
    @Option(help: ArgumentHelp("Why, for those who look later.", valueName: "text")) var reason: String
    @OptionGroup var node: NodeOptions

    func validate() throws {
        if reason.allSatisfy(\.isWhitespace) { throw ValidationError("--reason must say something.") }
    }

    func run() throws {
        let access = try node.open()
        let subjects = try what.resolve(in: access.backend.inventory())
        try access.ledgerForStandings().quarantine(subjects, reason: reason)
    }
}

struct NodeRestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "End the quarantine of a leaf, or of a GPU and all its leaves.",
        discussion: """
            A leaf of a GPU that is quarantined as a whole comes back with its GPU only. Only root, and the user whom the ledger \
            belongs to.

            EXAMPLES
              flexmig node restore MIG-5c0ffee0-...
              flexmig node restore 1 --reason "reset, memory tested"
            """)

    @OptionGroup var what: SubjectArguments
    @Option(help: ArgumentHelp("Why, for the ledger's log.", valueName: "text")) var reason: String?
    @OptionGroup var node: NodeOptions

    func run() throws {
        let access = try node.open()
        let subjects = try what.resolve(in: access.backend.inventory())
        let ledger = try access.ledgerForStandings()
        var names: [String] = []
        try ledger.changeStandings(
            "restore: \(what.subjects.joined(separator: ", "))\(reason.map { " (\($0))" } ?? "")"
        ) {
            standings in
            for (subject, name) in zip(subjects, what.subjects) {
                let ended = standings.restore(subject)
                if case .leaf(let leaf, let gpu) = subject, standings.standing(of: leaf, on: gpu).quarantine != nil {
                    throw CommandFailure(
                        CommandExit.unavailable,
                        "\(name) is quarantined with its GPU; restore that: flexmig node restore \(gpu)")
                }
                if !ended { names.append(name) }
            }
        }
        for name in names { writeToStandardError("flexmig: \(name) was not quarantined") }
    }
}

extension LeafOwner: ExpressibleByArgument {}
