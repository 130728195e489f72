import ArgumentParser
import CollectiveBenchmark
import DeviceInventory
import LeafScheduling
import Platform
import Runtimes
import Spanning
import SpanningBenchmark

struct MeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure", abstract: "Measure what it costs a program to span several leaves.",
        discussion: """
            Runs the program on one leaf and on several, in turns, and writes the time of a step, its spread, the \
            share of communication where it is known, and the speed relative to that many times one leaf to \
            spanning.json, from which the simulator takes the speeds of jobs. An older entry of the same model, leaf, \
            GPU, runtime and route is replaced; others stay.

            MARKERS
              FLEXMIG_STEP seconds=0.0123 communication=0.004 samples=64
                           printed by each rank after each step, where FLEXMIG_MEASURE
                           is 1; the last two are optional. Without markers the whole
                           run is the step, with its start and end.
            WORK
              per-rank     each leaf does as much as the one did alone (a batch size
                           for each rank): what markers without samples= mean
              fixed        all together do as much (an epoch): what whole runs mean

            EXAMPLES
              flexmig measure -- python train.py
              flexmig measure --leaves 1,2,4,7 --rounds 5 --model bert -- python train.py
              flexmig measure --work fixed --output ~/spanning.json -- ./train

            EXIT CODES
              0    measured and written
              64   wrong arguments
              69   what was measured makes no measurement, or the file is another's
              74   the file can't be written
              else the exit code of flexmig run
            """)

    @Option(help: ArgumentHelp("Numbers of leaves, 1 among them.", valueName: "list"))
    var leaves = "1,2,4"
    @Option(help: ArgumentHelp("How often each number of leaves is run.", valueName: "number"))
    var rounds = 3
    @Option(help: ArgumentHelp("First steps of each rank that do not count.", valueName: "number"))
    var warmUp = 3
    @Option(help: ArgumentHelp("What a step on several leaves does: per-rank or fixed.", valueName: "work"))
    var work: SpanningMeasurement.Work?
    @Option(help: ArgumentHelp("What to call it. (default: the script's or program's name)", valueName: "name"))
    var model: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"))
    var output = "spanning.json"
    @Flag(help: "Print what was measured as JSON.") var json = false
    @Option(help: "Kind of leaf: thin, fat or any.")
    var leafType: LeafRequest.Kind = .any
    @Option(help: ArgumentHelp("Least memory of each leaf, such as 9GiB.", valueName: "amount"))
    var leafMemory: String?
    @OptionGroup var runtime: RuntimeOptions
    @OptionGroup var node: NodeOptions
    @Argument(
        parsing: .postTerminator, help: ArgumentHelp("The program and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        _ = try counts()
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be 1 to 1000, not \(rounds).") }
        guard (0...1_000_000).contains(warmUp) else { throw ValidationError("--warm-up must be 0 or more.") }
        if work == .counted { throw ValidationError("--work is per-rank or fixed.") }
        if command.isEmpty || command[0].isEmpty {
            throw ValidationError("No command. Put it after --, as in: flexmig measure -- ./train")
        }
    }

    func run() throws {
        // Before anything takes its time.
        var file = try read()
        let access = try node.open()
        let names = Dictionary(
            uniqueKeysWithValues: try access.backend.inventory().gpus.map { ($0.index, $0.name) })
        let plan = SpanningRun.Plan(
            leaves: try counts(), rounds: rounds, warmUp: warmUp, work: work, flags: try flags(), command: command,
            model: model ?? Self.name(of: command))
        let progress = ProgressLine()
        let run = SpanningRun(
            plan, program: "\(try Files.executableDirectory())/flexmig", progress: progress.show)
        let measured: SpanningMeasurement
        do {
            measured = try run.measurement(version: flexmigVersion) { names[$0] ?? "GPU \($0)" }
        } catch let failure as SpanningRun.Failure {
            progress.clear()
            switch failure {
            case .interrupted(let signal): throw ExitCode(128 + signal.rawValue)
            case .failed(let code, let text): throw CommandFailure(code, text)
            case .unusable(let text): throw CommandFailure(CommandExit.unavailable, text)
            }
        }
        progress.clear()
        file.add(measured)
        do {
            try SpanningStore.write(file, to: output)
        } catch {
            throw CommandFailure(CommandExit.output, "\(error)")
        }
        if json { return try printJSON(measured) }
        print("\(measured.heading)\n\n\(measured.table.rendered())\n\nwritten to \(output)")
    }

    private func counts() throws(ValidationError) -> [Int] {
        var counts: Set<Int> = []
        for word in leaves.split(separator: ",", omittingEmptySubsequences: false) {
            guard let count = Int(word), (1...1024).contains(count) else {
                throw ValidationError("--leaves: \"\(word)\" is not a number from 1 to 1024.")
            }
            counts.insert(count)
        }
        guard counts.contains(1) else {
            throw ValidationError("--leaves must have 1 in it: speeds are relative to one leaf.")
        }
        return counts.sorted()
    }

    /// The other flags of `flexmig run`.
    private func flags() throws -> [String] {
        var flags = ["--leaf-type", leafType.rawValue]
        if let leafMemory { flags += ["--leaf-memory", leafMemory] }
        if let route = runtime.runtime { flags += ["--runtime", route.rawValue] }
        if let simulate = node.simulate { flags += ["--simulate", simulate] }
        if let directory = node.nodeDirectory { flags += ["--node-directory", directory] }
        return flags
    }

    private func read() throws -> SpanningFile {
        let folder = output.lastIndex(of: "/").map { $0 == output.startIndex ? "/" : String(output[..<$0]) } ?? "."
        guard Files.isWritable(folder), !Files.isDirectory(output) else {
            throw CommandFailure(CommandExit.output, "--output \(output) can't be written")
        }
        do throws(SpanningStore.Unusable) {
            return try SpanningStore.read(output)
        } catch {
            throw CommandFailure(CommandExit.unavailable, "\(error)\nName another file with --output.")
        }
    }

    /// The script of a command, else its program, without folder and ending.
    private static func name(of command: [String]) -> String {
        let word = command.first { $0.hasSuffix(".py") } ?? command[0]
        let name = word.split(separator: "/").last.map(String.init) ?? word
        return name.hasSuffix(".py") ? String(name.dropLast(3)) : name
    }
}

