import LeafScheduling
import Testing

/// One instance, several leaves now, or waiting: what the rules choose on GPUs that are cut as needed, and on fixed ones.
struct ChoiceScenarioTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let jobs: [ScenarioJob]
        var gpus = 1
        var rule = ChoiceRule.earliestFinish
        var discipline = QueueDiscipline.fifo
        let starts: String
        let options: String
        var testDescription: String { word }
    }

    static let g1 = 0, g2 = 1, g3 = 2, g4 = 3, g7 = 4
    static let one3 = [GangOption(g3, count: 1)]
    /// A 4g instance, or two 2g leaves.
    static let fourOrTwo = [GangOption(g4, count: 1), GangOption(g2, count: 2)]
    static let one4 = [GangOption(g4, count: 1)]

    static let cases: [Case] = [
        Case(
            word: "one instance where it is free and no slower",
            jobs: [ScenarioJob(10, 10, options: fourOrTwo)], starts: "0", options: "0"),
        Case(
            word: "several leaves where they are faster",
            jobs: [ScenarioJob(10, 9, options: fourOrTwo)], starts: "0", options: "1"),
        Case(
            word: "the first that fits doesn't weigh",
            jobs: [ScenarioJob(10, 9, options: fourOrTwo)], rule: .firstThatFits, starts: "0", options: "0"),
        Case(
            word: "two 2g leaves on two GPUs rather than waiting for 4g",
            jobs: [
                ScenarioJob(30, options: one4), ScenarioJob(30, options: one4), ScenarioJob(10, 14, options: fourOrTwo),
            ], gpus: 2, starts: "0 0 0", options: "0 0 1"),
        Case(
            word: "waiting a second beats a quarter more",
            jobs: [
                ScenarioJob(1, options: one4),
                ScenarioJob(20, 25, options: [GangOption(g4, count: 1), GangOption(g1, count: 1)]),
            ], starts: "0 1", options: "0 0"),
        Case(
            word: "a quarter more beats waiting ten seconds",
            jobs: [
                ScenarioJob(10, options: one4),
                ScenarioJob(20, 25, options: [GangOption(g4, count: 1), GangOption(g1, count: 1)]),
            ], starts: "0 0", options: "0 1"),
        Case(
            word: "a moldable job starts smaller when that finishes earlier",
            jobs: [
                ScenarioJob(100, options: [GangOption(g4, count: 1)]),
                ScenarioJob(100, options: [GangOption(g1, count: 1)]),
                ScenarioJob(20, 38, options: [GangOption(g1, count: 4), GangOption(g1, count: 2)]),
            ], starts: "0 0 0", options: "0 0 1"),
        Case(
            word: "and waits where full size is soon there",
            jobs: [
                ScenarioJob(5, options: [GangOption(g4, count: 1)]),
                ScenarioJob(100, options: [GangOption(g1, count: 1)]),
                ScenarioJob(20, 38, options: [GangOption(g1, count: 4), GangOption(g1, count: 2)]),
            ], starts: "0 0 5", options: "0 0 0"),
        Case(
            word: "without estimates at most two leaves",
            jobs: [
                ScenarioJob(10, believed: [.infinity], options: [GangOption(g4, count: 1)]),
                ScenarioJob(
                    20, 25, 25, believed: [.infinity],
                    options: [GangOption(g4, count: 1), GangOption(g1, count: 3), GangOption(g1, count: 2)]),
            ], starts: "0 0", options: "0 2"),
        Case(
            word: "EASY keeps the promise of what the first waits for",
            jobs: [
                ScenarioJob(10, options: [GangOption(g4, count: 1)]),
                ScenarioJob(20, options: [GangOption(g7, count: 1)]),
                ScenarioJob(10, options: one3), ScenarioJob(11, options: one3),
            ], discipline: .backfill(), starts: "0 10 0 30", options: "0 0 0 0"),
    ]

    @Test(arguments: cases)
    func scenario(test: Case) {
        let run = SmallCluster.run(
            test.jobs, pool: Pools.cut(test.gpus), rule: test.rule, discipline: test.discipline)
        #expect(run.starts == test.starts)
        #expect(run.options == test.options)
    }

    /// The same jobs on layouts that stay: the 4g job waits for the 4g instance, or takes the 7g one.
    @Test func fixedLayoutsGiveTheSmallestThatIsEnough() {
        let wish = [GangOption(Self.g3, count: 1), GangOption(Self.g4, count: 1)]
        let jobs = [ScenarioJob(10, options: wish), ScenarioJob(10, options: wish), ScenarioJob(10, options: wish)]
        let run = SmallCluster.run(jobs, pool: Pools.layout([4, 3], gpus: 1))
        #expect(run.starts == "0 0 10")
        #expect(run.options == "0 1 0")
    }
}
