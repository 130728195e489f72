import LeafScheduling
import Testing

/// One row per case: what a feature changes, and what stays.
struct QueueScenarioTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let jobs: [ScenarioJob]
        var leaves = [4]
        /// More nodes than the one with `leaves`.
        var more: [[Int]] = []
        var discipline = QueueDiscipline.fifo
        var order = QueueOrder()
        var shares: TenantShares?
        var limit = Int.max
        /// When each job starts.
        let starts: String
        var testDescription: String { word }
    }

    static func tenants(_ entitlements: (weight: Double, quota: Int?)..., isFair: Bool = false) -> TenantShares {
        TenantShares(entitlements.map { .init(weight: $0.weight, quota: $0.quota) }, isFair: isFair)
    }

    /// One leaf for 10 s, all four for 10 s, then a short and a long one-leaf job.
    static let blocked = [
        ScenarioJob(10, leaves: 1), ScenarioJob(10, leaves: 4), ScenarioJob(10, leaves: 1),
        ScenarioJob(11, leaves: 1),
    ]
    /// Ends at 10 and at 30; the first in line needs both.
    static let late = [
        ScenarioJob(10, leaves: 2), ScenarioJob(30, leaves: 2), ScenarioJob(10, leaves: 3),
        ScenarioJob(10, leaves: 4), ScenarioJob(20, leaves: 1), ScenarioJob(21, leaves: 1),
    ]

    static let order: [Case] = [
        Case(word: "FIFO: nobody passes", jobs: blocked, starts: "0 10 20 20"),
        Case(
            word: "FIFO: the gang starts all or none", jobs: [ScenarioJob(5, leaves: 3), ScenarioJob(5, leaves: 2)],
            starts: "0 5"),
        Case(
            word: "a higher priority goes first",
            jobs: [
                ScenarioJob(10, leaves: 4), ScenarioJob(at: 1, 10, leaves: 4),
                ScenarioJob(at: 2, 10, leaves: 4, priority: 1),
            ], starts: "0 20 10"),
        Case(
            word: "aging: a higher priority that comes too late goes behind",
            jobs: [
                ScenarioJob(10, leaves: 4), ScenarioJob(at: 1, 10, leaves: 4),
                ScenarioJob(at: 5, 10, leaves: 4, priority: 1),
            ], order: QueueOrder(secondsPerPriority: 3), starts: "0 10 20"),
    ]

    static let backfill: [Case] = [
        Case(
            word: "EASY: the short one passes, the long one would delay the first", jobs: blocked,
            discipline: .backfill(), starts: "0 10 0 20"),
        Case(
            word: "EASY: a long one passes where the first in line doesn't need its leaf", jobs: late,
            discipline: .backfill(), starts: "0 0 30 40 10 10"),
        Case(
            word: "a look-ahead of one sees only the next", jobs: late, discipline: .backfill(lookAhead: 1),
            starts: "0 0 30 40 50 50"),
        Case(
            word: "an overtaking limit of 1 lets one pass", jobs: late, discipline: .backfill(), limit: 1,
            starts: "0 0 30 40 10 50"),
        Case(
            word: "an overtaking limit of 0 is FIFO", jobs: blocked, discipline: .backfill(), limit: 0,
            starts: "0 10 20 20"),
        Case(
            word: "who runs shorter than believed lets the first start earlier",
            jobs: [
                ScenarioJob(4, leaves: 1, believed: 10), ScenarioJob(10, leaves: 4), ScenarioJob(at: 1, 9, leaves: 1),
            ], discipline: .backfill(), starts: "0 10 1"),
        Case(
            word: "EASY: a gang over two nodes is promised its start too",
            jobs: [
                ScenarioJob(10, leaves: 2), ScenarioJob(20, leaves: 1),
                ScenarioJob(10, options: [GangOption(0, count: 3, maximumNodes: 2)]), ScenarioJob(11, leaves: 1),
                ScenarioJob(10, leaves: 1),
            ], leaves: [2], more: [[2]], discipline: .backfill(), starts: "0 0 10 20 0"),
        Case(
            word: "EASY: the same gang on one node only can never start, and nobody waits for it",
            jobs: [
                ScenarioJob(10, leaves: 2), ScenarioJob(20, leaves: 1), ScenarioJob(10, leaves: 3),
                ScenarioJob(11, leaves: 1), ScenarioJob(10, leaves: 1),
            ], leaves: [2], more: [[2]], discipline: .backfill(), starts: "0 0 - 0 10"),
        Case(
            word: "without any expectation everybody passes",
            jobs: [
                ScenarioJob(10, leaves: 1, believed: .infinity), ScenarioJob(10, leaves: 4),
                ScenarioJob(50, leaves: 1),
            ], discipline: .backfill(), starts: "0 50 0"),
    ]

    /// Three wait: the second in line could start at 20 unless the fourth is let in at 0.
    static let depth = [
        ScenarioJob(10, leaves: 3), ScenarioJob(10, leaves: 2), ScenarioJob(10, leaves: 4),
        ScenarioJob(30, leaves: 1),
    ]

    static let conservative: [Case] = [
        Case(
            word: "EASY keeps the first's promise only", jobs: depth, discipline: .backfill(), starts: "0 10 30 0"),
        Case(
            word: "two reservations keep the second's too", jobs: depth, discipline: .backfill(reservations: 2),
            starts: "0 10 20 30"),
        Case(
            word: "a short one may pass both", jobs: depth.dropLast() + [ScenarioJob(10, leaves: 1)],
            discipline: .backfill(reservations: 2), starts: "0 10 20 0"),
    ]

    /// Tenant 0 used much long ago, tenant 1 little just now; then both come.
    static let later = [
        ScenarioJob(100, leaves: 4, tenant: 0), ScenarioJob(at: 100, 30, leaves: 4, tenant: 1),
        ScenarioJob(at: 101, 10, leaves: 4, tenant: 1), ScenarioJob(at: 101, 10, leaves: 4, tenant: 0),
    ]

    static let tenantJobs = [
        ScenarioJob(10, leaves: 2, tenant: 0), ScenarioJob(10, leaves: 2, tenant: 0),
        ScenarioJob(10, leaves: 2, tenant: 0), ScenarioJob(10, leaves: 2, tenant: 1),
    ]

    static let tenants: [Case] = [
        Case(word: "no tenants: in order", jobs: tenantJobs, starts: "0 0 10 10"),
        Case(
            word: "a quota lets the next tenant pass", jobs: tenantJobs, shares: tenants((1, 2), (1, nil)),
            starts: "0 10 20 0"),
        Case(
            word: "a quota that is not reached changes nothing", jobs: tenantJobs, shares: tenants((1, 4), (1, 4)),
            starts: "0 0 10 10"),
        Case(
            word: "fair share: tenants take turns", jobs: tenantJobs, shares: tenants((1, nil), (1, nil), isFair: true),
            starts: "0 10 10 0"),
        Case(
            word: "fair share: three times the weight",
            jobs: tenantJobs + [ScenarioJob(10, leaves: 2, tenant: 1)],
            shares: tenants((3, nil), (1, nil), isFair: true), starts: "0 10 10 0 20"),
        Case(
            word: "fair share: who has used less goes first", jobs: later,
            shares: tenants((1, nil), (1, nil), isFair: true), starts: "0 100 130 140"),
        Case(
            word: "fair share: what was used long ago counts less", jobs: later,
            shares: TenantShares([.init(), .init()], isFair: true, halfLife: 10), starts: "0 100 140 130"),
        Case(
            word: "a quota makes room for a start that it had kept out of turn",
            jobs: tenantJobs + [ScenarioJob(5, leaves: 2, tenant: 0)], shares: tenants((1, 2), (1, nil)),
            starts: "0 10 20 0 30"),
    ]

    @Test(arguments: order + backfill + conservative + tenants)
    func scenario(test: Case) {
        let run = SmallCluster.run(
            test.jobs, pool: Pools.nodes([test.leaves] + test.more), discipline: test.discipline, order: test.order,
            shares: test.shares, overtakingLimit: test.limit)
        #expect(run.starts == test.starts)
    }
}
