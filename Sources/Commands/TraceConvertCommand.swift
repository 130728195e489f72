import ArgumentParser
import CollectiveBenchmark
import Platform
import Traces

struct TraceConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write a trace in the normalised form.",
        discussion: """
            Rows are sorted by arrival; those that can't be used are counted on standard error and left out.

            EXAMPLES
              flexmig trace convert cluster_log.csv --output helios.csv
              flexmig trace convert openb_pod_list_default.csv | gzip > openb.csv.gz
            """)

    @OptionGroup var options: TraceOptions
    @Option(help: ArgumentHelp("File to write (default: standard output).", valueName: "file")) var output: String?
    @Argument(help: ArgumentHelp("The trace; - is standard input.", valueName: "file")) var file: String

    func run() throws {
        let trace = try TraceFile.read(
            file, format: options.format, isStrict: options.strict, progress: ProgressLine())
        try trace.write(to: output)
        for line in trace.counts.lines { writeToStandardError("flexmig: \(line)") }
    }
}

extension Trace {
    /// Writes the normalised form to a file in one step, or to standard output.
    func write(to path: String?) throws {
        guard let path else {
            do {
                try writeNormalised { try writeAll($0, to: 1) }
            } catch let error as SystemError {
                throw CommandFailure(CommandExit.output, "\(error)")
            }
            return
        }
        var all: [UInt8] = []
        try writeNormalised { all += $0 }
        do throws(SystemError) {
            try Files.replace(path, with: all)
        } catch {
            throw CommandFailure(CommandExit.output, "--output \(path) can't be written: \(error)")
        }
    }
}

private func writeAll(_ bytes: [UInt8], to number: CInt) throws(SystemError) {
    var rest = ArraySlice(bytes)
    while !rest.isEmpty { rest = rest.dropFirst(try writeSome(rest, to: number)) }
}
