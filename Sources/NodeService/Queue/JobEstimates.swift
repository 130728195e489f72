import LeafScheduling

/// What is believed of one job's run time. Small: one for each job that isn't over.
public struct JobExpectation: Hashable, Sendable {
    /// Seconds on what it asked for; infinite where nobody knows.
    public var seconds: Double
    /// The estimates' own number for how fast it is on other leaves.
    public var pace: Int
    /// It is ended after so many seconds, whatever it runs on; infinite without a limit.
    public var limit: Double

    public init(seconds: Double, pace: Int = 0, limit: Double = .infinity) {
        self.seconds = seconds
        self.pace = pace
        self.limit = limit
    }
}

/// What a job's pace depends on.
public struct GangShape: Hashable, Sendable {
    /// One instance, or whole GPUs; else one rank for each of several leaves.
    public var isWhole: Bool
    public var leaves: Int
    /// The slowest leaf, and SMs of its GPU's largest instance.
    public var slowest: GPUShape.Unit
    public var fullMultiprocessors: Int
    /// SMs of all leaves together.
    public var multiprocessors: Int
    public var mostLeavesOnOneGPU: Int
    public var gpus: Int
    public var nodes: Int
    /// Other jobs' load on the busiest of its links, in millionths of its bandwidth.
    public var foreignLinkLoad: Int
}

/// How long jobs are expected to run.
public protocol JobEstimates: Sendable {
    /// What is believed of a job now. Asked when it is submitted or found again.
    mutating func expectation(of job: ServiceJob) -> JobExpectation

    /// Seconds that the job is expected to run there; infinite where nobody knows.
    ///
    /// - Parameter asked: how many leaves the job asked for.
    func seconds(_ expectation: JobExpectation, asked: Int, on shape: GangShape) -> Double

    /// What the job would put on the link of a GPU with most of its leaves, in millionths of the link's bandwidth.
    func linkLoad(_ expectation: JobExpectation, asked: Int, on shape: GangShape) -> Int

    /// A job has succeeded after so many seconds on such leaves.
    ///
    /// - Returns: whether something was learned that is worth keeping.
    mutating func learn(_ job: ServiceJob, seconds: Double, on shape: GangShape) -> Bool

    /// What was learned, for the store.
    var lessons: [RunLesson] { get }
}

extension JobEstimates {
    public func linkLoad(_ expectation: JobExpectation, asked: Int, on shape: GangShape) -> Int { 0 }
    public mutating func learn(_ job: ServiceJob, seconds: Double, on shape: GangShape) -> Bool { false }
    public var lessons: [RunLesson] { [] }
}

/// The last run times of one user's jobs of one name or command.
public struct RunLesson: Hashable, Sendable, Codable {
    public var user: String
    /// The job's name, else its program.
    public var name: String
    /// Seconds on what was asked for, the newest last; at most 8.
    public var seconds: [Double]

    public init(user: String, name: String, seconds: [Double]) {
        self.user = user
        self.name = name
        self.seconds = seconds
    }

    /// Their mean.
    public var mean: Double { seconds.isEmpty ? .infinity : seconds.reduce(0, +) / Double(seconds.count) }

    /// Their standard deviation; 0 for one run.
    public var spread: Double {
        guard seconds.count > 1 else { return 0 }
        let mean = mean
        let squares = seconds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(seconds.count - 1)).squareRoot()
    }
}

/// What a queue must know of the past: to be kept by the store and given to the next queue.
public struct QueueMemory: Hashable, Sendable, Codable {
    /// By tenant: slice-seconds that it has used, as they count now.
    public var used: [String: Double]
    public var lessons: [RunLesson]

    public init(used: [String: Double] = [:], lessons: [RunLesson] = []) {
        self.used = used
        self.lessons = lessons
    }
}
