import MIGModel

/// The leaves of a cluster and who may have them: the one allocator, as a value.
///
/// Takes and gives back whole gangs. GPUs lie in nodes, numbered so that a node's GPUs follow each other. Nothing is
/// scanned: GPUs are kept by the number of leaves they could still give, nodes likewise, so that the cost of a decision
/// goes by the gang's size and the logarithm (base 64) of the cluster's.
public struct LeafPool: Sendable {
    public let shapes: [GPUShape]
    public let classCount: Int

    // By GPU.
    public internal(set) var shapeOf: [Int32] = []
    public private(set) var nodeOf: [Int32] = []
    /// NUMA node within the node, -1 where unknown.
    var numaOf: [Int8] = []
    var busy: [UInt64] = []
    /// Units that are not handed out, whoever has them now; see `setWithheld`.
    var withheld: [UInt64] = []
    /// Instances that are there and idle; only for GPUs that are cut as needed.
    var idle: [UInt64] = []
    var state: [Int32] = []
    var blocked: [Bool] = []
    /// Load of the GPU's link by jobs over several leaves, in millionths of its bandwidth.
    package internal(set) var linkLoad: [Int32] = []
    var freeSlices: [Int16] = []

    /// By node: its first GPU; one more entry for the end.
    public private(set) var firstGPU: [Int32] = []

    // By GPU and unit, `stride` apart.
    let stride: Int
    var endOf: [Double]
    var nextOf: [Int32]

    var room: RoomIndex
    var cuts: CutIndex
    /// Compute slices on GPUs where nothing of a class can be had, by class.
    public private(set) var unusableSlices: [Int]
    /// Compute slices that no job holds, those of blocked GPUs too; and all there are.
    public private(set) var freeTotal = 0
    public let sliceTotal: Int
    public private(set) var changes = 0
    /// Instances made and destroyed by cutting and merging so far, and how often a GPU was changed.
    public private(set) var created = 0, destroyed = 0, recuts = 0
    /// What was cut since the list was emptied; kept for those who do it.
    package var cutsMade: [CutMade] = []
    package var keepsCuts = false
    var forecast: Forecast
    /// Reused by `take`, so that it doesn't allocate.
    var scratch: [Int32] = []
    /// Steps besides those within the trees of bits.
    var walked = 0

    /// - Parameter nodes: for each node the shape of each of its GPUs.
    /// - Parameter numa: for each node the NUMA node of each of its GPUs; empty where unknown.
    public init(shapes: [GPUShape], nodes: [[Int]], numa: [[Int]] = []) {
        self.shapes = shapes
        classCount = shapes.map(\.unitsOfClass.count).max() ?? 0
        stride = max(shapes.map(\.units.count).max() ?? 1, 1)
        for (node, gpus) in nodes.enumerated() {
            firstGPU.append(Int32(shapeOf.count))
            for (place, shape) in gpus.enumerated() {
                shapeOf.append(Int32(shape))
                nodeOf.append(Int32(node))
                numaOf.append(numa.indices.contains(node) && place < numa[node].count ? Int8(numa[node][place]) : -1)
            }
        }
        let count = shapeOf.count
        firstGPU.append(Int32(count))
        busy = Array(repeating: 0, count: count)
        idle = busy
        withheld = busy
        state = Array(repeating: 0, count: count)
        blocked = Array(repeating: false, count: count)
        linkLoad = state
        endOf = Array(repeating: 0, count: count * stride)
        nextOf = Array(repeating: -1, count: count * stride)
        unusableSlices = Array(repeating: 0, count: classCount)
        let most =
            shapes.map { shape in
                (0..<shape.unitsOfClass.count).map { shape.capacity(of: $0, busy: 0, state: 0) }.max() ?? 0
            }.max() ?? 0
        let largestNode = nodes.map(\.count).max() ?? 0
        room = RoomIndex(
            classes: classCount, gpus: count, nodes: nodes.count, mostOnGPU: most, mostOnNode: most * largestNode)
        cuts = CutIndex(shapes: shapes, classes: classCount, gpus: count)
        forecast = Forecast(gpus: count, nodes: nodes.count)
        sliceTotal = nodes.joined().reduce(0) { $0 + shapes[$1].slices }
        for gpu in 0..<count {
            freeSlices.append(Int16(slices(of: gpu)))
            freeTotal += slices(of: gpu)
            enter(gpu)
        }
    }

    public var gpuCount: Int { shapeOf.count }
    public var nodeCount: Int { firstGPU.count - 1 }

    /// Words and entries looked at so far.
    public var steps: Int { room.steps &+ cuts.steps &+ forecast.steps &+ walked }

    /// How many leaves of a class can be had at once in the whole cluster. O(1).
    public func total(of leafClass: LeafClass) -> Int { room.total[leafClass] }

    /// How many leaves of a class can be had on one GPU.
    public func capacity(of leafClass: LeafClass, on gpu: Int) -> Int { room.count(leafClass, gpu) }

    /// Whether a unit is handed out.
    public func isBusy(_ unit: LeafUnit) -> Bool { busy[Int(unit.gpu)] & 1 << UInt64(unit.unit) != 0 }

    /// Whether no unit of the GPU is handed out.
    public func isIdle(_ gpu: Int) -> Bool { busy[gpu] == 0 }

    public func isBlocked(_ gpu: Int) -> Bool { blocked[gpu] }

    public func unit(_ unit: LeafUnit) -> GPUShape.Unit {
        shapes[Int(shapeOf[Int(unit.gpu)])].units[Int(unit.unit)]
    }

    /// Compute slices of a GPU that no job holds.
    public func freeSlices(of gpu: Int) -> Int { Int(freeSlices[gpu]) }

    // MARK: One unit

