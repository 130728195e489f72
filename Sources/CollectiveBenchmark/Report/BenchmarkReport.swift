import Platform

/// What a run found, as its JSON has it. Times in nanoseconds, bandwidths in 10^9 bytes a second.
public struct BenchmarkReport: Codable, Sendable {
    /// What the numbers mean may change with this number only.
    public var format = 1
    /// The command line.
    public var command: [String]
    public var secondsSince1970: Int
    public var machine: MachineDescription
    public var parameters: Parameters
    public var contenders: [ContenderVersion]
    public var rows: [Row] = []

    public struct Parameters: Codable, Sendable {
        public var rounds: Int
        public var batches: Int
        public var batchSeconds: Double
        public var timeoutSeconds: Double
        public var isPinned: Bool

        package init(rounds: Int, batches: Int, batchSeconds: Double, timeoutSeconds: Double, isPinned: Bool) {
            self.rounds = rounds
            self.batches = batches
            self.batchSeconds = batchSeconds
            self.timeoutSeconds = timeoutSeconds
            self.isPinned = isPinned
        }
    }

    public struct ContenderVersion: Codable, Sendable {
        public var name: String
        public var version: String

        package init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    /// One contender in one line of the table.
    public struct Row: Codable, Sendable {
        public enum Outcome: String, Codable, Sendable { case ok, unsupported, failed }

        public var operation: BenchmarkOperation
        public var type: BenchmarkType
        public var ranks: Int
        public var method: BenchmarkMethod
        /// Of the larger buffer of a rank.
        public var bytes: Int
        public var contender: String
        public var outcome: Outcome
        /// Why it failed.
        public var reason: String?
        /// Operations in a batch, and batches.
        public var length: Int?
        public var samples: Int?
        public var medianNanoseconds: Double?
        public var p10Nanoseconds: Double?
        public var algorithmBandwidth: Double?
        public var busBandwidth: Double?
        /// What each rank can copy while all copy, measured in the same rounds.
        public var copyBandwidth: Double?
        public var percentOfCopyLimit: Double?
        public var percentOfMovementBound: Double?
        /// The best peer's median by this one's, for contenders of ours.
        public var speedAgainstBestPeer: Double?
        public var bestPeer: String?
    }

    /// The report of a run that has just ended on this machine.
    public init(_ plan: BenchmarkPlan, _ contenders: [Contender], command: [String], rows: [Row]) {
        self.init(
            command: command, secondsSince1970: Platform.secondsSince1970(), machine: .current(),
            parameters: Parameters(
                rounds: plan.rounds, batches: plan.batches, batchSeconds: plan.batchSeconds,
                timeoutSeconds: plan.timeout / .seconds(1), isPinned: Environment.value("FLEXMIG_BENCH_PIN") != "0"),
            contenders: ([Contender.copy] + contenders).map { ContenderVersion(name: $0.name, version: $0.version) },
            rows: rows)
    }

    package init(
        command: [String], secondsSince1970: Int, machine: MachineDescription, parameters: Parameters,
        contenders: [ContenderVersion], rows: [Row]
    ) {
        self.command = command
        self.secondsSince1970 = secondsSince1970
        self.machine = machine
        self.parameters = parameters
        self.contenders = contenders
        self.rows = rows
    }

    /// Whether every contender gave times, or has no such operation.
    public var isComplete: Bool { rows.allSatisfy { $0.outcome != .failed } }
}

extension BenchmarkReport.Row {
    /// A row out of samples.
    ///
    /// - Parameter copyNanoseconds: what a copy of as many bytes takes on each rank while all copy; nil where there is
    ///   nothing to copy.
    package init(
        _ line: BenchmarkLine, ranks: Int, contender: String, length: Int, samples: [Double], copyNanoseconds: Double?
    ) {
        self.init(line, ranks: ranks, contender: contender, outcome: .failed)
        guard let statistics = SampleStatistics(samples) else {
            reason = "no samples"
            return
        }
        outcome = .ok
        self.length = length
        self.samples = statistics.count
        medianNanoseconds = statistics.median
        p10Nanoseconds = statistics.p10
        guard bytes > 0, statistics.median > 0 else { return }
        // Bytes per nanosecond are 10^9 bytes per second.
        let bandwidth = Double(bytes) / statistics.median
        algorithmBandwidth = bandwidth
        // A copy is no collective.
        let isCopy = contender == Contender.copy.name
        if !isCopy { busBandwidth = bandwidth * line.operation.busFactor(ranks: ranks) }
        guard let copyNanoseconds, copyNanoseconds > 0 else { return }
        copyBandwidth = Double(bytes) / copyNanoseconds
        percentOfCopyLimit = 100 * copyNanoseconds / statistics.median
        if !isCopy, let moved = line.operation.movedBytes(bytes, ranks: ranks) {
            // A copy loads and stores every byte once.
            let bound = copyNanoseconds * Double(moved) / Double(2 * bytes)
            percentOfMovementBound = 100 * bound / statistics.median
        }
    }

    /// A row without times.
    package init(
        _ line: BenchmarkLine, ranks: Int, contender: String, outcome: Outcome, reason: String? = nil
    ) {
        operation = line.operation
        type = line.type
        self.ranks = ranks
        method = line.method
        bytes = line.operation == .barrier ? 0 : line.bytes(ranks: ranks)
        self.contender = contender
        self.outcome = outcome
        self.reason = reason
    }
}
