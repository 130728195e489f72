/// A simulator that shares nothing with the engine: integers for time, no index, no heap; it looks at everything at every
/// event. For clusters whose instances never change and whose jobs take instances by size alone.
struct ReferenceSimulator {
    struct Work {
        var arrival: Int
        var slices: Int
        /// Ticks that it runs on so many instances of a size.
        var ticks: (_ size: Int, _ count: Int) -> Int
    }

    enum Queue { case fifo, easy }

    /// Instances of each size.
    let instances: [Int: Int]
    /// What a job of so many slices may get, best first: so many instances of a size.
    let wishes: (Int) -> [(size: Int, count: Int)]
    let queue: Queue

    private struct Running {
        var job: Int
        var size: Int
        var count: Int
        var end: Int
    }

    /// The start and end of each job in ticks; nil for those that can never run.
    func run(_ jobs: [Work]) -> [(start: Int, end: Int)?] {
        var result: [(start: Int, end: Int)?] = jobs.map { _ in nil }
        var waiting: [Int] = []
        var running: [Running] = []
        var arrived = 0
        while arrived < jobs.count || !running.isEmpty || !waiting.isEmpty {
            var times = running.map(\.end)
            if arrived < jobs.count { times.append(jobs[arrived].arrival) }
            guard let now = times.min() else { break }
            running.removeAll { $0.end <= now }
            while arrived < jobs.count, jobs[arrived].arrival <= now {
                let canEver = wishes(jobs[arrived].slices).contains { instances[$0.size, default: 0] >= $0.count }
                if canEver { waiting.append(arrived) }
                arrived += 1
            }
            while let first = waiting.first, let wish = fitting(jobs[first], running, at: now) {
                start(first, wish, jobs, now, &running, &result)
                waiting.removeFirst()
            }
            guard queue == .easy, let first = waiting.first else { continue }
            // No later job may put off the time at which the first one can start by all that runs now.
            let promise = earliest(jobs[first], running, from: now)
            for candidate in waiting.dropFirst() {
                guard let wish = fitting(jobs[candidate], running, at: now) else { continue }
                var trial = running
                var ignored = result
                start(candidate, wish, jobs, now, &trial, &ignored)
                guard earliest(jobs[first], trial, from: now) <= promise else { continue }
                running = trial
                result = ignored
                waiting.removeAll { $0 == candidate }
            }
        }
        return result
    }

    private func free(_ size: Int, _ running: [Running], at time: Int) -> Int {
        instances[size, default: 0] - running.filter { $0.size == size && $0.end > time }.reduce(0) { $0 + $1.count }
    }

    private func fitting(_ job: Work, _ running: [Running], at time: Int) -> (size: Int, count: Int)? {
        wishes(job.slices).first { free($0.size, running, at: time) >= $0.count }
    }

    private func earliest(_ job: Work, _ running: [Running], from now: Int) -> Int {
        ([now] + running.map(\.end).sorted()).first { fitting(job, running, at: $0) != nil } ?? Int.max
    }

    private func start(
        _ number: Int, _ wish: (size: Int, count: Int), _ jobs: [Work], _ now: Int, _ running: inout [Running],
        _ result: inout [(start: Int, end: Int)?]
    ) {
        let end = now + jobs[number].ticks(wish.size, wish.count)
        running.append(Running(job: number, size: wish.size, count: wish.count, end: end))
        result[number] = (now, end)
    }
}
