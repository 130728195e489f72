import LeafScheduling
import TestSupport
import Testing

/// What holds for every queue, over random jobs.
struct QueuePropertyTests {
    static func randomJobs(_ random: inout SplitMix, priorities: Int = 0) -> [ScenarioJob] {
        var time = 0.0
        return (0..<Int.random(in: 5...40, using: &random)).map { _ in
            time += Double(Int.random(in: 0...4, using: &random))
            return ScenarioJob(
                at: time, Double(Int.random(in: 1...20, using: &random)), leaves: Int.random(in: 1...7, using: &random),
                priority: Int.random(in: 0...priorities, using: &random))
        }
    }

    /// Runs jobs and sees that no leaf is given out twice, and none is left over.
    static func run(
        _ jobs: [ScenarioJob], discipline: QueueDiscipline, order: QueueOrder = QueueOrder(), limit: Int = .max
    ) -> SmallCluster {
        let held = Held()
        let run = SmallCluster.run(
            jobs, pool: Pools.leaves(7, 3), discipline: discipline, order: order, overtakingLimit: limit,
            onStart: { units in
                #expect(held.units.isDisjoint(with: units), "no leaf twice")
                held.units.formUnion(units)
            },
            onEnd: { units in
                #expect(held.units.isSuperset(of: units))
                held.units.subtract(units)
            })
        #expect(held.units.isEmpty)
        #expect(run.started.count == jobs.count, "work in is work out")
        for start in run.started {
            #expect(start.time >= jobs[start.job].arrival)
            #expect(start.units.count == jobs[start.job].options[0].count)
        }
        return run
    }

    final class Held { var units: Set<LeafUnit> = [] }

    /// How many jobs that came later started earlier.
    static func passed(_ job: Int, _ jobs: [ScenarioJob], _ run: SmallCluster) -> Int {
        let starts = times(run)
        return jobs.indices.count { other in
            (jobs[other].arrival, other) > (jobs[job].arrival, job) && starts[other] < starts[job]
        }
    }

    static func times(_ run: SmallCluster) -> [Double] {
        run.started.sorted { $0.job < $1.job }.map(\.time)
    }

    @Test func fifoNeverLetsAnybodyPass() {
        var random = SplitMix(seed: 11)
        for _ in 0..<200 {
            let jobs = Self.randomJobs(&random)
            let times = Self.times(Self.run(jobs, discipline: .fifo))
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
        }
    }

    /// With true durations the first in line never starts later than it would if backfill stopped the moment it became first.
    @Test(arguments: [1, 2, 4])
    func backfillKeepsItsPromise(reservations: Int) {
        var random = SplitMix(seed: 12)
        var earlier = 0
        for _ in 0..<150 {
            let jobs = Self.randomJobs(&random)
            let fifo = Self.times(Self.run(jobs, discipline: .fifo))
            let run = Self.run(jobs, discipline: .backfill(reservations: reservations))
            let times = Self.times(run)
            // The first that ever waits is promised its FIFO start and keeps it.
            if let first = jobs.indices.first(where: { fifo[$0] > jobs[$0].arrival }) {
                #expect(times[first] <= fifo[first], "seed \(random.seed)")
            }
            earlier += zip(times, fifo).count { $0 < $1 }
        }
        #expect(earlier > 100, "the test is about backfill")
    }

    /// A job is passed by at most (limit) jobs for each that was in front of it, itself included, and by those whose
    /// priority makes up for their later arrival.
    @Test(arguments: [0, 1, 3], [0.0, 10.0])
    func overtakingIsBounded(limit: Int, aging: Double) {
        var random = SplitMix(seed: 13)
        var most = 0
        for _ in 0..<150 {
            let jobs = Self.randomJobs(&random, priorities: 3)
            let order = QueueOrder(secondsPerPriority: aging)
            let run = Self.run(jobs, discipline: .backfill(), order: order, limit: limit)
            let starts = Self.times(run)
            for job in jobs.indices {
                let its = order.key(arrival: jobs[job].arrival, priority: jobs[job].priority)
                let byRight = jobs.indices.count { other in
                    let key = order.key(arrival: jobs[other].arrival, priority: jobs[other].priority)
                    return (jobs[other].arrival, other) > (jobs[job].arrival, job) && (key, other) < (its, job)
                }
                // All who were ever in front of it: they, and it, can each have been first in line.
                let front = jobs.indices.count { other in
                    let key = order.key(arrival: jobs[other].arrival, priority: jobs[other].priority)
                    return (key, other) < (its, job) && starts[other] >= jobs[job].arrival
                }
                let passed = Self.passed(job, jobs, run)
                #expect(passed <= byRight + limit * (front + 1), "seed \(random.seed), job \(job)")
                most = max(most, passed - byRight)
                // Aging: nobody passes by right who comes later than the priorities' worth.
                for other in jobs.indices where starts[other] < starts[job] && limit == 0 {
                    let worth = Double(jobs[other].priority - jobs[job].priority) * aging
                    #expect(jobs[other].arrival <= jobs[job].arrival + max(0, worth))
                }
            }
        }
        #expect(limit == 0 || most > 0, "the test is about overtaking")
    }
}
