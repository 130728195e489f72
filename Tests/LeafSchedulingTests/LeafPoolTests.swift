import LeafScheduling
import MIGModel
import Testing

/// Where gangs lie: one row per case.
struct LeafPoolTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let nodes: [[Int]]
        var numa: [[Int]] = []
        /// Leaves taken beforehand, by GPU; with a load on the link where the second number is above 0.
        var held: [(gpu: Int, leaves: Int, load: Int)] = []
        let option: GangOption
        /// Leaves by GPU, such as "0:4 1:3"; "-" for none.
        let gang: String
        var testDescription: String { word }
    }

    static let links = Arrangement.cost(PlacementCost(perLeafOnLink: 1, perGPU: 0.1, perNUMANode: 5, perNode: 20))
    static let gpus = Arrangement.cost(PlacementCost(perLeafOnLink: 0.1, perGPU: 1, perNUMANode: 5, perNode: 20))

    static let cases: [Case] = [
        Case(
            word: "pack: the fullest GPU that holds the gang", nodes: [[7, 7], [7]], held: [(1, 3, 0), (2, 4, 0)],
            option: GangOption(0, count: 4), gang: "1:4"),
        Case(
            word: "pack: the fullest node that holds it", nodes: [[7, 7, 7], [7, 7]],
            option: GangOption(0, count: 9), gang: "3:7 4:2"),
        Case(
            word: "pack: never over two nodes unasked", nodes: [[7], [7]], option: GangOption(0, count: 8), gang: "-"),
        Case(
            word: "pack: over two nodes where it may", nodes: [[7], [7]],
            option: GangOption(0, count: 8, maximumNodes: 2), gang: "0:7 1:1"),
        Case(
            word: "pack: over three nodes is not two", nodes: [[7], [7], [7]],
            option: GangOption(0, count: 15, maximumNodes: 2), gang: "-"),
        Case(
            word: "spread: over the GPUs of the emptiest node", nodes: [[7, 7], [7, 7, 7]],
            option: GangOption(0, count: 4, arrangement: .spread), gang: "2:2 3:1 4:1"),
        Case(
            word: "cost: spread over links where they cost", nodes: [[7, 7, 7, 7]],
            option: GangOption(0, count: 4, arrangement: links), gang: "0:1 1:1 2:1 3:1"),
        Case(
            word: "cost: packed where GPUs cost", nodes: [[7, 7, 7, 7]],
            option: GangOption(0, count: 4, arrangement: gpus), gang: "0:4"),
        Case(
            word: "cost: not across NUMA nodes for a little less on a link", nodes: [[7, 7, 7, 7]],
            numa: [[0, 0, 1, 1]], option: GangOption(0, count: 4, arrangement: links), gang: "0:2 1:2"),
        Case(
            word: "cost: away from links that others use", nodes: [[7, 7, 7]], held: [(0, 2, 900_000)],
            option: GangOption(0, count: 2, arrangement: links), gang: "1:1 2:1"),
        Case(
            word: "cost: on a used link where there is nothing else", nodes: [[7]], held: [(0, 2, 900_000)],
            option: GangOption(0, count: 2, arrangement: links), gang: "0:2"),
        Case(
            word: "cost: one node where two cost too much", nodes: [[2], [2]],
            option: GangOption(0, count: 2, arrangement: links, maximumNodes: 2), gang: "0:2"),
    ]

    @Test(arguments: cases)
    func gang(test: Case) {
        var pool = Pools.nodes(test.nodes, numa: test.numa)
        for held in test.held {
            // Only that GPU may be used.
            for gpu in 0..<pool.gpuCount where gpu != held.gpu { pool.setBlocked(true, gpu: gpu) }
            var units: [LeafUnit] = []
            #expect(pool.take(GangOption(0, count: held.leaves), into: &units) != nil)
            _ = pool.hold(units, until: 10, linkLoad: held.load)
            for gpu in 0..<pool.gpuCount { pool.setBlocked(false, gpu: gpu) }
        }
        var units: [LeafUnit] = []
        let facts = pool.take(test.option, into: &units)
        let byGPU = Dictionary(grouping: units, by: \.gpu)
        let gang = byGPU.keys.sorted().map { "\($0):\(byGPU[$0]?.count ?? 0)" }.joined(separator: " ")
        #expect((gang.isEmpty ? "-" : gang) == test.gang)
        #expect((facts == nil) == (test.gang == "-"))
        #expect(facts?.leaves ?? test.option.count == test.option.count)
        if let facts {
            #expect(facts.gpus == byGPU.count)
            #expect(facts.mostLeavesOnOneGPU == byGPU.values.map(\.count).max())
        }
    }

    /// What can't be had is told with every reason.
    @Test func obstacles() {
        var pool = Pools.nodes([[4], [4]])
        #expect(pool.obstacles(GangOption(0, count: 4), number: 0) == [])
        #expect(
            pool.obstacles(GangOption(0, count: 9, maximumNodes: 2), number: 1)
                == [.neverEnough(option: 1, wanted: 9, total: 8)])
        #expect(
            pool.obstacles(GangOption(0, count: 5), number: 2)
                == [.neverOnNodes(option: 2, wanted: 5, most: 4, nodes: 1)])
        var units: [LeafUnit] = []
        #expect(pool.take(GangOption(0, count: 1), into: &units) != nil)
        #expect(pool.take(GangOption(0, count: 1, arrangement: .spread), into: &units) != nil)
        #expect(
            pool.obstacles(GangOption(0, count: 4), number: 0)
                == [.notTogether(option: 0, wanted: 4, most: 3, nodes: 1, needed: 2)])
        #expect(
            pool.obstacles(GangOption(0, count: 7, maximumNodes: 2), number: 0)
                == [.notNow(option: 0, wanted: 7, free: 6, total: 8)])
    }

    /// Cut as needed, on one GPU: where each instance goes, and that idle instances are used again.
    @Test func cuttingKeepsPlacementsOpen() {
        var pool = Pools.cut(1)
        var units: [LeafUnit] = []
        func place() -> String { units.last.map { "\(pool.unit($0).placement)" } ?? "-" }
        // A 3g instance lies in the upper half, so that 4g can still come.
        var facts = pool.take(GangOption(2, count: 1), into: &units)
        #expect(place() == "4:4")
        #expect(facts?.recuts == true)
        let first = pool.hold(units, until: 10)
        units.removeAll()
        facts = pool.take(GangOption(3, count: 1), into: &units)
        #expect(place() == "0:4")
        let second = pool.hold(units, until: 20)
        units.removeAll()
        #expect(pool.take(GangOption(0, count: 1), into: &units) == nil, "4g + 3g is a full GPU")
        pool.release(first, units: &units)
        units.removeAll()
        #expect(pool.recuts == 2)
        facts = pool.take(GangOption(2, count: 1), into: &units)
        #expect(facts?.recuts == false, "the idle 3g instance is still there")
        pool.putBack(&units)
        facts = pool.take(GangOption(0, count: 3), into: &units)
        #expect(facts?.recuts == true)
        let third = pool.hold(units, until: 30)
        #expect(pool.recuts == 5)
        #expect(pool.destroyed == 1)
        units.removeAll()
        pool.release(second, units: &units)
        pool.release(third, units: &units)
        #expect((0..<pool.gpuCount).allSatisfy { pool.isIdle($0) })
        #expect(pool.total(of: 4) == 1, "everything can be merged again")
    }
}
