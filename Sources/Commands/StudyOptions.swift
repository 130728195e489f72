import ArgumentParser
import ClusterSimulation
import LeafScheduling
import MIGModel
import Platform
import SpanningBenchmark
import Traces

/// What is simulated: the jobs, the cluster, and every figure that the outcome depends on; for simulate and advise.
struct StudyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Trace of jobs; - is standard input.", valueName: "file")) var trace: String?
    @Option(help: "Generate jobs of this mix instead; see trace generate.") var generate: JobMix?
    @OptionGroup var options: TraceOptions
    @Option(help: "The cluster, such as a100-40gb:50 or a100-40gb:50,h100-80gb:8.") var gpus: String
    @Option(help: "GPUs of a node.") var gpusPerNode = 8
    @Option(
        help: """
            How sizes become slices: w-slice, w-whole, f-ceil or f-nearest; needed with --trace. What each does to a \
            trace, trace inspect shows.
            """)
    var mapping: SizeMapping?
    @Option(
        help: ArgumentHelp("Jobs that arrive in this window, such as 3656225:+7d.", valueName: "start:+length"))
    var window: TimeWindow?
    @Option(help: "Cut longer jobs to this, such as 48h.") var clamp: TimeAmount?
    @Option(help: "Divide arrival times by this: 2 is twice the load.") var timeScale = 1.0
    @Option(help: "Jobs to generate, with --generate.") var jobs: Int?
    @Option(help: "Load of generated jobs, with --generate (default: 1).") var load: Double?
    @Option(
        help: ArgumentHelp("Fit durations of generated jobs to this trace.", valueName: "file")) var fit: String?
    @Option(
        help: """
            Models that jobs get where the trace doesn't tell: fitting draws those that fit the smallest instance of the \
            asked size, any draws all, none asks for no memory.
            """)
    var memory = WorkloadRecipe.Memory.fitting
    @Option(
        help: ArgumentHelp("Table of step times instead of MISO's; see docs/simulate.md.", valueName: "file"))
    var speeds: String?
    @Option(help: ArgumentHelp("Measured spanning costs, as flexmig measure writes them.", valueName: "file"))
    var spanning: String?
    @Option(
        help: ArgumentHelp("Take this measurement for every model without one of its own.", valueName: "name"))
    var spanningForAll: String?
    @Option(help: "How ranks exchange gradients: ring or host.") var algorithm = ExchangeAlgorithm.ring
    @Option(help: "GB/s each way of the PCIe link that a GPU's instances share.") var linkGb = 25.0
    @Option(help: "GB/s each way of a node's network.") var networkGb = 25.0
    @Option(help: "Microseconds of each exchange, however small.") var latencyUs = 20.0
    @Option(help: "Part of an exchange that passes while ranks compute, 0 to 1.") var overlap = 0.0
    @Flag(
        help:
            "Ranks on unequal leaves get work in proportion to their SMs; without it all go at the slowest one's pace.")
    var proportionalShares = false
    @Flag(help: "A rank holds what its share of the batch needs; without it what the whole batch does.")
    var memoryByShare = false
    @Flag(
        help:
            "Jobs may run faster over several leaves than at the size they ask for, as some do by MISO's table; without it they never do."
    )
    var splitGains = false
    @Option(help: "Time that a drained GPU takes no job while it is cut anew.") var drain = TimeAmount(seconds: 180)
    @Option(help: "Time that a job loses which the model migrate moves.") var restart = TimeAmount(seconds: 30)
    @Option(help: "Time to cut or merge idle slices.") var recut = TimeAmount(seconds: 0.3)
    @Option(
        help: ArgumentHelp(
            "What the scheduler knows of durations: exact, none, or a factor such as 2 within which it guesses.",
            valueName: "exact|none|factor"))
    var estimates = "exact"
    @Option(help: "Jobs behind the first in line that backfill looks at.") var lookAhead = 1000
    @Option(help: "Seeds 1 to this.") var seeds = 1

    func validate() throws {
        guard (trace == nil) != (generate == nil) else {
            throw ValidationError("Give either --trace FILE or --generate MIX.")
        }
        if trace != nil {
            for (isGiven, name) in [(jobs != nil, "--jobs"), (load != nil, "--load"), (fit != nil, "--fit")]
            where isGiven {
                throw ValidationError("\(name) is for --generate; a --trace has its own.")
            }
            if mapping == nil {
                throw ValidationError(
                    "--trace needs --mapping: w-slice, w-whole, f-ceil or f-nearest. "
                        + "`flexmig trace inspect` shows what each makes of the trace.")
            }
        } else {
            let isFalse: [(Bool, String)] = [
                (window != nil, "--window"), (mapping != nil, "--mapping"), (timeScale != 1, "--time-scale"),
                (options.strict, "--strict"), (options.format != nil, "--format"),
            ]
            for (isGiven, name) in isFalse where isGiven {
                throw ValidationError("\(name) is for --trace; generated jobs have their sizes and arrivals.")
            }
            guard (1...100_000_000).contains(jobs ?? 1) else { throw ValidationError("--jobs must be 1 to 100000000.") }
            guard (load ?? 1) > 0, (load ?? 1) <= 1000 else {
                throw ValidationError("--load must be above 0 and at most 1000.")
            }
        }
        try checkNumbers()
        if spanningForAll != nil, spanning == nil {
            throw ValidationError("--spanning-for-all names a measurement of --spanning; give that too.")
        }
        _ = try durationUncertainty()
        _ = try cluster()
    }

    private func checkNumbers() throws {
        guard (1...100).contains(seeds) else { throw ValidationError("--seeds must be 1 to 100, not \(seeds).") }
        guard timeScale > 0, timeScale <= 1e6 else { throw ValidationError("--time-scale must be above 0.") }
        guard (0...1).contains(overlap) else { throw ValidationError("--overlap must be 0 to 1, not \(overlap).") }
        for (value, name) in [(linkGb, "--link-gb"), (networkGb, "--network-gb")] where !(value > 0 && value < 1e6) {
            throw ValidationError("\(name) must be above 0, not \(value).")
        }
        guard latencyUs >= 0, latencyUs < 1e9 else { throw ValidationError("--latency-us must be 0 or more.") }
        guard (1...1024).contains(gpusPerNode) else { throw ValidationError("--gpus-per-node must be 1 to 1024.") }
        guard (0...1_000_000).contains(lookAhead) else { throw ValidationError("--look-ahead must be 0 to 1000000.") }
        if let clamp, clamp.seconds <= 0 { throw ValidationError("--clamp must be above 0.") }
    }

    /// 1 for exact knowledge, nil for none.
    func durationUncertainty() throws -> Double? {
        switch estimates {
        case "exact": return 1
        case "none": return nil
        default:
            guard let factor = Double(estimates), factor >= 1, factor <= 1000 else {
                throw ValidationError("--estimates is exact, none, or a factor from 1 to 1000, not \"\(estimates)\".")
            }
            return factor
        }
    }

    func cluster() throws -> SimulatedCluster {
        do throws(NodeSpecError) {
            return SimulatedCluster(try NodeSpec(parsing: gpus, atMost: 1_000_000), gpusPerNode: gpusPerNode)
        } catch {
            throw ValidationError("--gpus: \(error)")
        }
    }

    var simulationParameters: SimulationParameters {
        var parameters = SimulationParameters()
        parameters.drainSeconds = drain.seconds
        parameters.recutSeconds = recut.seconds
        parameters.restartSeconds = restart.seconds
        parameters.gpusPerNode = gpusPerNode
        parameters.lookAhead = lookAhead
        parameters.durationUncertainty = (try? durationUncertainty()) ?? nil
        return parameters
    }

    var spanningModel: SpanningModel {
        var model = SpanningModel()
        model.algorithm = algorithm
        model.linkBytesPerSecond = linkGb * 1e9
        model.networkBytesPerSecond = networkGb * 1e9
        model.latencySeconds = latencyUs * 1e-6
        model.overlap = overlap
        model.proportionalShares = proportionalShares
        model.memoryByShare = memoryByShare
        model.creditsSplitting = splitGains
        return model
    }

    /// Paces from the tables and measurements that were named.
    func paces() throws -> ModelPaces {
        let table = try speeds.map { try TraceFile.readSpeeds($0) } ?? .miso
        guard let spanning else { return ModelPaces(table: table, spanning: spanningModel) }
        let measured = try MeasuredSpanning.read(spanning, table: table, forAll: spanningForAll)
        return ModelPaces(table: table, spanning: spanningModel, measured: measured)
    }
}

extension WorkloadRecipe.Memory: ExpressibleByArgument {}
extension ExchangeAlgorithm: ExpressibleByArgument {}
