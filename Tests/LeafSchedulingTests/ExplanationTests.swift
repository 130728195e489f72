import LeafScheduling
import TestSupport
import Testing

/// Why a job waits: one row per reason, and rows with several at once.
struct ExplanationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        /// All come at 0. The last one is asked about, unless `asked` says otherwise.
        let jobs: [ScenarioJob]
        var nodes = [[4]]
        /// The pool, where nodes of equal leaves are not enough.
        var pool: LeafPool?
        var withheld: [LeafUnit] = []
        var blocked: [Int] = []
        var discipline = QueueDiscipline.fifo
        var rule = ChoiceRule.firstThatFits
        var shares: TenantShares?
        var limit = Int.max
        let obstacles: [Obstacle]
        let start: ExpectedStart
        /// What would help.
        let changes: [Change]
        var testDescription: String { word }
    }

    static func one(_ leaves: Int, _ seconds: Double = 10, nodes: Int = 1, tenant: Int = 0) -> ScenarioJob {
        ScenarioJob(
            seconds, options: [GangOption(0, count: leaves, maximumNodes: nodes)], slices: leaves, tenant: tenant)
    }

    static func endless(_ leaves: Int) -> ScenarioJob { ScenarioJob(10, leaves: leaves, believed: .infinity) }

    static let leaves: [Case] = [
        Case(
            word: "nothing suits", jobs: [ScenarioJob(10, options: [])], obstacles: [.nothingSuits], start: .never,
            changes: [.askForOtherLeaves]),
        Case(
            word: "more than there are", jobs: [one(5)], obstacles: [.neverEnough(option: 0, wanted: 5, total: 4)],
            start: .never, changes: [.askForFewer(option: 0, most: 4)]),
        Case(
            word: "no leaf of the type at all", jobs: [ScenarioJob(10, options: [GangOption(4, count: 1)])],
            pool: Pools.layout([4, 2, 1], gpus: 1), obstacles: [.neverEnough(option: 0, wanted: 1, total: 0)],
            start: .never, changes: [.askForOtherLeaves]),
        Case(
            word: "more than a node has", jobs: [one(5)], nodes: [[4], [4]],
            obstacles: [.neverOnNodes(option: 0, wanted: 5, most: 4, nodes: 1)], start: .never,
            changes: [.askForFewer(option: 0, most: 4), .allowNodes(option: 0, nodes: 2)]),
        Case(
            word: "not enough free", jobs: [one(3), one(2)],
            obstacles: [.notNow(option: 0, wanted: 2, free: 1, total: 4)], start: .at(10),
            changes: [.leavesEnd(option: 0, more: 1), .askForFewer(option: 0, most: 1)]),
        Case(
            word: "enough free, but not on one node", jobs: [one(3, 7), one(3, 9), one(2)], nodes: [[4], [4]],
            obstacles: [.notTogether(option: 0, wanted: 2, most: 1, nodes: 1, needed: 2)], start: .at(7),
            changes: [
                .leavesEndTogether(option: 0, more: 1), .allowNodes(option: 0, nodes: 2),
                .askForFewer(option: 0, most: 1),
            ]),
        Case(
            word: "a leaf in quarantine, and not enough others", jobs: [one(2), one(2)],
            withheld: [LeafUnit(gpu: 0, unit: 3)],
            obstacles: [
                .notNow(option: 0, wanted: 2, free: 1, total: 4), .withheld(option: 0, leaves: 1),
            ], start: .at(10),
            changes: [
                .leavesEnd(option: 0, more: 1), .askForFewer(option: 0, most: 1), .restore(option: 0, leaves: 1),
            ]),
        Case(
            word: "a GPU that is somebody else's", jobs: [one(3)], nodes: [[2, 2]], blocked: [1],
            obstacles: [
                .notNow(option: 0, wanted: 3, free: 2, total: 4), .withheld(option: 0, leaves: 2),
            ], start: .unknown([.withheld]),
            changes: [
                .leavesEnd(option: 0, more: 1), .askForFewer(option: 0, most: 2), .restore(option: 0, leaves: 2),
            ]),
        Case(
            word: "of two ways neither", jobs: [
                one(3), ScenarioJob(10, options: [GangOption(0, count: 9), GangOption(0, count: 2)]),
            ],
            obstacles: [
                .neverEnough(option: 0, wanted: 9, total: 4), .notNow(option: 1, wanted: 2, free: 1, total: 4),
            ], start: .at(10),
            changes: [
                .askForFewer(option: 0, most: 4), .leavesEnd(option: 1, more: 1), .askForFewer(option: 1, most: 1),
            ]),
        Case(
            word: "running jobs have no time limit", jobs: [endless(3), one(2)],
            obstacles: [.notNow(option: 0, wanted: 2, free: 1, total: 4)],
            start: .unknown([.runningWithoutEnd(leaves: 3)]),
            changes: [.leavesEnd(option: 0, more: 1), .askForFewer(option: 0, most: 1)]),
    ]

    static let quotas = TenantShares([.init(quota: 3), .init()], isFair: false)

    static let queue: [Case] = [
        Case(
            word: "FIFO: behind one that waits", jobs: [one(1), one(4), one(1)],
            obstacles: [.behind(job: 1, ahead: 1)], start: .at(20), changes: [.othersStart(jobs: 1)]),
        Case(
            word: "FIFO: behind one that has no time limit", jobs: [one(1), endless(4), one(1)],
            obstacles: [.behind(job: 1, ahead: 1)], start: .unknown([.waitingWithoutEnd(job: 1)]),
            changes: [.othersStart(jobs: 1)]),
        Case(
            word: "FIFO: behind one that can never start", jobs: [one(9), one(1)],
            obstacles: [.behind(job: 0, ahead: 1)], start: .unknown([.neverInFront(job: 0)]),
            changes: [.othersStart(jobs: 1)]),
        Case(
            word: "EASY: it would put off the first", jobs: [one(1), one(4), one(1, 11)], discipline: .backfill(),
            obstacles: [.wouldDelay(job: 1, promised: 10)], start: .at(20), changes: [.runShorter(seconds: 10)]),
        Case(
            word: "conservative: it would put off the second",
            jobs: [one(3), one(2), one(4), one(1, 30)], discipline: .backfill(reservations: 2),
            obstacles: [.wouldDelay(job: 2, promised: 20)], start: .at(30), changes: [.runShorter(seconds: 20)]),
        Case(
            word: "beyond the look-ahead", jobs: [one(1), one(4), one(4), one(1)], discipline: .backfill(lookAhead: 1),
            obstacles: [.beyondLookAhead(job: 1, places: 2, lookAhead: 1)], start: .at(30),
            changes: [.othersStart(jobs: 1)]),
        Case(
            word: "passed often enough", jobs: [one(1), one(4), one(1), one(1)], discipline: .backfill(), limit: 1,
            obstacles: [.overtakenEnough(job: 1, times: 1)], start: .at(20), changes: [.othersStart(jobs: 1)]),
        Case(
            word: "the quota is used up", jobs: [one(2), one(2)], shares: quotas,
            obstacles: [.quota(wanted: 2, held: 2, quota: 3)], start: .unknown([.quota]),
            changes: [.tenantEnds(slices: 1), .raiseQuota(to: 4)]),
        Case(
            word: "more than the quota", jobs: [one(4)], shares: quotas,
            obstacles: [.neverByQuota(wanted: 4, quota: 3)], start: .never,
            changes: [.askForFewerSlices(most: 3), .raiseQuota(to: 4)]),
    ]

    static let several: [Case] = [
        Case(
            word: "too few leaves, the quota and the line at once",
            jobs: [one(2), one(2, tenant: 1), one(4, tenant: 1), one(2)], shares: quotas,
            obstacles: [
                .notNow(option: 0, wanted: 2, free: 0, total: 4), .quota(wanted: 2, held: 2, quota: 3),
                .behind(job: 2, ahead: 1),
            ], start: .unknown([.quota]),
            changes: [
                .leavesEnd(option: 0, more: 2), .tenantEnds(slices: 1), .raiseQuota(to: 4), .othersStart(jobs: 1),
            ]),
        Case(
            word: "beyond the look-ahead, and passed often enough, and no leaf free",
            jobs: [one(1), one(4), one(3), one(4), one(1)], discipline: .backfill(lookAhead: 2), limit: 1,
            obstacles: [
                .notNow(option: 0, wanted: 1, free: 0, total: 4), .overtakenEnough(job: 1, times: 1),
                .beyondLookAhead(job: 1, places: 3, lookAhead: 2),
            ], start: .at(30), changes: [.leavesEnd(option: 0, more: 1), .othersStart(jobs: 1)]),
        Case(
            word: "split over nodes, and a leaf in quarantine",
            jobs: [one(3), one(3), one(2)], nodes: [[4], [5]], withheld: [LeafUnit(gpu: 1, unit: 4)],
            obstacles: [
                .notTogether(option: 0, wanted: 2, most: 1, nodes: 1, needed: 2), .withheld(option: 0, leaves: 1),
            ], start: .at(10),
            changes: [
                .leavesEndTogether(option: 0, more: 1), .allowNodes(option: 0, nodes: 2),
                .askForFewer(option: 0, most: 1), .restore(option: 0, leaves: 1),
            ]),
        Case(
            word: "never here, and behind others", jobs: [one(4), one(4), one(5)],
            obstacles: [.neverEnough(option: 0, wanted: 5, total: 4), .behind(job: 1, ahead: 1)], start: .never,
            changes: [.askForFewer(option: 0, most: 4), .othersStart(jobs: 1)]),
    ]

    static let choice: [Case] = [
        Case(
            word: "waiting finishes earlier",
            jobs: [
                ScenarioJob(1, options: [GangOption(3, count: 1)]),
                ScenarioJob(20, 25, options: [GangOption(3, count: 1), GangOption(0, count: 1)]),
            ], pool: Pools.cut(1), rule: .earliestFinish,
            obstacles: [.finishesEarlierLater(start: 1)], start: .at(1), changes: [.wait(until: 1)]),
        Case(
            word: "without a time limit not over three leaves",
            jobs: [
                ScenarioJob(10, believed: [.infinity], options: [GangOption(3, count: 1)]),
                ScenarioJob(
                    20, 25, believed: [.infinity], options: [GangOption(3, count: 1), GangOption(0, count: 3)]),
            ], pool: Pools.cut(1), rule: .earliestFinish,
            obstacles: [.spansUnknown(most: 2)], start: .unknown([.runningWithoutEnd(leaves: 1)]),
            changes: [.expectRunTime]),
    ]

    @Test(arguments: leaves + queue + several + choice)
    func explanation(test: Case) throws {
        var pool = test.pool ?? Pools.nodes(test.nodes)
        for unit in test.withheld {
            let isDone = pool.setWithheld(true, unit: unit)
            #expect(isDone)
        }
        for gpu in test.blocked { pool.setBlocked(true, gpu: gpu) }
        var found: Explanation?
        SmallCluster.watch(
            test.jobs, pool: pool, rule: test.rule, discipline: test.discipline, shares: test.shares,
            overtakingLimit: test.limit
        ) { scheduler, cluster in
            guard cluster.now == 0 else { return }
            found = scheduler.explain(Int32(test.jobs.count - 1), now: 0, client: cluster)
        }
        let explanation = try #require(found)
        #expect(explanation.obstacles == test.obstacles)
        #expect(explanation.expectedStart == test.start)
        #expect(explanation.changes == test.changes)
        let lines = explanation.lines(Self.names)
        #expect(lines.count >= 3 && lines.allSatisfy { !$0.isEmpty })
    }

    static let names = ExplanationNames(
        job: { "job \($0)" }, leaves: { _ in "thin leaves" }, moment: { "\(Int($0)) s" }, duration: { "\(Int($0)) s" })

    @Test func words() throws {
        let jobs = [Self.one(2), Self.one(2, tenant: 1), Self.one(4, tenant: 1), Self.one(2)]
        var text = ""
        SmallCluster.watch(jobs, pool: Pools.leaves(4), shares: Self.quotas) { scheduler, cluster in
            guard cluster.now == 0 else { return }
            #expect(scheduler.explain(0, now: 0, client: cluster) == nil, "it runs")
            text = scheduler.explain(3, now: 0, client: cluster)?.lines(Self.names).joined(separator: "\n") ?? ""
        }
        #expect(
            text == """
                It does not start now because
                  - it wants 2 thin leaves, and 0 of 4 are free
                  - its tenant holds 2 of 3 compute slices, and it needs 2
                  - 1 job is in front of it and nobody may pass job 2
                In front: 1 job; it is the turn of job 2.
                What would take one of these reasons away:
                  - 2 more thin leaves become free
                  - its tenant's jobs give back 1 compute slice
                  - raise its tenant's quota to 4 compute slices
                  - 1 job in front of it starts or is cancelled
                Expected start: unknown: its tenant's quota is used up until one of its jobs ends.
                """)
    }

    /// Every waiting job has a reason after every pass, whatever the discipline, and asking changes nothing.
    @Test(arguments: [
        QueueDiscipline.fifo, .backfill(), .backfill(lookAhead: 3), .backfill(reservations: 3, lookAhead: 5),
        .backfill(reservations: 4),
    ])
    func nobodyWaitsWithoutAReason(discipline: QueueDiscipline) {
        var random = SplitMix(seed: 71)
        var asked = 0
        for round in 0..<120 {
            let jobs = QueuePropertyTests.randomJobs(&random, priorities: 1).map { job in
                var job = job
                job.tenant = Int.random(in: 0...1, using: &random)
                return job
            }
            let isFair = round.isMultiple(of: 3)
            let shares = round.isMultiple(of: 2) ? nil : TenantShares([.init(quota: 8), .init()], isFair: isFair)
            let limit = [Int.max, 2, 0][round % 3]
            SmallCluster.watch(
                jobs, pool: Pools.nodes([[7, 3], [4]]), discipline: discipline, shares: shares, overtakingLimit: limit
            ) { scheduler, cluster in
                for job in scheduler.queue {
                    asked += 1
                    let explanation = scheduler.explain(job.id, now: cluster.now, client: cluster)
                    #expect(explanation?.obstacles.isEmpty == false, "seed \(random.seed), round \(round), job \(job.id)")
                    #expect(explanation == scheduler.explain(job.id, now: cluster.now, client: cluster))
                    #expect(explanation?.expectedStart != .now)
                }
            }
        }
        #expect(asked > 1000, "the test is about waiting")
    }

    /// On one GPU under FIFO, with true durations and no later arrivals, the expected start is the start.
    @Test func expectedStartsComeTrue() {
        var random = SplitMix(seed: 72)
        var compared = 0
        for _ in 0..<100 {
            let jobs = QueuePropertyTests.randomJobs(&random).map { job in
                var job = job
                job.arrival = 0
                return job
            }
            var expected: [Int32: ExpectedStart] = [:]
            let run = SmallCluster.watch(jobs, pool: Pools.leaves(7)) { scheduler, cluster in
                guard cluster.now == 0 else { return }
                for job in scheduler.queue {
                    expected[job.id] = scheduler.explain(job.id, now: 0, client: cluster)?.expectedStart
                }
            }
            for start in run.started {
                guard let its = expected[Int32(start.job)] else { continue }
                compared += 1
                #expect(its == .at(start.time), "seed \(random.seed), job \(start.job)")
            }
        }
        #expect(compared > 500)
    }
}
