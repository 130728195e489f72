import ArgumentParser
import ClusterSimulation
import CollectiveBenchmark
import Platform
import SimulationReport
import Traces

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Run a trace of jobs on a simulated cluster, under several models.",
        discussion: """
            Every model gets the same jobs and the production scheduler. Prints a table, and writes a page for the browser, \
            CSV and JSON with --out. The same command gives the same bytes. No figure is a measurement on MIG hardware.

            EXAMPLES
              flexmig simulate --trace traces/philly2017.csv.gz --gpus a100-40gb:50 \\
                --mapping w-slice --window 3656225:+7d --clamp 48h --out report
              flexmig simulate --generate bimodal --load 1.3 --gpus a100-40gb:8 \\
                --models drain,partial,hybrid --queue backfill --seeds 5

            MODELS
              whole            no MIG: whole GPUs
              static           layouts chosen from the window before, or of generated jobs
                               from another draw; 4+2+1 without
              static:4+2+1     every GPU in this layout
              hindsight        the best layouts that a search finds, knowing all jobs
              drain            a GPU is drained to change its layout
              partial          idle slices are cut and merged beside running jobs
              migrate          as partial, and running jobs are moved to make room
              fgd              as partial, placed against fragmentation
              fixed            leaves of 1g, the last one with double memory
              fixed-thin       leaves of 1g
              fixed-doubles    leaves of 1g with double memory
              greedy           one instance, else the fewest leaves, whatever is free now
              hybrid           one instance, several leaves or waiting: what ends first
              hybrid-moldable  as hybrid, and jobs may start on half of their leaves
            """)

    @OptionGroup var study: StudyOptions
    @Option(help: "Models to compare, separated by commas.")
    var models = "whole,static,drain,partial,fixed,hybrid"
    @Option(
        help: "Queue disciplines: fifo, backfill (EASY), or backfill-N with N reservations; separated by commas.")
    var queue = "fifo,backfill"
    @Option(help: ArgumentHelp("Folder for index.html, CSV and JSON; made if missing.", valueName: "folder"))
    var out: String?
    @Option(help: "Instances held that the occupancy chart of each run keeps; 0 for none.") var gantt = 4000
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        _ = try selections()
        guard (0...1_000_000).contains(gantt) else { throw ValidationError("--gantt must be 0 to 1000000.") }
    }

    private func selections() throws -> (models: [ModelSelection], queues: [QueueSelection]) {
        let cluster = try study.cluster()
        var chosen: [ModelSelection] = []
        for word in models.split(separator: ",", omittingEmptySubsequences: false) {
            guard let model = ModelSelection(String(word)) else {
                throw ValidationError("--models: \"\(word)\" is none of \(ModelSelection.words).")
            }
            if let problem = model.problem(on: cluster) { throw ValidationError("--models \(word): \(problem).") }
            guard !chosen.contains(model) else { throw ValidationError("--models has \"\(word)\" twice.") }
            chosen.append(model)
        }
        var queues: [QueueSelection] = []
        for word in queue.split(separator: ",", omittingEmptySubsequences: false) {
            guard let queue = QueueSelection(String(word), lookAhead: study.lookAhead) else {
                throw ValidationError(
                    "--queue: \"\(word)\" is none of fifo, backfill, backfill-N with N from 1 to 1000.")
            }
            guard !queues.contains(queue) else { throw ValidationError("--queue has \"\(word)\" twice.") }
            queues.append(queue)
        }
        return (chosen, queues)
    }

    func run() throws {
        if let out { try ReportFolder.make(out) }
        let content = try content()
        if let out { try ReportFolder.write(content, to: out) }
        if json { return print(content.json.written(isPretty: true)) }
        print(content.text)
        if let out {
            print("\nwritten to \(out): index.html, runs.csv, summary.csv, pairs.csv, timeline.csv, report.json")
        }
    }

    private func content() throws -> ReportContent {
        let (models, queues) = try selections()
        let progress = ProgressLine()
        let cluster = try study.cluster()
        let paces = try study.paces()
        let jobs = try StudyJobs(study, cluster: cluster, speeds: paces.table, progress: progress)
        let study = Study(
            cluster: cluster, models: models, queues: queues, parameters: study.simulationParameters, paces: paces,
            jobs: jobs, seeds: study.seeds, gantt: out == nil ? 0 : gantt,
            comparesPairs: out != nil)
        let results = try study.run(progress: progress)
        return ReportContent(
            title:
                "Simulation of \(self.study.trace ?? self.study.generate.map { "the mix \($0.rawValue)" } ?? "jobs")",
            command: StudyOptions.command, version: flexmigVersion, cluster: self.study.gpus, gpus: cluster.gpuCount,
            slices: cluster.computeSlices, parameters: self.study.parameters(cluster: cluster, paces: paces),
            assumptions: self.study.assumptions(paces: paces), account: results.account, metrics: results.metrics,
            pairs: results.pairs, pictures: results.pictures)
    }
}

/// The folder that `--out` names.
enum ReportFolder {
    /// Makes it before anything takes its time.
    static func make(_ path: String) throws {
        do throws(SystemError) {
            try Files.makeDirectories(path)
        } catch {
            throw CommandFailure(CommandExit.output, "--out \(path) can't be made: \(error)")
        }
        guard Files.isDirectory(path), Files.isWritable(path) else {
            throw CommandFailure(CommandExit.output, "--out \(path) is no folder that can be written to")
        }
    }

    static func write(_ content: ReportContent, to path: String) throws {
        let files = [
            ("index.html", content.page), ("runs.csv", content.runsCSV), ("summary.csv", content.summaryCSV),
            ("pairs.csv", content.pairsCSV),
            ("timeline.csv", content.timelineCSV), ("report.json", content.json.written(isPretty: true) + "\n"),
        ]
        for (name, text) in files {
            do throws(SystemError) {
                try Files.replace("\(path)/\(name)", with: Array(text.utf8))
            } catch {
                throw CommandFailure(CommandExit.output, "\(path)/\(name) can't be written: \(error)")
            }
        }
    }
}
