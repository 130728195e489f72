/// What plans have changed in a pool, to be taken back.
struct PlanJournal: Sendable {
    fileprivate enum Change {
        /// The unit was busy and is not any more.
        case freed
        /// The unit was free and is busy now.
        case taken
    }

    /// Each change with the end that was expected of the unit before.
    fileprivate var entries: [(unit: LeafUnit, change: Change, end: Double)] = []
}

extension LeafPool {
    /// Gives a gang leaves at the earliest time from `time` on, if nothing else started, and holds them from then on.
    ///
    /// What ends by then where the gang lies is given back first. So plans made one after the other, each from the last one's
    /// start on, are those of jobs that start in this order. The gang lies where it can be first, of equal places on the
    /// first; `undo` takes everything back. Costs a look at one GPU, or the GPUs of one node, and steps logarithmic in the
    /// cluster; for gangs that may lie on several nodes O(leaves log leaves).
    /// - Parameter units: gets what is taken, and nothing else.
    /// - Returns: the start, or nil when no end is in sight; then nothing has changed.
    mutating func plan(
        _ option: GangOption, from time: Double, into journal: inout PlanJournal, units: inout [LeafUnit]
    ) -> Double? {
        let start = max(time, earliestStart(option))
        guard start.isFinite else { return nil }
        units.removeAll(keepingCapacity: true)
        if option.count == 1 {
            let gpu = earliestPlace(option).lowerBound
            giveBackEnded(by: start, on: gpu, &journal)
            takeOne(option.leafClass, on: gpu, into: &units)
        } else {
            let isOnOneNode = option.maximumNodes == 1
            let nodes = isOnOneNode ? [Int(nodeOf[earliestPlace(option).lowerBound])] : nodes(for: option, at: start)
            var missing = option.count
            for node in nodes {
                for gpu in gpus(of: node) { giveBackEnded(by: start, on: gpu, &journal) }
                let now = min(missing, room.count(option.leafClass, node: node))
                if now > 0 { fill(now, of: option.leafClass, on: node, option.arrangement, into: &units) }
                missing -= now
            }
        }
        for unit in units {
            journal.entries.append((unit, .taken, endOf[Int(unit.gpu) &* stride &+ Int(unit.unit)]))
        }
        return start
    }

    private mutating func giveBackEnded(by time: Double, on gpu: Int, _ journal: inout PlanJournal) {
        var rest = busy[gpu]
        while rest != 0 {
            let unit = rest.trailingZeroBitCount
            rest &= rest &- 1
            walked &+= 1
            let end = endOf[gpu &* stride &+ unit]
            guard end <= time else { continue }
            journal.entries.append((LeafUnit(gpu: gpu, unit: unit), .freed, end))
            giveBack(unit, on: gpu)
            forecast.touch(gpu: gpu, node: Int(nodeOf[gpu]))
        }
    }

    /// Makes the pool what it was before the journal's plans.
    mutating func undo(_ journal: inout PlanJournal) {
        while let (unit, change, end) = journal.entries.popLast() {
            let gpu = Int(unit.gpu)
            switch change {
            case .freed: take(Int(unit.unit), on: gpu)
            case .taken: giveBack(Int(unit.unit), on: gpu)
            }
            endOf[gpu &* stride &+ Int(unit.unit)] = end
            forecast.touch(gpu: gpu, node: Int(nodeOf[gpu]))
        }
    }
}
