import ArgumentParser
import SimulationReport
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
    @Flag(
        help: """
            Fail at the first row that can't be used or is out of order; without it such rows are counted, and left out \
            or sorted.
            """)
    var strict = false
}

extension TraceFormat: ExpressibleByArgument {}
extension JobMix: ExpressibleByArgument {}
extension SizeMapping: ExpressibleByArgument {}

extension RowCounts {
    /// A line for each issue, refusals first, and one for the sum.
    var lines: [String] {
        var lines = ["\(counted(rows, "row")), \(counted(rows - refused, "job"))"]
        if refused > 0 { lines[0] += ", \(counted(refused, "row")) not used" }
        for issue in RowIssue.allCases {
            guard let tally = tallies[issue] else { continue }
            let column = tally.firstColumn.map { ", column \($0)" } ?? ""
            lines.append(
                "\(counted(tally.rows, "row")) \(issue.isRefusal ? "not used" : "used"): \(issue.words); the first in line "
                    + "\(tally.firstLine)\(column)")
        }
        return lines
    }
}
