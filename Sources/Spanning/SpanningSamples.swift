/// What one run of a program told.
public struct RunSamples: Hashable, Sendable {
    public let leaves: Int
    /// The markers of each rank, in their order.
    public var markers: [Int: [StepMarker]] = [:]
    /// Seconds that each rank waited for others at least, by the engine's account of each communicator at its end.
    public var waited: [Int: Double] = [:]
    /// What was seen to carry the ranks' traffic: "flexmig", "nccl-plugin". Nothing else tells of itself.
    public var runtimes: Set<String> = []
    /// Of the whole run.
    public var wallSeconds = 0.0

    public init(leaves: Int) { self.leaves = leaves }

    /// The ranks' steps without the first `warmUp`.
    func steps(warmUp: Int) -> [Int: [StepMarker]] {
        markers.compactMapValues { $0.count > warmUp ? Array($0.dropFirst(warmUp)) : nil }
    }
}

/// Makes points of runs. Pure.
public struct SpanningSamples: Sendable {
    /// What a measurement can't be made of.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    public let source: SpanningMeasurement.Source
    public let work: SpanningMeasurement.Work
    private let runs: [RunSamples]
    private let warmUp: Int

    /// - Parameter work: what the user says; nil takes `counted` where all markers count samples, else `perRank` for
    ///   markers and `fixed` for whole runs.
    /// - Parameter warmUp: steps of each rank and run that do not count.
    /// - Throws: `Problem` when some runs have markers and others not, or all of them fall into the warm-up.
    public init(_ runs: [RunSamples], work: SpanningMeasurement.Work?, warmUp: Int) throws(Problem) {
        self.runs = runs
        self.warmUp = warmUp
        let marked = runs.filter { !$0.markers.isEmpty }
        guard marked.isEmpty || marked.count == runs.count else {
            let without = runs.first { $0.markers.isEmpty }?.leaves ?? 0
            throw Problem(description: "on \(without) leaves the program printed no marker, on others it did")
        }
        source = marked.isEmpty ? .wall : .marker
        if source == .marker, let short = runs.first(where: { $0.steps(warmUp: warmUp).isEmpty }) {
            throw Problem(
                description: "on \(short.leaves) leaves the program has no step behind the \(warmUp) of the warm-up")
        }
        let isCounted =
            source == .marker
            && runs.allSatisfy { $0.markers.values.allSatisfy { $0.allSatisfy { $0.samples != nil } } }
        if work == .counted, !isCounted { throw Problem(description: "not every marker has samples=") }
        self.work = work ?? (isCounted ? .counted : source == .marker ? .perRank : .fixed)
    }

    /// A point for each number of leaves, in order.
    public func points() throws(Problem) -> [SpanningPoint] {
        let counts = Set(runs.map(\.leaves)).sorted()
        guard counts.first == 1 else { throw Problem(description: "nothing was measured on one leaf") }
        var points: [SpanningPoint] = []
        let alone = rate(of: 1)
        for leaves in counts {
            let here = runs.filter { $0.leaves == leaves }
            let all = here.flatMap(times)
            let (share, source) = communication(of: here)
            points.append(
                SpanningPoint(
                    leaves: leaves, stepSeconds: Self.percentile(50, of: here.map(stepSeconds)),
                    p10Seconds: Self.percentile(10, of: all), p90Seconds: Self.percentile(90, of: all),
                    runSeconds: here.map(stepSeconds), steps: all.count, communicationShare: share,
                    communicationSource: source, relativeSpeed: rate(of: leaves) / (Double(leaves) * alone)))
        }
        return points
    }

    /// All steps of a run; the run itself where it has no markers.
    private func times(_ run: RunSamples) -> [Double] {
        source == .wall ? [run.wallSeconds] : run.steps(warmUp: warmUp).values.flatMap { $0.map(\.seconds) }
    }

    /// A run's step time: the median of its slowest rank.
    private func stepSeconds(_ run: RunSamples) -> Double {
        if source == .wall { return run.wallSeconds }
        return run.steps(warmUp: warmUp).values.map { Self.percentile(50, of: $0.map(\.seconds)) }.max() ?? 0
    }

    /// Work a second on that many leaves.
    private func rate(of leaves: Int) -> Double {
        let here = runs.filter { $0.leaves == leaves }
        let done: Double
        switch work {
        case .perRank: done = Double(leaves)
        case .fixed: done = 1
        case .counted:
            done = Self.percentile(
                50, of: here.flatMap { $0.steps(warmUp: warmUp).values.flatMap { $0.compactMap(\.samples) } })
        }
        return done / Self.percentile(50, of: here.map(stepSeconds))
    }

    private func communication(of here: [RunSamples]) -> (Double?, SpanningPoint.CommunicationSource) {
        let steps = here.flatMap { $0.steps(warmUp: warmUp).values.flatMap(\.self) }
        let parts = steps.compactMap(\.communication)
        if !steps.isEmpty, parts.count == steps.count {
            return (parts.reduce(0, +) / steps.map(\.seconds).reduce(0, +), .marker)
        }
        guard here.allSatisfy({ $0.waited.count == $0.leaves }), let first = here.first, first.leaves > 1 else {
            return (nil, .notKnown)
        }
        let waited = here.map { run in run.waited.values.reduce(0, +) / Double(run.leaves) / run.wallSeconds }
        return (min(1, waited.reduce(0, +) / Double(here.count)), .waiting)
    }

    /// Between the two nearest values; 0 of none.
    static func percentile(_ percent: Double, of values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.last else { return 0 }
        let place = percent / 100 * Double(sorted.count - 1)
        let below = Int(place)
        guard below + 1 < sorted.count else { return last }
        return sorted[below] + (sorted[below + 1] - sorted[below]) * (place - Double(below))
    }
}
