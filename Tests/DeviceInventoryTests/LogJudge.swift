import MIGModel
import SimulatedDriver
import TestSupport

/// Replays a simulated driver's log and collects what must never happen.
struct LogJudge {
    private struct Instance {
        let spec: MIGSpec
        var leaves: Set<String> = []
    }

    private(set) var violations: [String] = []
    private let geometries: [MIGGeometry]
    private var instances: [[Int: Instance]]
    /// Leaves with a lease, and the processes on leaves.
    private var leased: Set<String> = []
    private var contexts: [String: Set<String>] = [:]

    /// Judges a log from the node's beginning on.
    init(_ geometries: [MIGGeometry], _ events: [Event]) {
        self.geometries = geometries
        instances = geometries.map { _ in [:] }
        for event in events { judge(event) }
    }

    /// Judges a node's whole log, which must lead to what the node has.
    init(_ fixture: NodeFixture) throws {
        let events = try fixture.events()
        let gpus = try fixture.node.state().gpus
        self.init(gpus.map(\.model.geometry), events)
        for (index, gpu) in gpus.enumerated() {
            let there = Layout(
                gpu.instances.map { MIGSpec(profile: .init(rawValue: $0.profile), placement: $0.placement) })
            if layout(of: index) != there { violations.append("the log ends with another layout than the node has") }
        }
    }

    private func layout(of gpu: Int) -> Layout { Layout(instances[gpu].values.map(\.spec)) }

    private mutating func judge(_ event: Event) {
        func number(_ name: String) -> Int { event.fields[name].flatMap { Int($0) } ?? -1 }
        let leaf = event.fields["leaf"] ?? ""
        switch event.name {
        case "create-gi":
            guard let placement = event.fields["place"].flatMap({ Placement($0) }) else {
                return report(event, "no place")
            }
            let spec = MIGSpec(profile: .init(rawValue: number("profile")), placement: placement)
            let after = layout(of: number("gpu")).adding(spec)
            if let problem = geometries[number("gpu")].problem(in: after) { report(event, "\(problem)") }
            instances[number("gpu")][number("id")] = Instance(spec: spec)
        case "create-ci": instances[number("gpu")][number("gi")]?.leaves.insert(leaf)
        case "destroy-ci":
            guard let (id, instance) = instances[number("gpu")].first(where: { $0.value.leaves.contains(leaf) }) else {
                return report(event, "no such leaf")
            }
            for leaf in instance.leaves where leased.contains(leaf) || contexts[leaf]?.isEmpty == false {
                report(event, "its instance is in use: \(leaf)")
            }
            instances[number("gpu")][id]?.leaves.remove(leaf)
        case "destroy-gi":
            let instance = instances[number("gpu")].removeValue(forKey: number("id"))
            if instance?.leaves.isEmpty != true { report(event, "it has leaves, or is not there") }
        case "context-open": contexts[leaf, default: []].insert(event.fields["pid"] ?? "")
        case "context-close": contexts[leaf]?.remove(event.fields["pid"] ?? "")
        case "note-lease":
            if !leased.insert(leaf).inserted { report(event, "leased twice") }
            if !instances.contains(where: { $0.values.contains { $0.leaves.contains(leaf) } }) {
                report(event, "no such leaf")
            }
        case "note-release":
            leased.remove(leaf)
            if !instances.contains(where: { $0.values.contains { $0.leaves.contains(leaf) } }) {
                report(event, "it was taken away while it was leased")
            }
        case "note-applied":
            let wanted = event.fields["layout"]?.replacing("_", with: " ")
            if wanted != "\(layout(of: number("gpu")))" {
                report(event, "but the GPU has \(layout(of: number("gpu")))")
            }
            if instances[number("gpu")].values.contains(where: { $0.leaves.count != 1 }) { report(event, "not whole") }
        default: break
        }
    }

    private mutating func report(_ event: Event, _ reason: String) {
        let fields = event.fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        if violations.count < 20 { violations.append("\(event.name) \(fields): \(reason)") }
    }
}
