import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// A simulated node whose layouts other processes change through the simulated library, as `flexmig node flatten` does.
struct LayoutNode {
    private let fixture: NodeFixture
    let ledger: Ledger
    var node: SimulatedNode { fixture.node }

    init(_ spec: String) throws {
        fixture = try NodeFixture(spec)
        ledger = try Ledger(stateDirectory: fixture.path)
    }

    /// A process that can take leases and flatten.
    func client() throws -> LineProgram {
        try LineProgram("inventory-client", [fixture.path], environment: fixture.environment)
    }

    /// What a client answers to "flatten", and what it tells before.
    func flatten(_ words: String, with client: LineProgram? = nil) throws -> (progress: [String], answer: String) {
        let client = try client ?? self.client()
        try client.send("flatten \(words)")
        return try answer(of: client)
    }

    func answer(of client: LineProgram) throws -> (progress: [String], answer: String) {
        var progress: [String] = []
        while true {
            let line = try #require(try client.nextLine())
            guard line.hasPrefix("progress ") else { return (progress, line) }
            progress.append(String(line.dropFirst("progress ".count)))
        }
    }

    /// The leaves of a GPU by place, as the driver has them: changed ones have another UUID.
    func leaves(on gpu: Int = 0) throws -> [MIGDeviceUUID] {
        try node.state().devices(on: gpu).sorted { $0.instance.placement.start < $1.instance.placement.start }
            .map { MIGDeviceUUID(rawValue: $0.compute.uuid) }
    }

    /// The placed profiles of a GPU as the driver has them.
    func layout(of gpu: Int = 0) throws -> Layout {
        Layout(
            try node.state().gpus[gpu].instances.map {
                MIGSpec(profile: .init(rawValue: $0.profile), placement: $0.placement)
            })
    }

    /// Whether a GPU has a named layout, every instance one device.
    func has(_ name: LayoutName, on gpu: Int = 0) throws -> Bool {
        let state = try node.state().gpus[gpu]
        return try layout(of: gpu) == name.layout(on: state.model.geometry).get()
            && state.instances.allSatisfy { $0.computeInstances.count == 1 }
    }

    /// Whether nobody holds any leaf of the node.
    func isReleased() throws -> Bool {
        let gpus = try node.state().gpus.indices
        return try gpus.flatMap { try leaves(on: $0) }.allSatisfy { try ledger.state(of: $0) == .free }
    }
}
