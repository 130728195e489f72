import FoundationEssentials
import Platform
import Spanning

/// Runs a program on one leaf and on several, in turns, so that what the machine does otherwise hits all alike.
public struct SpanningRun {
    /// What to run, and how often.
    public struct Plan: Sendable {
        /// Numbers of leaves, 1 among them.
        public var leaves: [Int]
        public var rounds: Int
        public var warmUp: Int
        public var work: SpanningMeasurement.Work?
        /// Flags for `flexmig run`.
        public var flags: [String]
        public var command: [String]
        public var model: String

        public init(
            leaves: [Int], rounds: Int, warmUp: Int, work: SpanningMeasurement.Work?, flags: [String],
            command: [String], model: String
        ) {
            self.leaves = leaves
            self.rounds = rounds
            self.warmUp = warmUp
            self.work = work
            self.flags = flags
            self.command = command
            self.model = model
        }
    }

    /// Why nothing was measured.
    public enum Failure: Error, CustomStringConvertible {
        case interrupted(Signal)
        /// The program, or `flexmig run`, failed with this exit code.
        case failed(exitCode: Int, String)
        case unusable(String)

        public var description: String {
            switch self {
            case .interrupted(let signal): "ended by \(signal)"
            case .failed(_, let text), .unusable(let text): text
            }
        }
    }

    private let plan: Plan
    private let program: String
    private let progress: (String) -> Void

    /// - Parameter program: the path of `flexmig`.
    /// - Parameter progress: gets a line on what is measured now.
    public init(_ plan: Plan, program: String, progress: @escaping (String) -> Void) {
        self.plan = plan
        self.program = program
        self.progress = progress
    }

    /// Measures. Takes this process's signals over; nothing is left behind, whatever happens.
    ///
    /// - Parameter gpuName: the name of a GPU by its index.
    /// - Throws: `Failure`.
    public func measurement(version: String, gpuName: (Int) -> String) throws -> SpanningMeasurement {
        var caught: [Signal] = [.interrupt, .terminate]
        if !Signal.hangUp.isIgnored { caught.append(.hangUp) }
        let signals = try SignalQueue(caught)
        let base = Environment.value("TMPDIR") ?? "/tmp"
        let report = "\(base)/flexmig-measure-\(randomToken(bytes: 8)).json"
        defer { try? Files.remove(report) }
        var runs: [RunSamples] = []
        var jobs: [JobFile] = []
        for round in 1...plan.rounds {
            for leaves in plan.leaves {
                let place = "round \(round)/\(plan.rounds), \(leaves) \(leaves == 1 ? "leaf" : "leaves")"
                progress(place)
                var samples = try run(leaves, report, signals) { progress("\(place): \($0) steps") }
                let job = try JSONDecoder().decode(JobFile.self, from: Data(try Files.read(report)))
                samples.wallSeconds = job.seconds
                runs.append(samples)
                jobs.append(job)
            }
        }
        let profiles = Set(jobs.flatMap { $0.leaves.map(\.profile) }).sorted()
        guard profiles.count == 1 else {
            throw Failure.unusable(
                "the runs had unequal leaves (\(profiles.joined(separator: ", "))); choose one kind with --leaf-type or "
                    + "--leaf-memory")
        }
        let samples: SpanningSamples
        let points: [SpanningPoint]
        do throws(SpanningSamples.Problem) {
            samples = try SpanningSamples(runs, work: plan.work, warmUp: plan.warmUp)
            points = try samples.points()
        } catch {
            throw Failure.unusable("\(error)")
        }
        let seen = runs.reduce(into: Set<String>()) { $0.formUnion($1.runtimes) }.sorted()
        return SpanningMeasurement(
            model: plan.model, leafProfile: profiles[0],
            gpu: Set(jobs.flatMap { $0.leaves.map { gpuName($0.gpu) } }).sorted().joined(separator: ", "),
            runtime: seen.isEmpty ? nil : seen.joined(separator: ", "), route: jobs.compactMap(\.route).first,
            work: samples.work, source: samples.source,
            evidence: jobs[0].evidence == "simulated driver" ? jobs[0].evidence : "real MIG",
            command: plan.command, date: Date.now.formatted(.iso8601), flexmig: version, points: points)
    }

    private func run(
        _ leaves: Int, _ report: String, _ signals: borrowing SignalQueue, seen: (Int) -> Void
    ) throws(Failure) -> RunSamples {
        var environment = Environment.all()
        environment["FLEXMIG_MEASURE"] = "1"
        if environment["FLEXMIG_DEBUG", default: ""].isEmpty { environment["FLEXMIG_DEBUG"] = "info" }
        let job = JobRun(
            program: program,
            arguments: ["run", "--leaves", "\(leaves)", "--report", report] + plan.flags + ["--"] + plan.command,
            environment: environment, leaves: leaves)
        do throws(JobRun.Failure) {
            return try job.run(signals, seen: seen)
        } catch {
            switch error {
            case .interrupted(let signal): throw .interrupted(signal)
            case .failed(let code, let lines):
                let text = lines.map { "\n  \($0)" }.joined()
                throw .failed(
                    exitCode: code,
                    "on \(leaves) \(leaves == 1 ? "leaf" : "leaves") the program ended with exit code \(code)\(text)")
            case .marker(let problem): throw .unusable("\(problem)")
            case .system(let error): throw .unusable("\(error)")
            }
        }
    }
}

/// What is read of the report of `flexmig run`.
private struct JobFile: Decodable {
    struct Leaf: Decodable {
        var profile: String
        var gpu: Int
    }
    var leaves: [Leaf]
    var route: String?
    var seconds: Double
    var evidence: String
}
