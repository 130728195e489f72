/// What happens next: a binary heap by time, then by kind, then by number, so that equal times have one order.
struct EventHeap {
    enum Kind: UInt8 { case end, late, relaid }

    struct Event {
        var time: Double
        var kind: Kind
        /// The running job's slot, or the GPU.
        var number: Int32
        /// The slot's use for which it was meant, so that an old event is known as such.
        var use: Int32 = 0
    }

    private var events: [Event] = []

    var next: Event? { events.first }

    mutating func push(_ event: Event) {
        var at = events.count
        events.append(event)
        while at > 0 {
            let parent = (at &- 1) / 2
            guard Self.precedes(event, events[parent]) else { break }
            events[at] = events[parent]
            at = parent
        }
        events[at] = event
    }

    mutating func pop() -> Event? {
        guard let first = events.first else { return nil }
        let last = events.removeLast()
        let count = events.count
        guard count > 0 else { return first }
        var at = 0
        while true {
            var child = 2 &* at &+ 1
            guard child < count else { break }
            if child &+ 1 < count, Self.precedes(events[child &+ 1], events[child]) { child &+= 1 }
            guard Self.precedes(events[child], last) else { break }
            events[at] = events[child]
            at = child
        }
        events[at] = last
        return first
    }

    @inline(__always)
    private static func precedes(_ one: Event, _ other: Event) -> Bool {
        if one.time != other.time { return one.time < other.time }
        if one.kind != other.kind { return one.kind.rawValue < other.kind.rawValue }
        return one.number < other.number
    }
}
