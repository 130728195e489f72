import ArgumentParser
import CollectiveBenchmark
import SimulationReport
import Traces

struct TraceInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show what a trace holds.",
        discussion: """
            Rows that can't be used are counted by reason. Shows sizes, durations, what each mapping to slices makes of the \
            sizes, and the busiest day and week, as --window takes them.

            EXAMPLES
              flexmig trace inspect traces/philly2017.csv.gz
              zcat philly.csv.gz | flexmig trace inspect -
            """)

    @OptionGroup var options: TraceOptions
    @Flag(help: "Print JSON.") var json = false
    @Argument(help: ArgumentHelp("The trace; - is standard input.", valueName: "file")) var file: String

    func run() throws {
        let trace = try TraceFile.read(
            file, format: options.format, isStrict: options.strict, progress: ProgressLine())
        let facts = TraceFacts(trace)
        if json {
            print(facts.json.written(isPretty: true))
        } else {
            print(facts.text)
        }
    }
}
