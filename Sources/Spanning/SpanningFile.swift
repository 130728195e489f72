/// The file `spanning.json`: what it costs models to span several leaves, as `flexmig measure` has measured it.
///
/// Written and read as JSON; the simulator and the scheduler take the speeds of jobs from it. Described in
/// docs/measure.md. Readers refuse other formats and newer versions.
public struct SpanningFile: Hashable, Sendable, Codable {
    public static let formatName = "flexmig-spanning"
    public static let newestVersion = 1

    public var format = Self.formatName
    public var version = Self.newestVersion
    /// At most one for a model on a leaf profile of a GPU with a runtime and a route.
    public var measurements: [SpanningMeasurement]

    public init(measurements: [SpanningMeasurement] = []) { self.measurements = measurements }

    /// Adds a measurement, in place of an older one of the same.
    public mutating func add(_ measurement: SpanningMeasurement) {
        measurements.removeAll { $0.key == measurement.key }
        measurements.append(measurement)
        measurements.sort { $0.key.lexicographicallyPrecedes($1.key) }
    }

    /// Why a file that could be decoded can't be used; nil when it can.
    public var problem: String? {
        if format != Self.formatName { return "its format is \"\(format)\", not \"\(Self.formatName)\"" }
        if !(1...Self.newestVersion).contains(version) {
            return "its version is \(version), and this flexmig knows 1 to \(Self.newestVersion)"
        }
        for measurement in measurements {
            if let problem = measurement.problem { return "\(measurement.model): \(problem)" }
        }
        return nil
    }
}

/// One program, measured on one leaf and on several.
public struct SpanningMeasurement: Hashable, Sendable, Codable {
    /// What the leaves together did in a step, compared with what the one leaf did alone.
    public enum Work: String, Hashable, Sendable, Codable, CaseIterable {
        /// Each leaf as much as the one: a batch size for each rank.
        case perRank = "per-rank"
        /// All together as much as the one: an epoch, a batch size for the job.
        case fixed
        /// As the markers say with `samples=`.
        case counted
    }

    /// Where the step times come from.
    public enum Source: String, Hashable, Sendable, Codable {
        /// Lines that the program prints.
        case marker
        /// The whole run, with start and end.
        case wall
    }

    public var model: String
    /// Such as "1g.10gb".
    public var leafProfile: String
    /// The GPU's name as its driver gives it.
    public var gpu: String
    /// What was seen to carry the ranks' traffic: "flexmig" for the engine, also under PyTorch's backend, "nccl-plugin"
    /// for NCCL through our plugin, or both with a comma; nil where nothing told of itself.
    public var runtime: String?
    /// The route that `flexmig run` prepared for NCCL, whether or not the program took it; nil where the program is not
    /// seen to load NCCL and no route was asked for.
    public var route: String?
    public var work: Work
    public var source: Source
    /// The evidence ladder's grade of the leaves: "simulated driver" or "real MIG".
    public var evidence: String
    public var command: [String]
    /// ISO 8601, UTC.
    public var date: String
    /// The version of flexmig.
    public var flexmig: String
    /// By their number of leaves, the first with one.
    public var points: [SpanningPoint]

    public init(
        model: String, leafProfile: String, gpu: String, runtime: String?, route: String? = nil, work: Work,
        source: Source, evidence: String,
        command: [String], date: String, flexmig: String, points: [SpanningPoint]
    ) {
        self.model = model
        self.leafProfile = leafProfile
        self.gpu = gpu
        self.runtime = runtime
        self.route = route
        self.work = work
        self.source = source
        self.evidence = evidence
        self.command = command
        self.date = date
        self.flexmig = flexmig
        self.points = points
    }

    var key: [String] { [model, leafProfile, gpu, runtime ?? "", route ?? ""] }

    var problem: String? {
        guard points.first?.leaves == 1 else { return "its first point is not that of one leaf" }
        guard zip(points, points.dropFirst()).allSatisfy({ $0.leaves < $1.leaves }) else {
            return "its points are not in the order of their leaves"
        }
        for point in points where !(point.stepSeconds > 0 && point.relativeSpeed > 0) {
            return "the times of its point of \(point.leaves) leaves are not above 0"
        }
        for point in points {
            if let share = point.communicationShare, !(0...1).contains(share) {
                return "the communication share of its point of \(point.leaves) leaves is \(share), not 0 to 1"
            }
        }
        return nil
    }
}

/// A program on a number of leaves.
public struct SpanningPoint: Hashable, Sendable, Codable {
    /// Where the share of communication comes from.
    public enum CommunicationSource: String, Hashable, Sendable, Codable {
        /// The program's markers.
        case marker
        /// The time that ranks waited for each other in our engine: at least so much.
        case waiting
        case notKnown = "not known"
    }

    public var leaves: Int
    /// Seconds of a step: the median over runs of each run's median step of its slowest rank.
    public var stepSeconds: Double
    /// The 10th and the 90th percentile of all steps, in seconds; of all runs, where those are the steps.
    public var p10Seconds: Double
    public var p90Seconds: Double
    /// The step time of each run, in their order.
    public var runSeconds: [Double]
    /// Steps of all runs and ranks that were counted.
    public var steps: Int
    /// 0 to 1; nil where it is not known.
    public var communicationShare: Double?
    public var communicationSource: CommunicationSource
    /// Work a second, relative to `leaves` times that of one leaf: 1 is perfect.
    public var relativeSpeed: Double

    public init(
        leaves: Int, stepSeconds: Double, p10Seconds: Double, p90Seconds: Double, runSeconds: [Double], steps: Int,
        communicationShare: Double?, communicationSource: CommunicationSource, relativeSpeed: Double
    ) {
        self.leaves = leaves
        self.stepSeconds = stepSeconds
        self.p10Seconds = p10Seconds
        self.p90Seconds = p90Seconds
        self.runSeconds = runSeconds
        self.steps = steps
        self.communicationShare = communicationShare
        self.communicationSource = communicationSource
        self.relativeSpeed = relativeSpeed
    }
}
