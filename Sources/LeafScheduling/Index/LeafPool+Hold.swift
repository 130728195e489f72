/// A running gang's hold on its leaves: the first of them, from which the pool finds the others.
public struct GangHold: Hashable, Sendable {
    var first: Int32

    /// No leaves.
    public static let none = GangHold(first: -1)
}

extension LeafPool {
    /// Lets a gang keep what was taken for it.
    ///
    /// - Parameter units: what `take` has returned, all of it.
    /// - Parameter until: when the leaves are expected back; infinite where nobody knows.
    /// - Parameter linkLoad: what the gang puts on the link of a GPU with its most leaves, in millionths of its bandwidth.
    ///   GPUs with fewer of its leaves get less in proportion.
    public mutating func hold(_ units: [LeafUnit], until: Double, linkLoad load: Int = 0) -> GangHold {
        var next = Int32(-1)
        for unit in units.reversed() {
            let gpu = Int(unit.gpu)
            let at = gpu &* stride &+ Int(unit.unit)
            endOf[at] = until
            nextOf[at] = next
            next = Int32(at)
            _ = cut(Int(unit.unit), on: gpu)
            forecast.touch(gpu: gpu, node: Int(nodeOf[gpu]))
        }
        if load > 0 { addLoad(load, units: units, sign: 1) }
        return GangHold(first: next)
    }

    /// Gives a gang's leaves back.
    ///
    /// - Parameter linkLoad: as it was given to `hold`.
    public mutating func release(_ hold: GangHold, linkLoad load: Int = 0, units: inout [LeafUnit]) {
        let first = units.count
        append(hold, to: &units)
        if load > 0 { addLoad(load, units: units, sign: -1) }
        for at in first..<units.count {
            let (gpu, unit) = (Int(units[at].gpu), Int(units[at].unit))
            if shapes[Int(shapeOf[gpu])].table != nil { idle[gpu] |= 1 << UInt64(unit) }
            giveBack(unit, on: gpu)
            forecast.touch(gpu: gpu, node: Int(nodeOf[gpu]))
        }
    }

    /// Expects a running gang's leaves back at another time.
    public mutating func setEnd(of hold: GangHold, to end: Double) {
        var at = hold.first
        while at >= 0 {
            endOf[Int(at)] = end
            let gpu = Int(at) / stride
            forecast.touch(gpu: gpu, node: Int(nodeOf[gpu]))
            at = nextOf[Int(at)]
        }
    }

    /// When a running gang's leaves are expected back.
    public func end(of hold: GangHold) -> Double { hold.first < 0 ? 0 : endOf[Int(hold.first)] }

    /// Appends the leaves that a gang holds.
    public func append(_ hold: GangHold, to units: inout [LeafUnit]) {
        var at = hold.first
        while at >= 0 {
            units.append(LeafUnit(gpu: Int(at) / stride, unit: Int(at) % stride))
            at = nextOf[Int(at)]
        }
    }

    private mutating func addLoad(_ load: Int, units: [LeafUnit], sign: Int) {
        let most = facts(units).mostLeavesOnOneGPU
        for unit in units { linkLoad[Int(unit.gpu)] += Int32(sign * (load / most)) }
    }
}

extension LeafPool {
    /// When nothing that runs on a GPU now is expected to run any more; 0 where nothing runs.
    public func idleTime(of gpu: Int) -> Double {
        var rest = busy[gpu]
        var time = 0.0
        while rest != 0 {
            time = max(time, endOf[gpu &* stride &+ rest.trailingZeroBitCount])
            rest &= rest &- 1
        }
        return time
    }
}
