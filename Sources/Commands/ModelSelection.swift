import ClusterSimulation
import LeafScheduling
import MIGModel
import Traces

/// A model of running the cluster, as `--models` names it.
enum ModelSelection: Hashable {
    case whole
    /// Layouts chosen from the window before.
    case causal
    case given([Int])
    case hindsight
    case drain
    case partial
    case migrate
    case fragmentationAware
    case fixed(LayoutName)
    case greedy
    case hybrid
    case moldable

    /// As written; nil for what is no model.
    init?(_ text: String) {
        switch text {
        case "whole": self = .whole
        case "static": self = .causal
        case "hindsight": self = .hindsight
        case "drain": self = .drain
        case "partial": self = .partial
        case "migrate": self = .migrate
        case "fgd": self = .fragmentationAware
        case "fixed": self = .fixed(.full)
        case "fixed-thin": self = .fixed(.thin)
        case "fixed-doubles": self = .fixed(.doubles)
        case "greedy": self = .greedy
        case "hybrid": self = .hybrid
        case "hybrid-moldable": self = .moldable
        default:
            guard text.hasPrefix("static:") else { return nil }
            let sizes = text.dropFirst(7).split(separator: "+", omittingEmptySubsequences: false).map { word in
                Int(word.hasSuffix("g") ? word.dropLast() : word) ?? 0
            }
            guard !sizes.isEmpty, sizes.allSatisfy({ (1...7).contains($0) }) else { return nil }
            self = .given(sizes.sorted(by: >))
        }
    }

    static let words =
        "whole, static, static:4+2+1 (any layout), hindsight, drain, partial, migrate, fgd, fixed, fixed-thin, fixed-doubles, "
        + "greedy, hybrid, hybrid-moldable"

    /// The model for one simulation.
    ///
    /// - Parameter history: what `static` is chosen from.
    func make(jobs: [Job], history: [Job], _ simulation: Simulation) -> any ClusterModel {
        switch self {
        case .whole: WholeGPU()
        case .causal: StaticOneToOne.causal(history: history, cluster: simulation.cluster)
        case .given(let sizes): StaticOneToOne([StaticOneToOne.Portion(sizes)])
        case .hindsight: HindsightSearch().best(for: jobs, simulation)
        case .drain: Drain()
        case .partial: PartialRecut()
        case .migrate: Migrate()
        case .fragmentationAware: PartialRecut.fragmentationAware
        case .fixed(let layout): FixedLeaves(layout: layout)
        case .greedy: GreedyLeaves()
        case .hybrid: HybridLeaves()
        case .moldable: HybridLeaves(leastShare: 0.5)
        }
    }

    /// Whether every GPU of the cluster can be cut as asked.
    func problem(on cluster: SimulatedCluster) -> String? {
        guard case .given(let sizes) = self else { return nil }
        for part in cluster.parts {
            let profiles = part.model.geometry.profiles.filter(\.attributes.isEmpty)
            let known = Set(profiles.map(\.computeSlices))
            if let size = sizes.first(where: { !known.contains($0) }) {
                return "\(part.model.id) has no \(size)g profile"
            }
            let layouts = part.model.geometry.maximalLayouts(using: profiles.map(\.id)).map { layout in
                layout.specs.compactMap { part.model.geometry.profile(id: $0.profile)?.computeSlices }.sorted(by: >)
            }
            if !layouts.contains(sizes) {
                return "\(part.model.id) has no full layout \(sizes.map { "\($0)g" }.joined(separator: "+"))"
            }
        }
        return nil
    }
}

/// A queue discipline, as `--queue` names it.
struct QueueSelection: Hashable {
    let discipline: QueueDiscipline

    /// "fifo", "backfill" (EASY), "backfill-4" (conservative, four reservations); nil for anything else.
    init?(_ text: String, lookAhead: Int) {
        switch text {
        case "fifo": discipline = .fifo
        case "backfill": discipline = .backfill(reservations: 1, lookAhead: lookAhead)
        default:
            guard text.hasPrefix("backfill-"), let depth = Int(text.dropFirst(9)), (1...1000).contains(depth) else {
                return nil
            }
            discipline = .backfill(reservations: depth, lookAhead: lookAhead)
        }
    }
}
