import ClusterSimulation
import LeafScheduling
import MIGModel
import Testing
import Traces

// These are the examples of docs/design/scheduling.md, word for word.

extension PlacementScore {
    /// Keeps as many compute slices in one piece as possible.
    public static let largestPiece = PlacementScore(name: "largest piece") { table, state, _ in
        let open = table.profiles.indices.filter { table.openings(of: $0, in: state) > 0 }
        return -Double(open.map { table.profiles[$0].computeSlices }.max() ?? 0)
    }
}

/// One-to-many with leaves of two slices: 3 x 2g on every GPU, and a slice that nobody uses.
public struct PairLeaves: ClusterModel {
    public let name = "pairs"
    public init() {}

    public func cuts(of part: SimulatedCluster.Part) -> [GPUCut] {
        let pairs = part.model.geometry.profiles.filter { $0.computeSlices == 2 && $0.attributes.isEmpty }
        let specs = pairs.prefix(1).flatMap { pair in
            pair.placements.map { MIGSpec(profile: pair.id, placement: $0) }
        }
        return [.layout(Layout(specs))]
    }

    public func wishes(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        [GangWish(computeSlices: 2, count: (slices + 1) / 2)]
    }
}

/// A policy and a baseline that are one new file each.
struct ExtensionTests {
    static let cluster = SimulatedCluster([.init(.a100With40GB, count: 2)])

    static func record(_ model: any ClusterModel, _ slices: Int...) -> SimulationRecord {
        let jobs = slices.enumerated().map { number, slices in
            Job(number: number, arrival: Double(number), duration: 100, slices: slices)
        }
        return Simulation(cluster: cluster, model: model, discipline: .fifo).run(jobs)
    }

    @Test func aPolicyIsOneFunction() {
        let record = Self.record(PartialRecut(name: "largest-piece", score: .largestPiece), 1, 7, 3)
        #expect(record.outcomes.map(\.start) == [0, 1, 2])
    }

    @Test func aBaselineIsOneType() {
        let record = Self.record(PairLeaves(), 7, 4, 1)
        #expect(record.model == "pairs")
        #expect(record.outcomes.map(\.leaves) == [4, 2, 1])
        #expect(record.outcomes.map(\.start) == [0, 1, 100])
    }
}
