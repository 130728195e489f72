/// Waiting jobs in order. Taking one of the first n out costs O(n) moves of 32 bytes, adding one at the end O(1).
struct JobLine: Sendable {
    private var jobs: [QueuedJob] = []
    private var first = 0

    var count: Int { jobs.count &- first }
    var isEmpty: Bool { count == 0 }

    subscript(place: Int) -> QueuedJob { jobs[first &+ place] }

    /// - Returns: its place.
    mutating func insert(_ job: QueuedJob) -> Int {
        if let last = jobs.last, first < jobs.count, Self.precedes(job, last) {
            var (low, high) = (first, jobs.count)
            while low < high {
                let middle = (low + high) / 2
                if Self.precedes(jobs[middle], job) { low = middle + 1 } else { high = middle }
            }
            jobs.insert(job, at: low)
            return low - first
        }
        jobs.append(job)
        return jobs.count - 1 - first
    }

    mutating func remove(at place: Int) {
        var at = first &+ place
        while at > first {
            jobs[at] = jobs[at &- 1]
            at &-= 1
        }
        first &+= 1
        if first == jobs.count {
            jobs.removeAll(keepingCapacity: true)
            first = 0
        } else if first > 4096, first > jobs.count / 2 {
            jobs.removeFirst(first)
            first = 0
        }
    }

    /// The place of a job that came lately: looked for from the end.
    func place(ofLast id: Int32) -> Int? {
        jobs[first...].lastIndex { $0.id == id }.map { $0 - first }
    }

    func place(of id: Int32) -> Int? {
        jobs[first...].firstIndex { $0.id == id }.map { $0 - first }
    }

    private static func precedes(_ one: QueuedJob, _ other: QueuedJob) -> Bool {
        (one.key, one.id) < (other.key, other.id)
    }
}
