import ArgumentParser
import CollectiveBenchmark
import Platform

struct BenchCollectivesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collectives", abstract: "Measure collectives between ranks of this machine.",
        discussion: """
            Every contender (Flex-MIG on private memory, Flex-MIG on tensors of makeTensor, peers, plain copies) is \
            started once, and they take turns on every size, so that what the machine does otherwise hits all alike. \
            Peers are installed by scripts/install-peers.

            METHODS
              repeat   operations back to back on the same tensors, as most benchmarks do
              rewrite  each rank writes its input anew before each operation, as programs
                       do; only the operation is timed

            COLUMNS
              time, p10     of the slowest rank: the median of all samples, and what a
                            tenth of them is below
              algbw, busbw  size / time, and that times the factor of nccl-tests
              % copy        algbw of what each rank copies at best while all ranks copy,
                            measured in the same rounds
              % bound       how much of the time such copies need for the bytes that the
                            busiest rank must load and store at least
              vs best peer  how many times faster than the fastest peer

            EXAMPLES
              flexmig bench collectives
              flexmig bench collectives --ranks 2,4 --sizes 8:256M --against all
              flexmig bench collectives --op allgather,alltoall --against openmpi,mpich
              flexmig bench collectives --quick --sizes 8,64K --json -

            EXIT CODES
              0  everything was measured
              1  a contender failed; the table says so
            """)

    @Option(help: ArgumentHelp("Numbers of ranks, 2 to 16.", valueName: "list"))
    var ranks = "2"
    @Option(help: ArgumentHelp("Sizes in bytes, such as 8,1K,32M or 8:256M.", valueName: "list"))
    var sizes = "8,1K,32K,1M,32M"
    @Option(help: ArgumentHelp("From one size of 8:256M to the next.", valueName: "number"))
    var factor = 8
    @Option(
        help: ArgumentHelp(
            "Operations: allreduce, reducescatter, allgather, broadcast, reduce, gather, scatter, alltoall, sendrecv, "
                + "barrier or all.", valueName: "list"))
    var op = "allreduce"
    @Option(
        help: ArgumentHelp(
            "Element types: float32, float64, int32, int64, uint8, float16, bfloat16 or all.", valueName: "list"))
    var type = "float32"
    @Option(help: ArgumentHelp("Methods: repeat, rewrite or all.", valueName: "list"))
    var method = "all"
    @Option(help: ArgumentHelp("Peers to compare with, or all that are installed.", valueName: "list"))
    var against: String?
    @Option(
        help: ArgumentHelp(
            "Where peers are installed (default: FLEXMIG_PEERS, else .peers).", valueName: "directory"))
    var peers: String?
    @Option(help: ArgumentHelp("Turns of each contender on a size. (default: 5)", valueName: "number"))
    var rounds: Int?
    @Option(help: ArgumentHelp("Samples of each turn. (default: 4)", valueName: "number"))
    var batches: Int?
    @Option(help: ArgumentHelp("About how long a sample takes. (default: 0.02s)", valueName: "time"))
    var batchTime: TimeAmount?
    @Option(help: ArgumentHelp("When a contender's turn counts as hanging.", valueName: "time"))
    var timeout = TimeAmount(seconds: 120)
    @Flag(help: "A short run: 2 rounds of 2 samples of 0.002s.")
    var quick = false
    @Option(help: ArgumentHelp("Write the rows as CSV; - for standard output.", valueName: "file"))
    var csv: String?
    @Option(help: ArgumentHelp("Write everything as JSON; - for standard output.", valueName: "file"))
    var json: String?
    @Option(help: ArgumentHelp("Draw times over sizes as SVG.", valueName: "file"))
    var plot: String?

    func validate() throws {
        _ = try plan()
        if csv == "-", json == "-" { throw ValidationError("--csv - and --json - exclude each other.") }
        if plot == "-" { throw ValidationError("--plot needs a file.") }
        let files = [csv, json, plot].compactMap { $0 }
        if let twice = files.first(where: { file in file != "-" && files.count(where: { $0 == file }) > 1 }) {
            throw ValidationError("Two of --csv, --json and --plot would write \(twice).")
        }
    }

    func run() throws {
        let plan = try plan()
        let contenders = Contender.ours(version: flexmigVersion) + (try chosenPeers())
        try checkMemory(plan)
        try checkFiles()
        let progress = ProgressLine()
        let run = try BenchmarkRun(
            plan, contenders, program: try Files.absolute("/proc/self/exe"), progress: progress.show)
        let rows: [BenchmarkReport.Row]
        do throws(BenchmarkRun.Interrupted) {
            rows = try run.rows()
        } catch {
            progress.clear()
            throw ExitCode(128 + error.signal.rawValue)
        }
        progress.clear()
        let report = BenchmarkReport(plan, contenders, command: Environment.arguments(), rows: rows)
        try write(report)
        let failed = rows.filter { $0.outcome == .failed }
        if let first = failed.first {
            let names = Set(failed.map(\.contender)).sorted().joined(separator: ", ")
            throw CommandFailure(
                1, "\(failed.count) of \(rows.count) rows failed (\(names)); \(first.contender): \(first.reason ?? "")")
        }
    }

    // MARK: Decoding

    private func plan() throws(ValidationError) -> BenchmarkPlan {
        var plan = BenchmarkPlan()
        if quick { (plan.rounds, plan.batches, plan.batchSeconds) = (2, 2, 0.002) }
        plan.operations = try words(op, "--op")
        plan.types = try words(type, "--type")
        plan.methods = try words(method, "--method")
        guard factor >= 2 else { throw ValidationError("--factor must be at least 2, not \(factor).") }
        do throws(SizeList.Problem) {
            plan.sizes = try SizeList(sizes).bytes(factor: factor)
        } catch {
            throw ValidationError("--sizes: \(error).")
        }
        plan.ranks = []
        for word in ranks.split(separator: ",", omittingEmptySubsequences: false) {
            let allowed = BenchmarkPlan.rankCounts
            guard let number = Int(word), allowed.contains(number) else {
                throw ValidationError(
                    "--ranks: \"\(word)\" is not a number from \(allowed.lowerBound) to \(allowed.upperBound).")
            }
            if !plan.ranks.contains(number) { plan.ranks.append(number) }
        }
        plan.rounds = try count(rounds, "--rounds") ?? plan.rounds
        plan.batches = try count(batches, "--batches") ?? plan.batches
        if let batchTime { plan.batchSeconds = try positive(batchTime, "--batch-time") }
        plan.timeout = .seconds(try positive(timeout, "--timeout"))
        return plan
    }

    private func words<Word: RawRepresentable<String> & CaseIterable & Equatable>(
        _ list: String, _ option: String
    ) throws(ValidationError) -> [Word] {
        if list == "all" { return Array(Word.allCases) }
        var found: [Word] = []
        for text in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let word = Word(rawValue: String(text)) else {
                let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("\(option): \"\(text)\" is not one of \(known) or all.")
            }
            if !found.contains(word) { found.append(word) }
        }
        return found
    }

    private func count(_ value: Int?, _ option: String) throws(ValidationError) -> Int? {
        if let value, !(1...1000).contains(value) {
            throw ValidationError("\(option) must be 1 to 1000, not \(value).")
        }
        return value
    }

    private func positive(_ time: TimeAmount, _ option: String) throws(ValidationError) -> Double {
        guard time.seconds > 0 else { throw ValidationError("\(option) must be more than 0.") }
        return time.seconds
    }

    // MARK: Checks before anything is started

    private func chosenPeers() throws(CommandFailure) -> [Contender] {
        guard let against else { return [] }
        let names = against.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        do throws(InstalledPeers.Missing) {
            return try InstalledPeers(in: peers ?? Environment.value("FLEXMIG_PEERS") ?? ".peers").named(names)
        } catch {
            throw CommandFailure(CommandExit.unavailable, "\(error)")
        }
    }

    private func checkMemory(_ plan: BenchmarkPlan) throws(CommandFailure) {
        guard let available = Memory.available(), plan.neededBytes > available else { return }
        throw CommandFailure(
            CommandExit.unavailable,
            "\(plan.ranks.max() ?? 0) ranks with tensors of \(plan.sizes.max() ?? 0) bytes need "
                + "\(plan.neededBytes >> 20) MiB of memory, \(available >> 20) MiB are available; "
                + "use smaller --sizes or fewer --ranks")
    }

    /// So that nobody waits for half an hour to read that the result can't be written.
    private func checkFiles() throws(CommandFailure) {
        for path in [csv, json, plot].compactMap({ $0 }) where path != "-" {
            let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            guard Files.isWritable(folder), !Files.isDirectory(path) else {
                throw CommandFailure(CommandExit.output, "\(path) can't be written")
            }
        }
    }

    // MARK: Encoding

    private func write(_ report: BenchmarkReport) throws {
        let encoded = json == nil ? "" : try jsonText(report) + "\n"
        for (path, text) in [(json, encoded), (csv, report.csv), (plot, report.plot)] {
            guard let path, path != "-" else { continue }
            do throws(SystemError) {
                try Files.replace(path, with: Array(text.utf8))
            } catch {
                throw CommandFailure(CommandExit.output, "\(error)")
            }
        }
        print(json == "-" ? encoded : csv == "-" ? report.csv : report.table, terminator: "")
        // Before what else may be said.
        do throws(SystemError) {
            try flushStandardOutput()
        } catch {
            throw CommandFailure(CommandExit.output, "\(error)")
        }
    }
}
