/// What a rank concludes from what it sees at the meeting point while rank 0 has not let it in. Only decides.
///
/// A segment that lay there before may be a leftover of an earlier job of the same name; this job's rank 0 will
/// replace it. One that came while the rank watched was made by this job's rank 0, so when nobody holds its life lock,
/// that rank 0 has died.
package struct RendezvousWatch {
    /// From a segment's creation to its life lock and magic; generous, since it has to be reserved in between.
    package static let makingTime = Duration.milliseconds(500)

    package enum Sighting: Hashable {
        /// No segment, or one without a size yet.
        case nothing
        case segment(file: UInt64, isPublished: Bool, isAlive: Bool)
    }

    private var before: Sighting?
    private var newcomer: (file: UInt64, since: ContinuousClock.Instant)?

    package init() {}

    /// Takes the next sighting into account, and tells whether it means that this job's rank 0 is dead.
    package mutating func showsDeath(_ sighting: Sighting, at now: ContinuousClock.Instant) -> Bool {
        let first = before ?? sighting
        before = first
        guard case .segment(let file, let isPublished, isAlive: false) = sighting else {
            newcomer = nil
            return false
        }
        if case .segment(file, _, _) = first { return false }
        if isPublished { return true }
        if newcomer?.file != file { newcomer = (file, now) }
        return newcomer.map { now - $0.since >= Self.makingTime } ?? false
    }
}

extension RendezvousWatch.Sighting: CustomStringConvertible {
    package var description: String {
        switch self {
        case .nothing: "there is no such segment in /dev/shm"
        case .segment(_, _, isAlive: false): "the segment there was left by a job that was killed"
        case .segment: "the segment there is unfinished"
        }
    }
}
