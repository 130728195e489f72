import LeafScheduling
import MIGModel
import NodeAPI

/// Starting jobs.
extension NodeQueue {
    /// Asks the scheduler once, and orders what it has started.
    mutating func pass(_ draft: inout Draft) {
        scheduler.pass(now: draft.now.queue, client: &board)
        guard !board.started.isEmpty else { return }
        let started = board.started
        board.started.removeAll(keepingCapacity: true)
        var cuts = Dictionary(scheduler.pool.cutsMade.map { ($0.unit, $0.destroyed) }) { first, _ in first }
        scheduler.pool.cutsMade.removeAll(keepingCapacity: true)
        for one in started { order(one, &cuts, &draft) }
        if configuration.isFair { draft.turn.memoryHasChanged = true }
    }

    private mutating func order(
        _ started: StartBoard.Started, _ cuts: inout [LeafUnit: UInt64], _ draft: inout Draft
    ) {
        let number = started.start.job.id
        guard let live = jobs[number] else { return }
        let units = started.units.sorted { rank($0) < rank($1) }
        var order = StartOrder(id: live.job.id, leaves: [])
        var cutUnits: [LeafUnit] = []
        for unit in units {
            var leaf = book.leaf(unit)
            if let destroyed = cuts.removeValue(forKey: unit) {
                leaf.uuid = nil
                cutUnits.append(unit)
                order.cuts.append(leaf)
                order.destroys += clear(destroyed, for: leaf, gpu: Int(unit.gpu))
                book.gpus[Int(unit.gpu)].uuids[Int(unit.unit)] = nil
            }
            order.leaves.append(leaf)
        }
        let now = draft.now.queue
        let seconds = started.start.expectedSeconds
        let end = now + (started.start.facts.recuts ? scheduler.recutSeconds : 0) + seconds
        jobs[number]?.hold = Holding(start: started.start, units: units, cuts: cutUnits, from: now, expectedEnd: end)
        jobs[number]?.place = .out
        holders.insert(number)
        tell(number, .chosen(order.leaves, expectedSeconds: seconds.isFinite ? seconds : nil), &draft)
        jobs[number]?.use &+= 1
        if end.isFinite, let use = jobs[number]?.use {
            timers.push(.init(time: end, kind: .late, number: number, use: use))
        }
        draft.turn.actions.append(.start(order))
    }

    /// Ranks go by GPU, then by place.
    private func rank(_ unit: LeafUnit) -> (Int, Int, Int) {
        let key = book.gpus[Int(unit.gpu)].keys[Int(unit.unit)]
        return (book.gpus[Int(unit.gpu)].index, key.placement.start, key.computeInstance)
    }

    /// The idle instances that go for a leaf that is cut.
    private mutating func clear(_ destroyed: UInt64, for leaf: PlacedLeaf, gpu: Int) -> [PlacedLeaf] {
        var gone: [PlacedLeaf] = []
        var rest = destroyed
        while rest != 0 {
            let unit = rest.trailingZeroBitCount
            rest &= rest &- 1
            gone.append(book.leaf(LeafUnit(gpu: gpu, unit: unit)))
            book.gpus[gpu].uuids[unit] = nil
        }
        gone += book.gpus[gpu].odd.filter { $0.placement.overlaps(leaf.placement) }
        book.gpus[gpu].odd.removeAll { $0.placement.overlaps(leaf.placement) }
        return gone
    }
}
