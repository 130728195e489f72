extension LeafPool {
    /// Takes the cheapest of several gangs: in the nodes with the least room that is enough, the most room, or in
    /// several nodes; on each with at most 1, 2, 4 ... leaves of the gang on one link.
    ///
    /// On a node its GPUs are gone through once for each limit, those with the least foreign load first, so the cost goes
    /// by the GPUs of a node and not by those of the cluster.
    mutating func takeCheapest(_ option: GangOption, _ cost: PlacementCost, into units: inout [LeafUnit]) -> Bool {
        let first = units.count
        let leafClass = option.leafClass
        let fullest = room.fullestNode(leafClass, atLeast: option.count)
        let emptiest = room.emptiestNode(leafClass)
        guard let emptiest, fullest != nil || option.maximumNodes > 1 else { return false }
        var packed = option
        packed.arrangement = .pack
        guard takeMany(packed, into: &units) else { return false }
        var least = price(facts(units, from: first), cost)
        var best = (node: -1, limit: 0)
        putBack(&units, from: first)
        var node = fullest
        while let candidate = node {
            var limit = 1
            while true {
                if fill(option.count, of: leafClass, on: candidate, limit: limit, into: &units) {
                    let price = price(facts(units, from: first), cost)
                    if price < least { (least, best) = (price, (candidate, limit)) }
                }
                putBack(&units, from: first)
                if limit >= option.count { break }
                limit = min(limit * 2, option.count)
            }
            node = candidate == emptiest || room.count(leafClass, node: emptiest) < option.count ? nil : emptiest
        }
        if best.node < 0 { return takeMany(packed, into: &units) }
        return fill(option.count, of: leafClass, on: best.node, limit: best.limit, into: &units)
    }

    private func price(_ facts: GangFacts, _ cost: PlacementCost) -> Double {
        // A foreign load of one whole link slows as much as the job's own leaves do at their fullest.
        let link = Double(facts.mostLeavesOnOneGPU) * (1 + Double(facts.foreignLinkLoad) / 1e6)
        return cost.perLeafOnLink * link + cost.perGPU * Double(facts.gpus)
            + cost.perNUMANode * Double(facts.numaNodes - 1)
    }

    /// Takes leaves of one node, at most `limit` from each GPU: from GPUs with idle links first, then from those of one
    /// NUMA node, then from those with the most room. False when the limit doesn't allow so many; what was taken is left
    /// to the caller.
    private mutating func fill(
        _ count: Int, of leafClass: LeafClass, on node: Int, limit: Int, into units: inout [LeafUnit]
    ) -> Bool {
        let range = gpus(of: node)
        var missing = count
        var numa: Int8?
        while missing > 0 {
            var best: (gpu: Int, load: Int32, isFar: Bool, usable: Int)?
            for gpu in range {
                walked &+= 1
                let room = room.count(leafClass, gpu)
                guard room > 0, !units.contains(where: { $0.gpu == Int32(gpu) }) else { continue }
                let usable = min(room, limit, missing)
                let isFar = numa.map { $0 != numaOf[gpu] } ?? false
                if let found = best {
                    if found.load != linkLoad[gpu] {
                        guard linkLoad[gpu] < found.load else { continue }
                    } else if found.isFar != isFar {
                        guard found.isFar else { continue }
                    } else {
                        guard usable > found.usable else { continue }
                    }
                }
                best = (gpu, linkLoad[gpu], isFar, usable)
            }
            guard let best else { return false }
            numa = numa ?? numaOf[best.gpu]
            for _ in 0..<best.usable {
                let unit = nextUnit(of: leafClass, on: best.gpu)
                take(unit, on: best.gpu)
                units.append(LeafUnit(gpu: best.gpu, unit: unit))
            }
            missing -= best.usable
        }
        return true
    }
}
