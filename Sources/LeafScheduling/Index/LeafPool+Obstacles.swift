extension LeafPool {
    /// How many leaves of a class the whole cluster, or its best nodes, would have if nothing ran and nothing were withheld.
    /// O(GPUs).
    public func whenIdle(_ leafClass: LeafClass, nodes: Int = 1) -> (total: Int, bestNodes: Int) {
        let counts = (0..<nodeCount).map { node in
            gpus(of: node).reduce(0) { sum, gpu in
                sum + shapes[Int(shapeOf[gpu])].capacity(of: leafClass, busy: 0, state: 0)
            }
        }
        return (counts.reduce(0, +), counts.sorted(by: >).prefix(nodes).reduce(0, +))
    }

    /// Whether the gang can be had now. O(1).
    public mutating func canTake(_ option: GangOption) -> Bool {
        walked &+= 1
        guard option.count <= room.total[option.leafClass] else { return false }
        if option.count == 1 { return true }
        if room.fullestNode(option.leafClass, atLeast: option.count) != nil { return true }
        guard option.maximumNodes > 1 else { return false }
        guard option.maximumNodes < nodeCount else { return true }
        var units: [LeafUnit] = []
        guard take(option, into: &units) != nil else { return false }
        putBack(&units)
        return true
    }

    /// Why an option can't be had now; nothing when it can. O(GPUs).
    public mutating func obstacles(_ option: GangOption, number: Int) -> [Obstacle] {
        if canTake(option) { return [] }
        let (wanted, nodes) = (option.count, option.maximumNodes)
        let idle = whenIdle(option.leafClass, nodes: nodes)
        guard wanted <= idle.total else { return [.neverEnough(option: number, wanted: wanted, total: idle.total)] }
        guard wanted <= idle.bestNodes else {
            return [.neverOnNodes(option: number, wanted: wanted, most: idle.bestNodes, nodes: nodes)]
        }
        let free = total(of: option.leafClass)
        var found: [Obstacle] = []
        if wanted > free {
            found.append(.notNow(option: number, wanted: wanted, free: free, total: idle.total))
        } else {
            let counts = (0..<nodeCount).map { room.count(option.leafClass, node: $0) }.sorted(by: >)
            var (missing, needed) = (wanted, 0)
            while missing > 0, needed < counts.count {
                missing -= counts[needed]
                needed += 1
            }
            found.append(
                .notTogether(
                    option: number, wanted: wanted, most: counts.prefix(nodes).reduce(0, +), nodes: nodes,
                    needed: needed))
        }
        let withheld = withheldLeaves(of: option.leafClass)
        if withheld > 0 { found.append(.withheld(option: number, leaves: withheld)) }
        return found
    }
}
