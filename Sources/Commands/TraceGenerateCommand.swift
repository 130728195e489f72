import ArgumentParser
import CollectiveBenchmark
import Traces

struct TraceGenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Generate a trace.",
        discussion: """
            Sizes are drawn from a mix, durations from a log-normal distribution, arrivals from a Poisson process at a \
            stated load. The same seed gives the same bytes.

            EXAMPLES
              flexmig trace generate --mix uniform --load 1.0 --gpus 8 --output u.csv
              flexmig trace generate --mix bimodal --load 1.3 --gpus 100 \\
                --jobs 20000 --fit traces/philly2017.csv.gz --output b.csv

            MIXES (% of jobs with 1, 2, 3, 4, 7 slices)
              uniform     20 20 20 20 20
              skew-small  40 30 15 10  5
              skew-big     5 10 15 30 40
              bimodal     35 10 10 10 35
              sevenths    1 to 7 slices alike, with 5 and 6
            """)

    @OptionGroup var generation: GenerationOptions
    @Option(help: "How sizes are spread: uniform, skew-small, skew-big, bimodal or sevenths.") var mix: JobMix
    @Option(help: "GPUs of seven slices that the load is meant for.") var gpus: Int
    @Option(help: "Seed of all draws.") var seed: UInt64 = 1
    @Option(help: ArgumentHelp("File to write (default: standard output).", valueName: "file")) var output: String?

    func validate() throws {
        guard (1...1_000_000).contains(gpus) else { throw ValidationError("--gpus must be 1 to 1000000, not \(gpus).") }
        try generation.check()
    }

    func run() throws {
        let recipe = try generation.recipe(mix: mix, gpus: gpus, seed: seed, progress: ProgressLine())
        try recipe.generated().write(to: output)
    }
}

/// What generated jobs are like but for their sizes; shared by commands that generate.
struct GenerationOptions: ParsableArguments {
    @Option(help: "Jobs to generate.") var jobs = 2000
    @Option(help: "Asked work over what the GPUs can do while jobs arrive: 1 keeps them just busy.") var load = 1.0
    @Option(
        help: ArgumentHelp(
            "Fit the durations to this trace (default: mu 6.7909 and sigma 2.1555, the fit to Philly 2017).",
            valueName: "file"))
    var fit: String?
    @Option(help: "Longer draws are cut to this, such as 48h.") var longest = "48h"

    func check() throws {
        guard (1...100_000_000).contains(jobs) else {
            throw ValidationError("--jobs must be 1 to 100000000, not \(jobs).")
        }
        guard load > 0, load <= 1000 else {
            throw ValidationError("--load must be above 0 and at most 1000, not \(load).")
        }
        guard let longest = TimeAmount(argument: longest), longest.seconds >= 1 else {
            throw ValidationError("--longest must be a time of 1s or more, such as 48h, not \(self.longest).")
        }
    }

    func recipe(mix: JobMix, gpus: Int, seed: UInt64, progress: ProgressLine) throws -> TraceRecipe {
        let durations =
            try fit.map { path in
                LogNormalDurations(
                    fitting: try TraceFile.read(path, format: nil, isStrict: false, progress: progress))
            } ?? .philly
        var recipe = TraceRecipe(jobs: jobs, mix: mix, durations: durations, load: load, gpus: gpus, seed: seed)
        recipe.longest = TimeAmount(argument: longest)?.seconds ?? recipe.longest
        return recipe
    }
}