extension SpanningMeasurement.Work: ExpressibleByArgument {}

extension SpanningMeasurement {
    var heading: String {
        let steps = source == .marker ? "steps by the program's markers" : "whole runs, with their start and end"
        return "\(model) on \(leafProfile) of \(gpu) (\(evidence)): \(steps), work \(work.rawValue)"
            + (runtime.map { ", runtime \($0)" } ?? "") + (route.map { ", route \($0)" } ?? "")
    }

    var table: TextTable {
        var table = TextTable(["LEAVES", "STEP", "P10", "P90", "STEPS", "COMMUNICATION", "SPEED/(LEAVES x ONE)"])
        table.rows = points.map { point in
            let least = point.communicationSource == .waiting ? "at least " : ""
            return [
                "\(point.leaves)", Self.time(point.stepSeconds), Self.time(point.p10Seconds),
                Self.time(point.p90Seconds), "\(point.steps)",
                point.communicationShare.map { least + Self.percent($0) } ?? "not known",
                Self.percent(point.relativeSpeed),
            ]
        }
        return table
    }

    private static func time(_ seconds: Double) -> String {
        let (value, unit) =
            seconds >= 1 ? (seconds, "s") : seconds >= 1e-3 ? (seconds * 1e3, "ms") : (seconds * 1e6, "us")
        return "\((value * 100).rounded() / 100) \(unit)"
    }

    private static func percent(_ value: Double) -> String { "\((value * 1000).rounded() / 10) %" }
}
