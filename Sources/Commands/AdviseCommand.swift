import ArgumentParser
import ClusterSimulation
import CollectiveBenchmark
import MIGModel
import SimulationReport

struct AdviseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advise", abstract: "Say which layouts and mode would serve a trace best.",
        discussion: """
            Simulates the trace without MIG, with common static layouts, with changing ones, and with one-to-many, and \
            recommends what serves it best, with the margin, and where that is worse than others. A simulation, no \
            measurement: look at the assumptions that simulate --out prints.

            EXAMPLES
              flexmig advise --trace traces/philly2017.csv.gz --gpus a100-40gb:50 \\
                --mapping w-slice --window 4054218:+1d --clamp 48h
              flexmig advise --generate skew-big --gpus a100-40gb:8 --seeds 5 \\
                --by makespan
            """)

    @OptionGroup var study: StudyOptions
    @Option(help: "What is to be small: jct (the mean time from arrival to end) or makespan.") var by = Advice.Aim.jct
    @Option(help: "Queue discipline: fifo, backfill (EASY), or backfill-N with N reservations.") var queue = "backfill"
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard QueueSelection(queue, lookAhead: study.lookAhead) != nil else {
            throw ValidationError("--queue: \"\(queue)\" is none of fifo, backfill, backfill-N with N from 1 to 1000.")
        }
    }

    func run() throws {
        let progress = ProgressLine()
        let cluster = try study.cluster()
        let paces = try study.paces()
        guard let queue = QueueSelection(queue, lookAhead: study.lookAhead) else { return }
        let layouts = StaticOneToOne.common.map { ModelSelection.given($0) }.filter { $0.problem(on: cluster) == nil }
        // Seven whole instances are the model without MIG, and seven leaves one each are `fixed` for jobs of one leaf.
        let models: [ModelSelection] =
            [.whole] + layouts.filter { $0 != .given([7]) } + [.drain, .partial, .fixed(.full), .fixed(.thin), .hybrid]
        let jobs = try StudyJobs(study, cluster: cluster, speeds: paces.table, progress: progress)
        let results = try Study(
            cluster: cluster, models: models, queues: [queue], parameters: study.simulationParameters, paces: paces,
            jobs: jobs, seeds: study.seeds, gantt: 0, comparesPairs: false
        ).run(progress: progress)
        guard let advice = Advice(Summary.all(of: results.metrics), aim: by) else { return }
        if json { return print(advice.json(results.account).written(isPretty: true)) }
        print((results.account + [""] + advice.lines(by)).joined(separator: "\n"))
    }
}

extension Advice.Aim: ExpressibleByArgument {}

extension Advice {
    private static func percent(_ interval: Interval) -> String {
        let half = interval.half.map { " +-\(decimal($0 * 100, 1))" } ?? ""
        return (interval.mean > 0 ? "+" : "") + decimal(interval.mean * 100, 1) + half + " %"
    }

    private static func marked(_ difference: Interval) -> String {
        percent(difference) + (difference.half != nil && !difference.isSignificant ? " (not significant)" : "")
    }

    /// How to have what is recommended.
    private var how: String {
        switch recommended.model {
        case "whole": "No MIG: leave the GPUs whole."
        case "fixed": "Flatten every GPU once: flexmig node flatten --layout full"
        case "fixed-thin": "Flatten every GPU once: flexmig node flatten --layout thin"
        case "hybrid": "Let the scheduler cut and merge idle slices, and let jobs span leaves where that ends sooner."
        case "partial": "Let the scheduler cut and merge idle slices; one instance for each job."
        case "drain": "Change layouts of GPUs that were drained; one instance for each job."
        default: "Cut every GPU like this and keep it so; one instance for each job."
        }
    }

    func lines(_ aim: Aim) -> [String] {
        let figure = aim == .jct ? "mean JCT" : "makespan"
        let value = recommended.interval { aim == .jct ? $0.completion.mean : $0.makespan }
        let half = value.half.map { " +-\(decimal($0 / 3600, 2))" } ?? ""
        var lines = [
            "Recommended: \(recommended.model), \(figure) \(decimal(value.mean / 3600, 2))\(half) h. \(how)",
            "Simulated, not measured on MIG hardware.", "",
        ]
        let refused = recommended.interval { Double($0.refused) }.mean
        if refused > 0 { lines += ["Of the jobs it refuses \(decimal(refused, 1)); no model refuses fewer.", ""] }
        var table = TextTable(["AGAINST", figure.uppercased(), "REFUSES"])
        table.rows = comparisons.map { other in
            [other.model, other.difference.map(Self.marked) ?? "-", decimal(other.refused, 0)]
        }
        lines += [table.rendered(), ""]
        if comparisons.contains(where: { $0.refused > refused }) {
            lines += ["Models that refuse more ran fewer jobs; their figures are of those.", ""]
        }
        guard !weaknesses.isEmpty else {
            return lines + ["Nothing that was looked at is worse than with another model."]
        }
        var worse = TextTable(["WORSE IN", "THAN", "BY"])
        worse.rows = weaknesses.map { weakness in
            [weakness.figure, weakness.model, Self.marked(weakness.difference)]
        }
        return lines + [worse.rendered()]
    }

    func json(_ account: [String]) -> JSONValue {
        func interval(_ value: Interval) -> JSONValue {
            .object([("mean", .number(value.mean)), ("half_width_95", value.half.map { .number($0) } ?? .null)])
        }
        return .object([
            ("recommended", .text(recommended.model)), ("queue", .text(recommended.queue)),
            ("mean_jct_s", interval(recommended.interval { $0.completion.mean })),
            ("makespan_s", interval(recommended.interval { $0.makespan })),
            ("refused", .number(recommended.interval { Double($0.refused) }.mean)),
            (
                "against",
                .array(
                    comparisons.map {
                        .object([
                            ("model", .text($0.model)), ("difference", $0.difference.map(interval) ?? .null),
                            ("refused", .number($0.refused)),
                        ])
                    })
            ),
            (
                "worse_in",
                .array(
                    weaknesses.map {
                        .object([
                            ("figure", .text($0.figure)), ("model", .text($0.model)),
                            ("difference", interval($0.difference)),
                        ])
                    })
            ),
            ("trace", .array(account.map { .text($0) })),
        ])
    }
}
