extension LeafPool {
    /// Takes leaves for a gang, all or none.
    ///
    /// Instances that have to be cut are not made yet: `hold` makes them, `putBack` forgets them. So an option can be
    /// looked at without a trace.
    /// - Parameter units: what was taken, appended in the order of the choice.
    /// - Returns: where it lies, or nil when the leaves can't be had now; then nothing has changed.
    public mutating func take(_ option: GangOption, into units: inout [LeafUnit]) -> GangFacts? {
        walked &+= 1
        guard option.count <= room.total[option.leafClass], option.count > 0 else { return nil }
        let first = units.count
        if option.count == 1 {
            guard let gpu = gpuForOne(option) else { return nil }
            takeOne(option.leafClass, on: gpu, into: &units)
        } else if case .cost(let cost) = option.arrangement {
            guard takeCheapest(option, cost, into: &units) else { return nil }
        } else {
            guard takeMany(option, into: &units) else { return nil }
        }
        return facts(units, from: first)
    }

    /// Gives back what `take` has taken, as if it had not been.
    public mutating func putBack(_ units: inout [LeafUnit], from first: Int = 0) {
        while units.count > first {
            let last = units.removeLast()
            giveBack(Int(last.unit), on: Int(last.gpu))
        }
    }

    private mutating func gpuForOne(_ option: GangOption) -> Int? {
        if case .spread = option.arrangement {
            guard let node = room.emptiestNode(option.leafClass) else { return nil }
            return room.emptiestGPU(option.leafClass, in: gpus(of: node))
        }
        return cuts.bestGPU(option.leafClass) ?? room.fullestGPU(option.leafClass, atLeast: 1)
    }

    /// The GPUs of a node.
    public func gpus(of node: Int) -> Range<Int> { Int(firstGPU[node])..<Int(firstGPU[node + 1]) }

    mutating func takeOne(_ leafClass: LeafClass, on gpu: Int, into units: inout [LeafUnit]) {
        let unit = nextUnit(of: leafClass, on: gpu)
        take(unit, on: gpu)
        units.append(LeafUnit(gpu: gpu, unit: unit))
    }

    mutating func takeMany(_ option: GangOption, into units: inout [LeafUnit]) -> Bool {
        let (leafClass, count) = (option.leafClass, option.count)
        if case .pack = option.arrangement, let gpu = room.fullestGPU(leafClass, atLeast: count) {
            for _ in 0..<count { takeOne(leafClass, on: gpu, into: &units) }
            return true
        }
        let one: Int? =
            switch option.arrangement {
            case .spread: room.emptiestNode(leafClass).flatMap { room.count(leafClass, node: $0) >= count ? $0 : nil }
            default: room.fullestNode(leafClass, atLeast: count)
            }
        if let one {
            fill(count, of: leafClass, on: one, option.arrangement, into: &units)
            return true
        }
        guard option.maximumNodes > 1 else { return false }
        let first = units.count
        var missing = count
        for _ in 0..<option.maximumNodes {
            // The node that can take all that is missing with the least room left over; else the emptiest.
            let whole = room.fullestNode(leafClass, atLeast: missing)
            guard let node = whole ?? room.emptiestNode(leafClass) else { break }
            let now = min(missing, room.count(leafClass, node: node))
            fill(now, of: leafClass, on: node, option.arrangement, into: &units)
            missing -= now
            if missing == 0 { return true }
        }
        putBack(&units, from: first)
        return false
    }

    /// Takes leaves of one node that has so many.
    mutating func fill(
        _ count: Int, of leafClass: LeafClass, on node: Int, _ arrangement: Arrangement, into units: inout [LeafUnit]
    ) {
        let range = gpus(of: node)
        var missing = count
        if case .spread = arrangement {
            while missing > 0 {
                // One leaf from each GPU in turn, the emptiest GPU first.
                scratch.removeAll(keepingCapacity: true)
                var number = room.mostOnGPU
                while number > 0, scratch.count < missing {
                    var gpu = room.gpu(leafClass, count: number, from: range.lowerBound, before: range.upperBound)
                    while let found = gpu, scratch.count < missing {
                        scratch.append(Int32(found))
                        gpu = room.gpu(leafClass, count: number, from: found + 1, before: range.upperBound)
                    }
                    number -= 1
                }
                if scratch.isEmpty { return }
                missing -= scratch.count
                for turn in scratch.indices { takeOne(leafClass, on: Int(scratch[turn]), into: &units) }
            }
            return
        }
        while missing > 0 {
            // The GPU that can take all that is missing and has the least room left over; else the emptiest.
            let whole = room.fullestGPU(leafClass, atLeast: missing, in: range)
            guard let gpu = whole ?? room.emptiestGPU(leafClass, in: range) else { return }
            let now = min(missing, room.count(leafClass, gpu))
            for _ in 0..<now { takeOne(leafClass, on: gpu, into: &units) }
            missing -= now
        }
    }

    /// Where a gang lies. O(leaves).
    func facts(_ units: [LeafUnit], from first: Int = 0) -> GangFacts {
        var facts = GangFacts()
        facts.leaves = units.count - first
        var (gpu, onGPU) = (Int32(-1), 0)
        var (node, lastNUMA) = (Int32(-1), Int8(-2))
        var fewest = Int.max
        for at in first..<units.count {
            let unit = units[at]
            let shape = Int(shapeOf[Int(unit.gpu)])
            let multiprocessors = shapes[shape].units[Int(unit.unit)].multiprocessors
            facts.multiprocessors += multiprocessors
            facts.computeSlices += shapes[shape].units[Int(unit.unit)].computeSlices
            facts.takenSlices += shapes[shape].takenSlices[Int(unit.unit)]
            if multiprocessors < fewest {
                fewest = multiprocessors
                (facts.slowestShape, facts.slowestUnit) = (shape, Int(unit.unit))
            }
            let isIdle = idle[Int(unit.gpu)] & 1 << UInt64(unit.unit) != 0
            if !isIdle, shapes[shape].table != nil { facts.recuts = true }
            if unit.gpu != gpu {
                gpu = unit.gpu
                // A gang comes back to a GPU only when it is spread in rounds, and then over the same nodes.
                let isNew = !units[first..<at].contains { $0.gpu == gpu }
                onGPU = units[first..<units.count].count { $0.gpu == gpu }
                facts.mostLeavesOnOneGPU = max(facts.mostLeavesOnOneGPU, onGPU)
                facts.foreignLinkLoad = max(facts.foreignLinkLoad, Int(linkLoad[Int(gpu)]))
                guard isNew else { continue }
                facts.gpus += 1
                if nodeOf[Int(gpu)] != node {
                    node = nodeOf[Int(gpu)]
                    facts.nodes += 1
                    lastNUMA = -2
                }
                if numaOf[Int(gpu)] != lastNUMA {
                    lastNUMA = numaOf[Int(gpu)]
                    facts.numaNodes += 1
                }
            }
        }
        return facts
    }
}
