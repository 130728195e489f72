/// What the queue has to look at by itself later: a binary heap by time, then by kind, then by number.
struct TimerHeap: Sendable {
    enum Kind: UInt8, Sendable {
        /// A running job has reached its expected end.
        case late
        /// A job that failed may be in line again.
        case job
        /// A GPU, or leaves, that failed may be used again; the number says which entry.
        case pause
    }

    struct Timer: Sendable {
        var time: Double
        var kind: Kind
        var number: Int32
        /// What it was set for, so that an old timer is known as such.
        var use: Int32
    }

    private var timers: [Timer] = []

    var next: Double? { timers.first?.time }
    var count: Int { timers.count }

    private static func precedes(_ one: Timer, _ other: Timer) -> Bool {
        (one.time, one.kind.rawValue, one.number) < (other.time, other.kind.rawValue, other.number)
    }

    /// O(log n).
    mutating func push(_ timer: Timer) {
        var at = timers.count
        timers.append(timer)
        while at > 0 {
            let parent = (at - 1) / 2
            guard Self.precedes(timers[at], timers[parent]) else { break }
            timers.swapAt(at, parent)
            at = parent
        }
    }

    /// The first that is due. O(log n).
    mutating func pop(upTo now: Double) -> Timer? {
        guard let first = timers.first, first.time <= now else { return nil }
        let last = timers.removeLast()
        guard !timers.isEmpty else { return first }
        timers[0] = last
        var at = 0
        while true {
            var child = 2 * at + 1
            guard child < timers.count else { break }
            if child + 1 < timers.count, Self.precedes(timers[child + 1], timers[child]) { child += 1 }
            guard Self.precedes(timers[child], timers[at]) else { break }
            timers.swapAt(at, child)
            at = child
        }
        return first
    }

    /// Drops timers that mean nothing any more. O(n).
    mutating func keep(where isWanted: (Timer) -> Bool) {
        let kept = timers.filter(isWanted)
        timers = []
        for timer in kept { push(timer) }
    }
}
