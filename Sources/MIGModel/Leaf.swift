/// A MIG device as the unit of allocation: what exists, where it is, and how big it is.
public struct Leaf: Hashable, Sendable, Identifiable, Codable {
    /// "MIG-...": what a program's `CUDA_VISIBLE_DEVICES` names. Changes when the instance is made anew.
    public var uuid: MIGDeviceUUID
    /// The GPU's index on the node, from 0.
    public var gpu: Int
    public var gpuInstance: GPUInstanceID
    public var computeInstance: ComputeInstanceID
    /// Such as "1g.5gb".
    public var profile: String
    public var leafType: LeafType
    /// Memory slices of the GPU instance.
    public var placement: Placement
    /// 0 where unknown.
    public var memoryMiB: Int
    /// Streaming multiprocessors: what a leaf's compute speed goes by. 0 where unknown.
    public var multiprocessors: Int
    /// The NUMA node beside the GPU; nil where unknown.
    public var numaNode: Int?

    public var id: MIGDeviceUUID { uuid }

    public init(
        uuid: MIGDeviceUUID, gpu: Int, gpuInstance: GPUInstanceID, computeInstance: ComputeInstanceID,
        profile: String, leafType: LeafType, placement: Placement, memoryMiB: Int, multiprocessors: Int,
        numaNode: Int?
    ) {
        self.uuid = uuid
        self.gpu = gpu
        self.gpuInstance = gpuInstance
        self.computeInstance = computeInstance
        self.profile = profile
        self.leafType = leafType
        self.placement = placement
        self.memoryMiB = memoryMiB
        self.multiprocessors = multiprocessors
        self.numaNode = numaNode
    }

    /// The order of leaves in lists, and of ranks in a job: by GPU, then by place on it.
    public static func precedes(_ first: Leaf, _ second: Leaf) -> Bool {
        (first.gpu, first.placement.start, first.computeInstance.rawValue)
            < (second.gpu, second.placement.start, second.computeInstance.rawValue)
    }
}
