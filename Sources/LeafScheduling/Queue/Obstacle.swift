/// One reason why a job does not start now. A job that waits has at least one; all that hold are told.
public enum Obstacle: Hashable, Sendable {
    /// Nothing that the cluster could ever give would do.
    case nothingSuits
    /// The way `option` needs more leaves than there are, even when nothing runs.
    case neverEnough(option: Int, wanted: Int, total: Int)
    /// The way `option` needs more leaves on so few nodes than there are, even when nothing runs.
    case neverOnNodes(option: Int, wanted: Int, most: Int)
    /// The way `option` needs leaves that others hold: so many of the total are free.
    case notNow(option: Int, wanted: Int, free: Int, total: Int)
    /// Enough leaves are free, but not on so few nodes.
    case notTogether(option: Int, wanted: Int, most: Int)
    /// The tenant holds `held` slices and may have `quota`.
    case quota(wanted: Int, held: Int, quota: Int)
    /// More than the tenant may ever have.
    case neverByQuota(wanted: Int, quota: Int)
    /// Another job is in front, and the discipline or the look-ahead lets nobody pass it.
    case behind(job: Int32)
    /// Starting now would put off the start of a job in front, which is promised by then.
    case wouldDelay(job: Int32, promised: Double)
    /// Waiting until `start` is expected to finish earlier than any start now.
    case finishesEarlierLater(start: Double)
    /// So many jobs have passed the first in line that nobody else may.
    case overtakenEnough(job: Int32, times: Int)

    /// Whether waiting can't help.
    public var isFinal: Bool {
        switch self {
        case .nothingSuits, .neverEnough, .neverOnNodes, .neverByQuota: true
        default: false
        }
    }
}

extension LeafPool {
    /// How many leaves of a class the whole cluster, or its best node, would have if nothing ran. O(GPUs).
    public func whenIdle(_ leafClass: LeafClass) -> (total: Int, bestNode: Int) {
        var (total, best) = (0, 0)
        for node in 0..<nodeCount {
            let here = gpus(of: node).reduce(0) { sum, gpu in
                sum + shapes[Int(shapeOf[gpu])].capacity(of: leafClass, busy: 0, state: 0)
            }
            total += here
            best = max(best, here)
        }
        return (total, best)
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

    /// Why an option can't be had now; nil when it can.
    public mutating func obstacle(_ option: GangOption, number: Int) -> Obstacle? {
        if canTake(option) { return nil }
        let idle = whenIdle(option.leafClass)
        if option.count > idle.total {
            return .neverEnough(option: number, wanted: option.count, total: idle.total)
        }
        if option.maximumNodes == 1, option.count > idle.bestNode {
            return .neverOnNodes(option: number, wanted: option.count, most: idle.bestNode)
        }
        let free = total(of: option.leafClass)
        if option.count > free {
            return .notNow(option: number, wanted: option.count, free: free, total: idle.total)
        }
        let best = room.emptiestNode(option.leafClass).map { room.count(option.leafClass, node: $0) } ?? 0
        return .notTogether(option: number, wanted: option.count, most: best)
    }
}
