import DeviceInventory
import MIGModel
import Platform

/// What the node commands show, as it is written to JSON.
struct NodeReport: Encodable {
    struct Driver: Encodable {
        var library: String
        var version: String
        var simulated: Bool
        var nodeDirectory: String?
        /// How far claims about this node reach.
        var evidence: String
    }
    struct GPUReport: Encodable {
        var index: Int
        var uuid: String
        var name: String
        var model: String?
        var busID: String
        var numaNode: Int?
        var memoryMiB: Int
        var migMode: String
        /// What switching the mode would take; null on a GPU without MIG.
        var migSwitch: ModeSwitch?
        /// A layout's name, or "custom", or "none".
        var layout: String
        var instances: [String]
        var profiles: [ProfileReport]
    }
    struct LeafReport: Encodable {
        var uuid: String
        var gpu: Int
        /// The driver's number of its GPU instance on the GPU, as in Xid messages of the kernel's log (GPU-I).
        var gpuInstance: Int
        /// Likewise of its compute instance in that (GPU-CI).
        var computeInstance: Int
        var profile: String
        var leafType: String
        var placement: String
        var memoryMiB: KnownFigure
        var multiprocessors: KnownFigure
        var numaNode: Int?
        /// free, held, orphaned (its job's supervisor died), or busy (a process without a lease).
        var state: String
        /// Who has it.
        var holder: Holder?
        /// Who may hand it out: flexmig, slurm, kubernetes or none.
        var owner: String
        /// Why it is not handed out until somebody restores it.
        var quarantine: Quarantine?
    }
    struct Quarantine: Encodable {
        var reason: String
        var since: Int
        var by: String
    }
    struct Holder: Encodable {
        var job: String?
        var user: String?
        var command: String?
        var since: Int?
        var processes: [Int32]
    }

    var driver: Driver
    var gpus: [GPUReport]
    /// Indices of GPUs that have fallen off the bus.
    var lostGPUs: [Int]
    var leaves: [LeafReport]

    init(_ access: NodeAccess) throws {
        let inventory = try access.backend.inventory()
        let states = try access.leaseStates(of: inventory.leaves)
        let standings = try access.standings()
        let uuids = Dictionary(inventory.gpus.map { ($0.index, $0.uuid) }) { first, _ in first }
        let identity = inventory.driver
        driver = Driver(
            library: identity.library, version: identity.version, simulated: identity.simulatedNode != nil,
            nodeDirectory: identity.simulatedNode, evidence: identity.grade)
        gpus = inventory.gpus.map { gpu in
            GPUReport(
                index: gpu.index, uuid: gpu.uuid.rawValue, name: gpu.name, model: gpu.model?.rawValue,
                busID: gpu.busID, numaNode: gpu.numaNode, memoryMiB: gpu.memoryMiB, migMode: gpu.migMode.rawValue,
                migSwitch: gpu.migMode == .unsupported ? nil : ModeSwitch(gpu), layout: gpu.layoutWord,
                instances: gpu.instances.map { $0.spec.description(on: gpu.geometry) },
                profiles: gpu.geometry.profiles.map {
                    ProfileReport($0, of: gpu, isSimulated: identity.simulatedNode != nil)
                })
        }
        lostGPUs = inventory.lost
        leaves = []
        for leaf in inventory.leaves {
            let lease = states[leaf.uuid] ?? .free
            do throws(DeviceError) {
                let processes = try access.backend.processes(on: leaf.uuid).map(\.rawValue)
                let standing = uuids[leaf.gpu].map { standings.standing(of: leaf.uuid, on: $0) } ?? LeafStanding()
                leaves.append(LeafReport(leaf, lease: lease, standing: standing, processes: processes))
            } catch {
                // Taken away since the node was read.
                if error.kind != .gone { throw error }
            }
        }
    }
}

extension NodeReport.LeafReport {
    init(_ leaf: Leaf, lease: LeaseState, standing: LeafStanding, processes: [Int32]) {
        let record = lease.record
        let state =
            switch lease {
            case .held: "held"
            case .orphaned: "orphaned"
            case .free: processes.isEmpty ? "free" : "busy"
            }
        self.init(
            uuid: leaf.uuid.rawValue, gpu: leaf.gpu, gpuInstance: leaf.gpuInstance.rawValue,
            computeInstance: leaf.computeInstance.rawValue, profile: leaf.profile, leafType: leaf.leafType.rawValue,
            placement: "\(leaf.placement)", memoryMiB: KnownFigure(ofLeaf: leaf.memoryMiB),
            multiprocessors: KnownFigure(ofLeaf: leaf.multiprocessors),
            numaNode: leaf.numaNode, state: state,
            holder: state == "free"
                ? nil
                : NodeReport.Holder(
                    job: record?.job.rawValue, user: record?.user, command: record?.command, since: record?.since,
                    processes: processes),
            owner: standing.owner.rawValue,
            quarantine: standing.quarantine.map { .init(reason: $0.reason, since: $0.since, by: $0.by) })
    }

    /// For the table: what the leaf is, and what is held against handing it out.
    var stateText: String {
        guard quarantine != nil else { return state }
        return state == "free" ? "quarantined" : "\(state), quarantined"
    }

    /// For the last column of the table.
    var holderText: String {
        guard let holder else { return "" }
        let processes =
            holder.processes.isEmpty ? "" : " pid " + holder.processes.map(String.init).joined(separator: ",")
        guard let job = holder.job else { return "-" + processes }
        return "\(job) (\(holder.user ?? "?"))\(processes)"
    }
}
