/// One reason why a job does not start now. A job that waits has at least one; all that hold are told.
public enum Obstacle: Hashable, Sendable {
    /// Nothing that the cluster could ever give would do: no leaf has the type or the memory.
    case nothingSuits
    /// The way `option` needs more leaves than there are, even when nothing runs.
    case neverEnough(option: Int, wanted: Int, total: Int)
    /// The way `option` needs more leaves on so few nodes than there are, even when nothing runs.
    case neverOnNodes(option: Int, wanted: Int, most: Int, nodes: Int)
    /// The way `option` needs leaves that others hold: so many of the total are free.
    case notNow(option: Int, wanted: Int, free: Int, total: Int)
    /// Enough leaves are free, but at most `most` on `nodes` nodes, over which the gang may lie; it would need `needed`.
    case notTogether(option: Int, wanted: Int, most: Int, nodes: Int, needed: Int)
    /// So many more leaves for the way `option` would be free if they were not withheld: in quarantine, or somebody else's.
    case withheld(option: Int, leaves: Int)
    /// The tenant holds `held` slices and may have `quota`.
    case quota(wanted: Int, held: Int, quota: Int)
    /// More than the tenant may ever have.
    case neverByQuota(wanted: Int, quota: Int)
    /// Another job has its turn first, and nobody may pass it: so many are in front.
    case behind(job: Int32, ahead: Int)
    /// So many places behind the job whose turn it is, and only `lookAhead` are looked at.
    case beyondLookAhead(job: Int32, places: Int, lookAhead: Int)
    /// Starting now would put off the start of a job in front, which is promised by then.
    case wouldDelay(job: Int32, promised: Double)
    /// Waiting until `start` is expected to finish earlier than any start now.
    case finishesEarlierLater(start: Double)
    /// What is free now are more leaves than are spanned without an expected run time.
    case spansUnknown(most: Int)
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

/// Something that would take an obstacle away.
public enum Change: Hashable, Sendable {
    /// The job asks for other leaves, such as ones with less memory.
    case askForOtherLeaves
    /// The job asks for no more than so many leaves.
    case askForFewer(option: Int, most: Int)
    /// The job asks for no more than so many compute slices.
    case askForFewerSlices(most: Int)
    /// So many more leaves of the option's class become free.
    case leavesEnd(option: Int, more: Int)
    /// So many more leaves become free on the nodes that have the most already.
    case leavesEndTogether(option: Int, more: Int)
    /// The gang may lie on so many nodes.
    case allowNodes(option: Int, nodes: Int)
    /// Withheld leaves are handed out again.
    case restore(option: Int, leaves: Int)
    /// The tenant's running jobs give back so many slices.
    case tenantEnds(slices: Int)
    /// The tenant's quota becomes so many slices.
    case raiseQuota(to: Int)
    /// So many jobs in front start or are cancelled.
    case othersStart(jobs: Int)
    /// The job is expected to run for at most so many seconds.
    case runShorter(seconds: Double)
    /// The job gets an expected run time.
    case expectRunTime
    /// Nothing: it starts by itself at that time.
    case wait(until: Double)
}

extension Obstacle {
    /// What would take it away, each by itself.
    public func changes(now: Double) -> [Change] {
        switch self {
        case .nothingSuits: [.askForOtherLeaves]
        case .neverEnough(let option, _, let total): [total > 0 ? .askForFewer(option: option, most: total) : .askForOtherLeaves]
        case .neverOnNodes(let option, _, let most, let nodes):
            (most > 0 ? [.askForFewer(option: option, most: most)] : [])
                + [.allowNodes(option: option, nodes: nodes + 1)]
        case .notNow(let option, let wanted, let free, _):
            [.leavesEnd(option: option, more: wanted - free)] + fewer(option, free)
        case .notTogether(let option, let wanted, let most, _, let needed):
            [.leavesEndTogether(option: option, more: wanted - most), .allowNodes(option: option, nodes: needed)]
                + fewer(option, most)
        case .withheld(let option, let leaves): [.restore(option: option, leaves: leaves)]
        case .quota(let wanted, let held, let quota):
            [.tenantEnds(slices: held + wanted - quota), .raiseQuota(to: held + wanted)]
        case .neverByQuota(let wanted, let quota):
            (quota > 0 ? [.askForFewerSlices(most: quota)] : []) + [.raiseQuota(to: wanted)]
        case .behind(_, let ahead): [.othersStart(jobs: ahead)]
        case .beyondLookAhead(_, let places, let lookAhead): [.othersStart(jobs: places - lookAhead)]
        case .wouldDelay(_, let promised): promised > now ? [.runShorter(seconds: promised - now)] : []
        case .finishesEarlierLater(let start): [.wait(until: start)]
        case .spansUnknown: [.expectRunTime]
        case .overtakenEnough: [.othersStart(jobs: 1)]
        }
    }

    private func fewer(_ option: Int, _ most: Int) -> [Change] {
        most > 0 ? [.askForFewer(option: option, most: most)] : []
    }
}
