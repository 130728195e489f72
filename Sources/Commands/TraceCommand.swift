import ArgumentParser
import Traces

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Look at job traces, convert and generate them.",
        discussion: """
            Traces are tables of comma-separated values, plain or compressed with gzip. What a file is, its header tells: \
            the normalised form (job_id,submit_s,gpus,gpu_milli,duration_s,tenant), Philly as Pollux has it, Alibaba's \
            cluster-trace-gpu-v2023 (openb), or Helios.
            """,
        subcommands: [TraceInspectCommand.self, TraceConvertCommand.self, TraceGenerateCommand.self])
}

/// The trace that a command reads, and how.
struct TraceOptions: ParsableArguments {
    @Option(help: "Expect this format: normalised, philly, openb or helios (default: as the header says).")
    var format: TraceFormat?
    @Flag(help: "Fail at the first row that can't be used; without it such rows are counted and left out.")
    var strict = false
}

extension TraceFormat: ExpressibleByArgument {}
extension JobMix: ExpressibleByArgument {}
extension SizeMapping: ExpressibleByArgument {}

extension RowCounts {
    /// A line for each issue, refusals first, and one for the sum.
    var lines: [String] {
        var lines = ["\(rows) rows, \(rows - refused) jobs" + (refused > 0 ? ", \(refused) rows not used" : "")]
        for issue in RowIssue.allCases {
            guard let tally = tallies[issue] else { continue }
            let column = tally.firstColumn.map { ", column \($0)" } ?? ""
            lines.append(
                "\(tally.rows) rows \(issue.isRefusal ? "not used" : "used"): \(issue.words); the first in line "
                    + "\(tally.firstLine)\(column)")
        }
        return lines
    }
}
