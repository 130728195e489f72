import LeafScheduling
import MIGModel
import NodeAPI
import NodeService
import Platform
import Testing

/// What a turn costs with 10,000 jobs in line, counted and not timed.
struct QueueCostTests {
    static func full(_ mode: QueueConfiguration.Mode, jobs: Int) -> Harness {
        var test = Harness([.a100With40GB, .a100With40GB, .a100With40GB, .a100With40GB], mode: mode)
        var events: [QueueEvent] = []
        for number in 0..<jobs {
            events.append(
                .submitted(
                    Harness.job("j\(number)", sequence: number, at: Double(number) / 100, leaves: 1 + number % 7) {
                        $0.timeLimitSeconds = Double(100 + number * 37 % 1000)
                        $0.environment = ["LARGE": String(repeating: "x", count: 4000)]
                    }))
        }
        test.now = Double(jobs) / 100
        test.turn(events)
        return test
    }

    @Test(arguments: QueueConfiguration.Mode.allCases)
    func aTurnLooksAtFewJobs(_ mode: QueueConfiguration.Mode) {
        var test = Self.full(mode, jobs: 10_000)
        #expect(test.queue.waiting + test.queue.running == 10_000)
        var most = (visited: 0, decisions: 0)
        let clock = ContinuousClock()
        var (passes, total, longest) = (0, Duration.zero, Duration.zero)
        for _ in 0..<200 {
            let ids = test.starts
            if !ids.isEmpty {
                test.turn(test.starts.compactMap { test.order($0) }.map { test.node.start($0, supervisor: 1) })
            }
            guard let next = test.queue.assigned.first?.job else { break }
            test.now += 1
            let before = (test.queue.visited, test.queue.decisions)
            let begin = clock.now
            test.end(next)
            let took = begin.duration(to: clock.now)
            (passes, total, longest) = (passes + 1, total + took, max(longest, took))
            most.visited = max(most.visited, test.queue.visited - before.0)
            most.decisions = max(most.decisions, test.queue.decisions - before.1)
        }
        print("\(mode.rawValue), 10,000 queued: \(passes) ends, mean \(total / max(1, passes)), longest \(longest)")
        // An end tells its own job and those it lets start.
        #expect(most.visited <= 40)
        #expect(most.decisions <= 1100, "the look-ahead, and those that start")
        #expect(test.node.objections.isEmpty)
    }
}
