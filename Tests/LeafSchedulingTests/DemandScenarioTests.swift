import LeafScheduling
import MIGModel
import Testing

/// Where an instance goes by what was asked for lately: the same GPUs, another demand, another place.
struct DemandScenarioTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        /// Compute slices of the instances that are there already, in the order in which they came.
        let held: [Int]
        /// Jobs that asked lately, by compute slices of one instance.
        let demand: [Int: Int32]
        let wanted: Int
        /// "GPU@placement".
        let place: String
        var testDescription: String { word }
    }

    static let cases: [Case] = [
        Case(
            word: "4g is asked for: 3g leaves the lower halves alone", held: [1], demand: [4: 9], wanted: 3,
            place: "1@4:4"),
        Case(
            word: "3g is asked for: 3g fills the GPU that has no whole half left but one", held: [1], demand: [3: 9],
            wanted: 3, place: "0@0:4"),
        Case(
            word: "1g is asked for: 1g goes beside 1g", held: [1], demand: [1: 9], wanted: 1, place: "0@4:1"),
        Case(
            word: "2g is asked for: 1g goes where no 2g could lie", held: [1], demand: [2: 9], wanted: 1,
            place: "1@6:1"),
        Case(
            word: "the larger share of the demand counts", held: [1], demand: [2: 1, 1: 99], wanted: 1,
            place: "0@4:1"),
        Case(
            word: "2g beside 2g where 3g is asked for", held: [2], demand: [3: 5], wanted: 2, place: "0@0:2"),
        Case(
            word: "2g in another upper half where 4g is asked for", held: [2], demand: [4: 5], wanted: 2,
            place: "1@4:2"),
    ]

    @Test(arguments: cases)
    func place(test: Case) throws {
        var pool = Pools.cut(2)
        var units: [LeafUnit] = []
        for size in test.held {
            let leafClass = try #require(Pools.sizes.firstIndex(of: size))
            #expect(pool.take(GangOption(leafClass, count: 1), into: &units) != nil)
        }
        _ = pool.hold(units, until: 10)
        let kinds = Pools.sizes.indices.map { JobKind(options: [GangOption($0, count: 1)], slices: Pools.sizes[$0]) }
        let counts = Pools.sizes.map { test.demand[$0] ?? 0 }
        let weights = try #require(pool.shapes[0].weights(of: counts, kinds: kinds))
        #expect(abs(weights.reduce(0, +) - 1) < 1e-12)
        pool.setDemand(weights, shape: 0)
        units.removeAll()
        let wanted = try #require(Pools.sizes.firstIndex(of: test.wanted))
        #expect(pool.take(GangOption(wanted, count: 1), into: &units) != nil)
        #expect(units.map { "\($0.gpu)@\(pool.unit($0).placement)" } == [test.place])
    }

    /// GPUs with a layout that stays have no demand to weigh, and nobody's demand weighs nothing.
    @Test func noDemand() {
        #expect(Pools.layout([4, 2, 1], gpus: 1).shapes[0].weights(of: [1], kinds: []) == nil)
        let kinds = [JobKind(options: [GangOption(0, count: 1)], slices: 1)]
        #expect(Pools.cut(1).shapes[0].weights(of: [0], kinds: kinds) == nil)
    }
}
