/// An instance that was made, and the idle ones that were destroyed for it.
package struct CutMade: Hashable, Sendable {
    package var unit: LeafUnit
    /// Units of the same GPU, as bits.
    package var destroyed: UInt64
}

/// What those need to know and say who have real leaves behind the pool.
extension LeafPool {
    /// Holds just these units, all or none: leaves that are known to be somebody's.
    ///
    /// - Returns: nil where one of them is handed out already, or can't be there beside what is.
    package mutating func hold(exactly units: [LeafUnit], until end: Double) -> GangHold? {
        var taken: [LeafUnit] = []
        for unit in units {
            let gpu = Int(unit.gpu)
            let isOpen =
                busy[gpu] & 1 << UInt64(unit.unit) == 0
                && shapes[Int(shapeOf[gpu])].table.map { $0.state(Int(state[gpu]), adding: Int(unit.unit)) != nil }
                    ?? true
            guard isOpen else {
                putBack(&taken)
                return nil
            }
            take(Int(unit.unit), on: gpu)
            taken.append(unit)
        }
        return hold(units, until: end)
    }

    /// The units of a GPU that are handed out, as bits.
    package func busyUnits(of gpu: Int) -> UInt64 { busy[gpu] }

    /// Instances that are there and idle, as bits; none on GPUs that aren't cut as needed.
    package func idleInstances(of gpu: Int) -> UInt64 { idle[gpu] }

    /// Says which instances are there and idle on a GPU that is cut as needed.
    package mutating func setIdleInstances(_ units: UInt64, of gpu: Int) {
        guard shapes[Int(shapeOf[gpu])].table != nil else { return }
        idle[gpu] = units & ~busy[gpu]
    }
}

extension Scheduler {
    /// Goes on where another scheduler of the same jobs was: who was passed how often, and what tenants have used.
    package mutating func resume(from other: Scheduler, shares: TenantShares?) {
        (firstInLine, overtaken, decisions) = (other.firstInLine, other.overtaken, other.decisions)
        if let shares { self.shares = shares }
    }

    /// Takes the charge of a start back that came to nothing.
    package mutating func refund(_ start: JobStart, now: Double) {
        shares.refund(
            kinds[Int(start.job.kind)].slices, for: Int(start.job.tenant), seconds: start.expectedSeconds, now: now)
    }
}

extension JobStart {
    /// A job that was found running: its leaves are held by whoever found it.
    package init(found job: QueuedJob, expectedSeconds: Double) {
        self.init(
            job: job, option: 0, facts: GangFacts(), hold: .none, linkLoad: 0, expectedSeconds: expectedSeconds)
    }
}
