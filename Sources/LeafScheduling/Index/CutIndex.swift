/// GPUs that are cut as needed, by state, and the states by how well they suit each profile.
struct CutIndex: Sendable {
    /// By shape: where its states begin among all states, or -1 for shapes without a table.
    private var firstState: [Int] = []
    /// By shape.
    private var rankings: [CutRanking?] = []
    private let classes: Int
    /// A set of GPUs for each state.
    private var gpusIn: BitForest
    private var gpuCount: [Int32]
    /// For each class and shape the ranks of states in which some GPU is. Ranks of a state, by shape and profile.
    private var ranksWith: BitForest
    private var rankOf: [Int32] = []
    private var profileOfClass: [[Int]] = []
    private var profilesOf: [Int] = []
    private var tables: [CutTable?]

    init(shapes: [GPUShape], classes: Int, gpus: Int) {
        self.classes = classes
        tables = shapes.map(\.table)
        var states = 0
        var most = 0
        for shape in shapes {
            profileOfClass.append(shape.profileOfClass)
            profilesOf.append(shape.table?.profiles.count ?? 0)
            firstState.append(shape.table == nil ? -1 : states)
            states += shape.table?.stateCount ?? 0
            most = max(most, shape.table?.stateCount ?? 0)
        }
        gpusIn = BitForest(sets: states, bound: states == 0 ? 0 : gpus)
        gpuCount = Array(repeating: 0, count: states)
        ranksWith = BitForest(sets: most == 0 ? 0 : classes * shapes.count, bound: most)
        rankOf = Array(repeating: -1, count: states * classes)
        rankings = shapes.map { _ in nil }
        for shape in shapes.indices where shapes[shape].table != nil {
            let profiles = profilesOf[shape]
            rank(shape: shape, shapes: shapes, weights: Array(repeating: 1 / Double(profiles), count: profiles))
        }
    }

    var steps: Int { gpusIn.steps &+ ranksWith.steps }

    /// Ranks the states of a shape by its score under new weights. O(states x placements): a millisecond.
    mutating func rank(shape: Int, shapes: [GPUShape], weights: [Double]) {
        guard let table = shapes[shape].table else { return }
        let ranking = CutRanking(table, score: shapes[shape].score, weights: weights)
        rankings[shape] = ranking
        for leafClass in 0..<classes {
            let set = leafClass * tables.count + shape
            ranksWith.removeAll(from: set)
            let profile = profileOfClass[shape][leafClass]
            for state in 0..<table.stateCount { rankOf[(firstState[shape] + state) * classes + leafClass] = -1 }
            guard profile >= 0 else { continue }
            for (rank, state) in ranking.order[profile].enumerated() {
                let global = firstState[shape] + Int(state)
                rankOf[global * classes + leafClass] = Int32(rank)
                if gpuCount[global] > 0 { ranksWith.insert(rank, into: set) }
            }
        }
    }

    func bestUnit(shape: Int, profile: Int, state: Int) -> Int {
        rankings[shape]?.bestUnit(for: profile, in: state) ?? 0
    }

    mutating func enter(_ gpu: Int, shape: Int, state: Int) {
        let global = firstState[shape] &+ state
        gpusIn.insert(gpu, into: global)
        gpuCount[global] &+= 1
        guard gpuCount[global] == 1 else { return }
        for leafClass in 0..<classes {
            let rank = rankOf[global &* classes &+ leafClass]
            if rank >= 0 { ranksWith.insert(Int(rank), into: leafClass &* tables.count &+ shape) }
        }
    }

    mutating func leave(_ gpu: Int, shape: Int, state: Int) {
        let global = firstState[shape] &+ state
        gpusIn.remove(gpu, from: global)
        gpuCount[global] &-= 1
        guard gpuCount[global] == 0 else { return }
        for leafClass in 0..<classes {
            let rank = rankOf[global &* classes &+ leafClass]
            if rank >= 0 { ranksWith.remove(Int(rank), from: leafClass &* tables.count &+ shape) }
        }
    }

    /// The GPU on which one leaf of the class does least harm; the first shape that has one, the first GPU of equals.
    mutating func bestGPU(_ leafClass: Int) -> Int? {
        for shape in tables.indices where firstState[shape] >= 0 {
            let profile = profileOfClass[shape][leafClass]
            guard profile >= 0, let ranking = rankings[shape],
                let rank = ranksWith.first(from: 0, in: leafClass &* tables.count &+ shape)
            else { continue }
            let state = Int(ranking.order[profile][rank])
            return gpusIn.first(from: 0, in: firstState[shape] &+ state)
        }
        return nil
    }
}
