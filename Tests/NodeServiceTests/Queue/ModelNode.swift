import MIGModel
import NodeAPI
import NodeService

/// A node that does what a queue orders and objects to everything that can't be: the truth about instances and who has them.
struct ModelNode {
    struct Instance {
        var placed: PlacedLeaf
        var instance: NodeSnapshot.Instance
        /// The job whose supervisor has it.
        var job: String?
    }

    let mode: QueueConfiguration.Mode
    var models: [GPUModel]
    var instances: [Instance] = []
    /// By GPU: why it can't be used.
    var lost: [Int: String] = [:]
    /// What was wrong with orders.
    var objections: [String] = []
    private var made = 0

    init(_ models: [GPUModel], mode: QueueConfiguration.Mode) {
        self.mode = mode
        self.models = models
        for gpu in VirtualNode.snapshot(models, mode: mode).gpus {
            for instance in gpu.instances { add(instance, gpu: gpu.index) }
        }
    }

    private mutating func add(_ instance: NodeSnapshot.Instance, gpu: Int) {
        instances.append(
            Instance(
                placed: PlacedLeaf(
                    gpu: gpu, profile: instance.profile, profileID: instance.profileID, placement: instance.placement,
                    uuid: instance.leaf?.uuid), instance: instance))
    }

    var snapshot: NodeSnapshot {
        NodeSnapshot(
            gpus: models.enumerated().map { index, model in
                NodeSnapshot.GPU(
                    index: index, uuid: GPUUUID(rawValue: "GPU-\(index)"), geometry: model.geometry,
                    trouble: lost[index],
                    instances: instances.filter { $0.placed.gpu == index }.map { item in
                        var instance = item.instance
                        if let job = item.job, instance.use == .idle { instance.use = .job(job) }
                        return instance
                    })
            })
    }

    /// Does what is ordered: cuts, then leases. - Returns: the event that follows.
    mutating func start(_ order: StartOrder, supervisor: Int32) -> QueueEvent {
        for leaf in order.destroys {
            guard let at = instances.firstIndex(where: { $0.placed.uuid == leaf.uuid }) else {
                return .couldNotStart(id: order.id, StartFailure(.cut, leaves: [leaf], detail: "not there"))
            }
            if instances[at].job != nil {
                objections.append("\(order.id) would destroy \(leaf), a leaf of \(instances[at].job ?? "")")
            }
            guard instances[at].instance.use == .idle, instances[at].job == nil else {
                return .couldNotStart(id: order.id, StartFailure(.cut, leaves: [leaf], detail: "busy"))
            }
            instances.remove(at: at)
        }
        for leaf in order.cuts {
            guard let profile = models[leaf.gpu].geometry.profile(named: leaf.profile) else {
                objections.append("\(order.id) cuts \(leaf.profile), which the GPU doesn't have")
                continue
            }
            let there = instances.filter { $0.placed.gpu == leaf.gpu && $0.placed.placement.overlaps(leaf.placement) }
            guard there.isEmpty else {
                if there.contains(where: { $0.job != nil }) {
                    objections.append("\(order.id) cuts another job's slices")
                }
                return .couldNotStart(id: order.id, StartFailure(.cut, leaves: [leaf], detail: "in the way"))
            }
            made += 1
            var instance = VirtualNode.instance(profile, at: leaf.placement, gpu: leaf.gpu)
            instance.leaf?.uuid = MIGDeviceUUID(rawValue: "MIG-made-\(made)")
            add(instance, gpu: leaf.gpu)
        }
        var got: [PlacedLeaf] = []
        for leaf in order.leaves {
            guard
                let at = instances.firstIndex(where: {
                    $0.placed.gpu == leaf.gpu && $0.placed.placement == leaf.placement
                        && $0.placed.profile == leaf.profile
                })
            else { return .couldNotStart(id: order.id, StartFailure(.taken, leaves: [leaf], detail: "gone")) }
            if let other = instances[at].job { objections.append("\(order.id) gets a leaf of \(other)") }
            guard instances[at].instance.use == .idle, instances[at].job == nil, lost[leaf.gpu] == nil else {
                return .couldNotStart(id: order.id, StartFailure(.taken, leaves: [leaf], detail: "somebody has it"))
            }
            got.append(instances[at].placed)
        }
        if Set(got.map(\.uuid)).count != got.count { objections.append("\(order.id) gets a leaf twice") }
        for at in instances.indices where got.contains(instances[at].placed) { instances[at].job = order.id }
        return .started(id: order.id, leaves: got, supervisor: supervisor)
    }

    mutating func end(_ job: String) {
        for at in instances.indices where instances[at].job == job { instances[at].job = nil }
    }

    mutating func setUse(_ use: NodeSnapshot.Use, at: Int) { instances[at].instance.use = use }
}
