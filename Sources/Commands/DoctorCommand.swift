import ArgumentParser
import DeviceInventory
import Diagnosis
import Platform
import Runtimes

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look at what jobs need, and say what is missing.",
        discussion: """
            Looks at the driver, MIG mode and leaves; at the NCCL that a program would load and the runtimes that are \
            possible with it; at /dev/shm, limits and containers; and lets two processes talk to each other through \
            the collectives engine, and through the NCCL plugin where it is installed. Changes nothing.

            EXAMPLES
              flexmig doctor
              flexmig doctor -- python train.py
              flexmig doctor --json -- python train.py

            EXIT CODES
              0  no problem; there may be warnings
              1  at least one problem
              64 wrong arguments
            """)

    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Leave the self-tests out.") var noSelfTest = false
    @OptionGroup var node: NodeOptions
    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("The program that is to be run, and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    func run() throws {
        let directory = try Files.executableDirectory()
        let environment = Environment.all()
        let choice = try RuntimeOptions.parse([]).choice()
        let node = try look()
        let survey = RuntimeSurvey(
            command: command, environment: environment, executableDirectory: directory, isThorough: !command.isEmpty)
        var facts = survey.facts(ranks: max(2, node.leafCount), isOneHost: true)
        if let inventory = node.inventory { facts = facts.asking(inventory) }
        let trials = try noSelfTest ? (engine: nil, plugin: nil) : tryOut(facts, flexmig: "\(directory)/flexmig")
        let doctor = Doctor(
            node: node,
            program: ProgramFacts(
                command: command, facts: facts, choice: choice, base: environment, torch: survey.torch),
            machine: MachineFacts.read(), engine: trials.engine, plugin: trials.plugin)
        let report = DoctorReport(doctor, command: command)
        if json { try printJSON(report) } else { print(report.text) }
        if report.exitCode != 0 { throw ExitCode(Int32(report.exitCode)) }
    }

    /// The self-tests; Ctrl-C ends them, and leaves nothing behind.
    private func tryOut(
        _ facts: RuntimeFacts, flexmig: String
    ) throws -> (engine: TrialOutcome?, plugin: TrialOutcome?) {
        let signals = try SignalQueue([.interrupt, .terminate])
        let trial = PairTrial(program: flexmig)
        do throws(PairTrial.Interrupted) {
            let engine = try trial.engine(signals)
            guard case .usable(let path) = facts.plugin else { return (engine, nil) }
            return (engine, try trial.plugin(path, signals))
        } catch {
            throw ExitCode(128 + error.signal.rawValue)
        }
    }

    /// The node, or why there is none: that is a finding too.
    private func look() throws -> NodeFacts {
        do {
            let access = try node.open()
            let inventory = try access.backend.inventory()
            let leaves = try NodeReport(access).leaves
            return NodeFacts(
                driver: .answers(inventory), states: Dictionary(grouping: leaves, by: \.state).mapValues(\.count),
                capabilities: inventory.driver.simulatedNode == nil ? CapabilityFacts.read() : nil)
        } catch let error as DeviceError {
            return NodeFacts(driver: .silent(error.message, advice: error.advice))
        } catch let error as LedgerError {
            return NodeFacts(driver: .silent("\(error)", advice: nil))
        }
    }
}
