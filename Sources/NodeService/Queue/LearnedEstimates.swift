import LeafScheduling
import NodeAPI

/// Run times from what a job's user says and what his jobs of the same name did before.
///
/// Expected is the mean of the last 8 runs of the same user's jobs with the same name (else the same program), where there
/// are any; else the time limit; else nothing. Never more than the time limit.
public struct LearnedEstimates: JobEstimates {
    /// What spanning costs a program: speeds relative to as many times one leaf, by the number of leaves.
    public struct Curve: Hashable, Sendable {
        /// The job's name.
        public var name: String
        /// By leaves, rising, the first with one.
        public var points: [(leaves: Int, relativeSpeed: Double)] {
            get { zip(leaves, speeds).map { ($0, $1) } }
        }
        private let leaves: [Int]
        private let speeds: [Double]

        public init(name: String, points: [(leaves: Int, relativeSpeed: Double)]) {
            self.name = name
            leaves = points.map(\.leaves)
            speeds = points.map(\.relativeSpeed)
        }

        /// Between two points on a line, beyond the last one as there; 1 without any.
        func relativeSpeed(_ count: Int) -> Double {
            guard let above = leaves.firstIndex(where: { $0 >= count }) else { return speeds.last ?? 1 }
            guard above > 0, leaves[above] != count else { return speeds[above] }
            let part = Double(count - leaves[above - 1]) / Double(leaves[above] - leaves[above - 1])
            return speeds[above - 1] + part * (speeds[above] - speeds[above - 1])
        }
    }

    private struct Key: Hashable {
        var user: String
        var name: String
    }

    private let curves: [Curve]
    private let curveOf: [String: Int]
    private var runs: [Key: RunLesson] = [:]
    /// The keys, the last that something was learned of at the end.
    private var newest: [Key] = []
    /// Of so many users' jobs run times are known; the longest unused are forgotten.
    public static let mostLessons = 4096

    /// - Parameter curves: what is known of spanning, such as from spanning.json.
    public init(lessons: [RunLesson] = [], curves: [Curve] = []) {
        self.curves = curves
        curveOf = Dictionary(curves.enumerated().map { ($1.name, $0 + 1) }) { first, _ in first }
        for lesson in lessons.suffix(Self.mostLessons) {
            let key = Key(user: lesson.user, name: lesson.name)
            let seconds = lesson.seconds.filter { $0.isFinite && $0 > 0 }.suffix(8)
            guard !seconds.isEmpty, runs[key] == nil else { continue }
            runs[key] = RunLesson(user: lesson.user, name: lesson.name, seconds: Array(seconds))
            newest.append(key)
        }
    }

    public var lessons: [RunLesson] { newest.compactMap { runs[$0] } }

    private static func key(_ job: ServiceJob) -> Key {
        Key(user: job.user, name: job.submission.name ?? job.submission.command.first ?? "")
    }

    /// What was learned of a job's like; nil where nothing was.
    public func lesson(for job: ServiceJob) -> RunLesson? { runs[Self.key(job)] }

    public mutating func expectation(of job: ServiceJob) -> JobExpectation {
        let limit = job.submission.timeLimitSeconds ?? .infinity
        let pace = job.submission.name.flatMap { curveOf[$0] } ?? 0
        let seconds = lesson(for: job)?.mean ?? limit
        return JobExpectation(seconds: seconds, pace: pace, limit: limit)
    }

    public func seconds(_ expectation: JobExpectation, asked: Int, on shape: GangShape) -> Double {
        min(expectation.limit, expectation.seconds / pace(expectation.pace, asked: asked, on: shape))
    }

    /// The speed there, relative to that on as many thin leaves as were asked for. Without a curve in proportion to the
    /// leaves, and nothing is gained by one larger instance.
    private func pace(_ number: Int, asked: Int, on shape: GangShape) -> Double {
        let work = Double(max(1, asked))
        let curve = number > 0 ? curves[number - 1] : nil
        let whole = curve.map { $0.relativeSpeed(asked) } ?? 1
        if shape.isWhole, shape.slowest.computeSlices * shape.leaves >= asked { return 1 / whole }
        let leaves = Double(min(asked, shape.leaves * max(1, shape.slowest.computeSlices)))
        let spanning = curve.map { $0.relativeSpeed(shape.leaves) } ?? 1
        return max(1e-6, leaves * spanning / (work * whole))
    }

    public mutating func learn(_ job: ServiceJob, seconds: Double, on shape: GangShape) -> Bool {
        guard seconds > 0, seconds.isFinite else { return false }
        let key = Self.key(job)
        let number = job.submission.name.flatMap { curveOf[$0] } ?? 0
        let asked = seconds * pace(number, asked: job.submission.leaves, on: shape)
        var lesson = runs[key] ?? RunLesson(user: key.user, name: key.name, seconds: [])
        lesson.seconds = Array((lesson.seconds + [asked]).suffix(8))
        if newest.last != key {
            if runs[key] != nil { newest.removeAll { $0 == key } }
            newest.append(key)
        }
        runs[key] = lesson
        if newest.count > Self.mostLessons { runs[newest.removeFirst()] = nil }
        return true
    }
}