    /// The unit of a class that would be taken next from a GPU that has one.
    func nextUnit(of leafClass: LeafClass, on gpu: Int) -> Int {
        let shape = Int(shapeOf[gpu])
        guard shapes[shape].table != nil else {
            return (shapes[shape].unitsOfClass[leafClass] & ~busy[gpu] & ~withheld[gpu]).trailingZeroBitCount
        }
        return cuts.bestUnit(shape: shape, profile: shapes[shape].profileOfClass[leafClass], state: Int(state[gpu]))
    }

    /// Marks a unit busy. - Returns: whether an instance had to be made for it.
    @discardableResult
    mutating func take(_ unit: Int, on gpu: Int) -> Bool {
        let shape = Int(shapeOf[gpu])
        let bit = UInt64(1) << UInt64(unit)
        let slices = shapes[shape].units[unit].computeSlices
        leave(gpu)
        busy[gpu] |= bit
        freeSlices[gpu] &-= Int16(slices)
        freeTotal &-= slices
        if let table = shapes[shape].table {
            state[gpu] = Int32(table.state(Int(state[gpu]), adding: unit) ?? 0)
        }
        enter(gpu)
        return shapes[shape].table != nil && idle[gpu] & bit == 0
    }

    package mutating func giveBack(_ unit: Int, on gpu: Int) {
        let shape = Int(shapeOf[gpu])
        leave(gpu)
        let slices = shapes[shape].units[unit].computeSlices
        busy[gpu] &= ~(1 << UInt64(unit))
        freeSlices[gpu] &+= Int16(slices)
        freeTotal &+= slices
        // A withheld instance goes on taking its slices.
        if let table = shapes[shape].table, withheld[gpu] & 1 << UInt64(unit) == 0 {
            state[gpu] = Int32(table.state(Int(state[gpu]), removing: unit) ?? 0)
        }
        enter(gpu)
    }

    /// Makes the instance of a unit that has been taken, and destroys the idle ones that are in its way.
    ///
    /// - Returns: whether anything had to be made.
    mutating func cut(_ unit: Int, on gpu: Int) -> Bool {
        guard let table = shapes[Int(shapeOf[gpu])].table else { return false }
        let bit = UInt64(1) << UInt64(unit)
        if idle[gpu] & bit != 0 {
            idle[gpu] &= ~bit
            return false
        }
        let before = idle[gpu]
        idle[gpu] &= ~table.overlaps[unit]
        // Instances that don't overlap can still exclude each other, by their number or their engines.
        if !table.isLayout(busy[gpu] | idle[gpu] | withheld[gpu]) { idle[gpu] = 0 }
        destroyed += (before & ~idle[gpu]).nonzeroBitCount
        created += 1
        recuts += 1
        if keepsCuts { cutsMade.append(CutMade(unit: LeafUnit(gpu: gpu, unit: unit), destroyed: before & ~idle[gpu])) }
        return true
    }

    // MARK: Indexes

    /// Takes a GPU out of the indexes before it changes.
    mutating func leave(_ gpu: Int) {
        changes &+= 1
        guard !blocked[gpu] else { return }
        let shape = Int(shapeOf[gpu])
        if shapes[shape].table != nil { cuts.leave(gpu, shape: shape, state: Int(state[gpu])) }
    }

    /// Puts a GPU into the indexes as it now is.
    mutating func enter(_ gpu: Int) {
        let shape = Int(shapeOf[gpu])
        let node = Int(nodeOf[gpu])
        let isBlocked = blocked[gpu]
        let slices = isBlocked ? 0 : Int(freeSlices[gpu])
        for leafClass in 0..<classCount {
            let count =
                isBlocked
                ? 0 : shapes[shape].capacity(of: leafClass, busy: busy[gpu] | withheld[gpu], state: Int(state[gpu]))
            room.set(leafClass, gpu: gpu, node: node, count: count)
            let unusable = count == 0 ? slices : 0
            unusableSlices[leafClass] &+= unusable &- Int(room.unusable(leafClass, gpu))
            room.setUnusable(leafClass, gpu, unusable)
        }
        if !isBlocked, shapes[shape].table != nil { cuts.enter(gpu, shape: shape, state: Int(state[gpu])) }
    }

    /// Keeps a GPU from being handed out, or lets it again. What runs on it goes on.
    public mutating func setBlocked(_ isBlocked: Bool, gpu: Int) {
        guard blocked[gpu] != isBlocked else { return }
        leave(gpu)
        blocked[gpu] = isBlocked
        enter(gpu)
        forecast.touch(gpu: gpu, node: Int(nodeOf[gpu]))
    }

    /// Gives an idle GPU another shape: other leaves.
    public mutating func setShape(_ shape: Int, gpu: Int) {
        precondition(busy[gpu] == 0, "a GPU with running jobs can't get another layout")
        precondition(withheld[gpu] == 0, "a GPU with withheld leaves can't get another layout")
        leave(gpu)
        freeTotal -= slices(of: gpu)
        shapeOf[gpu] = Int32(shape)
        freeTotal += slices(of: gpu)
        state[gpu] = 0
        idle[gpu] = 0
        freeSlices[gpu] = Int16(slices(of: gpu))
        enter(gpu)
        forecast.touch(gpu: gpu, node: Int(nodeOf[gpu]))
    }

    /// Compute slices of a GPU that could be handed out when it is idle.
    private func slices(of gpu: Int) -> Int { shapes[Int(shapeOf[gpu])].slices }

    /// Weighs the demand anew, by profile of each shape's table: which placements to keep open.
    public mutating func setDemand(_ weights: [Double], shape: Int) {
        cuts.rank(shape: shape, shapes: shapes, weights: weights)
    }
}
