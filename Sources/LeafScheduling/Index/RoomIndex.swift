/// How many leaves of each class every GPU and every node could give, and the GPUs and nodes by these numbers.
struct RoomIndex: Sendable {
    private let classes: Int
    /// Numbers of leaves from 0 to this on a GPU, and on a node.
    let mostOnGPU: Int
    let mostOnNode: Int

    // By GPU and class.
    private var counts: [UInt8]
    private var unusableSlices: [UInt8]
    /// By node and class.
    private var nodeCounts: [Int32]
    /// Sets of GPUs: one for each class and number of leaves.
    private var gpusWith: BitForest
    /// Sets of nodes: one for each class and number of leaves.
    private var nodesWith: BitForest
    /// Sets of numbers: for each class those that some node has.
    private var nodeNumbers: BitForest
    /// By class and number of leaves: how many GPUs and nodes have it.
    private var gpusHaving: [Int32]
    private var nodesHaving: [Int32]
    private(set) var total: [Int]

    init(classes: Int, gpus: Int, nodes: Int, mostOnGPU: Int, mostOnNode: Int) {
        self.classes = classes
        self.mostOnGPU = mostOnGPU
        self.mostOnNode = mostOnNode
        counts = Array(repeating: 0, count: gpus * classes)
        unusableSlices = counts
        nodeCounts = Array(repeating: 0, count: nodes * classes)
        gpusWith = BitForest(sets: classes * (mostOnGPU + 1), bound: gpus)
        nodesWith = BitForest(sets: classes * (mostOnNode + 1), bound: nodes)
        nodeNumbers = BitForest(sets: classes, bound: mostOnNode + 1)
        gpusHaving = Array(repeating: 0, count: classes * (mostOnGPU + 1))
        nodesHaving = Array(repeating: 0, count: classes * (mostOnNode + 1))
        total = Array(repeating: 0, count: classes)
        for leafClass in 0..<classes {
            let none = leafClass * (mostOnGPU + 1)
            for gpu in 0..<gpus { gpusWith.insert(gpu, into: none) }
            gpusHaving[none] = Int32(gpus)
            let noneOfNode = leafClass * (mostOnNode + 1)
            for node in 0..<nodes { nodesWith.insert(node, into: noneOfNode) }
            nodesHaving[noneOfNode] = Int32(nodes)
            if nodes > 0 { nodeNumbers.insert(0, into: leafClass) }
        }
    }

    var steps: Int { gpusWith.steps &+ nodesWith.steps &+ nodeNumbers.steps }

    func count(_ leafClass: Int, _ gpu: Int) -> Int { Int(counts[gpu &* classes &+ leafClass]) }

    func count(_ leafClass: Int, node: Int) -> Int { Int(nodeCounts[node &* classes &+ leafClass]) }

    func unusable(_ leafClass: Int, _ gpu: Int) -> UInt8 { unusableSlices[gpu &* classes &+ leafClass] }

    mutating func setUnusable(_ leafClass: Int, _ gpu: Int, _ slices: Int) {
        unusableSlices[gpu &* classes &+ leafClass] = UInt8(slices)
    }

    mutating func set(_ leafClass: Int, gpu: Int, node: Int, count: Int) {
        let at = gpu &* classes &+ leafClass
        let old = Int(counts[at])
        guard old != count else { return }
        counts[at] = UInt8(count)
        let sets = leafClass &* (mostOnGPU &+ 1)
        gpusWith.remove(gpu, from: sets &+ old)
        gpusWith.insert(gpu, into: sets &+ count)
        gpusHaving[sets &+ old] &-= 1
        gpusHaving[sets &+ count] &+= 1
        total[leafClass] &+= count &- old

        let atNode = node &* classes &+ leafClass
        let oldNode = Int(nodeCounts[atNode])
        let newNode = oldNode &+ count &- old
        nodeCounts[atNode] = Int32(newNode)
        let nodeSets = leafClass &* (mostOnNode &+ 1)
        nodesWith.remove(node, from: nodeSets &+ oldNode)
        nodesWith.insert(node, into: nodeSets &+ newNode)
        nodesHaving[nodeSets &+ oldNode] &-= 1
        if nodesHaving[nodeSets &+ oldNode] == 0 { nodeNumbers.remove(oldNode, from: leafClass) }
        nodesHaving[nodeSets &+ newNode] &+= 1
        if nodesHaving[nodeSets &+ newNode] == 1 { nodeNumbers.insert(newNode, into: leafClass) }
    }

    /// The GPU with the fewest leaves of the class, but so many at least; the first of equals.
    mutating func fullestGPU(_ leafClass: Int, atLeast count: Int) -> Int? {
        let sets = leafClass &* (mostOnGPU &+ 1)
        var number = count
        while number <= mostOnGPU {
            if gpusHaving[sets &+ number] > 0 { return gpusWith.first(from: 0, in: sets &+ number) }
            number &+= 1
        }
        return nil
    }

    /// The same among the GPUs `range` only.
    mutating func fullestGPU(_ leafClass: Int, atLeast count: Int, in range: Range<Int>) -> Int? {
        var number = count
        while number <= mostOnGPU {
            if let gpu = gpu(leafClass, count: number, from: range.lowerBound, before: range.upperBound) { return gpu }
            number &+= 1
        }
        return nil
    }

    /// The GPU of `range` with the most leaves of the class, if it has any; the first of equals.
    mutating func emptiestGPU(_ leafClass: Int, in range: Range<Int>) -> Int? {
        var number = mostOnGPU
        while number > 0 {
            if let gpu = gpu(leafClass, count: number, from: range.lowerBound, before: range.upperBound) { return gpu }
            number &-= 1
        }
        return nil
    }

    /// The first GPU from `start` on with just so many leaves of the class.
    mutating func gpu(_ leafClass: Int, count: Int, from start: Int, before end: Int) -> Int? {
        let set = leafClass &* (mostOnGPU &+ 1) &+ count
        guard gpusHaving[set] > 0, let gpu = gpusWith.first(from: start, in: set), gpu < end else { return nil }
        return gpu
    }

    /// The node with the fewest leaves of the class, but so many at least; the first of equals.
    mutating func fullestNode(_ leafClass: Int, atLeast count: Int) -> Int? {
        guard count <= mostOnNode, let number = nodeNumbers.first(from: count, in: leafClass) else { return nil }
        return nodesWith.first(from: 0, in: leafClass &* (mostOnNode &+ 1) &+ number)
    }

    /// The node with the most leaves of the class, if it has any; the first of equals.
    mutating func emptiestNode(_ leafClass: Int) -> Int? {
        guard total[leafClass] > 0, let number = nodeNumbers.last(in: leafClass), number > 0 else { return nil }
        return nodesWith.first(from: 0, in: leafClass &* (mostOnNode &+ 1) &+ number)
    }
}
