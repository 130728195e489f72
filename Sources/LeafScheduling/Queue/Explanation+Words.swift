/// How a client calls what an explanation names by number.
public struct ExplanationNames: Sendable {
    /// Such as "job 17".
    public var job: @Sendable (Int32) -> String
    /// The leaves of a way, in the plural: "thin leaves with at least 9,984 MiB".
    public var leaves: @Sendable (GangOption) -> String
    /// A moment, such as "10:05:03".
    public var moment: @Sendable (Double) -> String
    /// So many seconds, such as "3 min".
    public var duration: @Sendable (Double) -> String

    public init(
        job: @escaping @Sendable (Int32) -> String, leaves: @escaping @Sendable (GangOption) -> String,
        moment: @escaping @Sendable (Double) -> String, duration: @escaping @Sendable (Double) -> String
    ) {
        self.job = job
        self.leaves = leaves
        self.moment = moment
        self.duration = duration
    }
}

extension Explanation {
    /// The whole explanation in plain words, a line each.
    public func lines(_ names: ExplanationNames) -> [String] {
        guard !obstacles.isEmpty else { return ["Nothing hinders it: it starts with the next look at the queue."] }
        var lines = ["It does not start now because"]
        lines += obstacles.map { "  - " + words($0, names) }
        if let first, first != job {
            lines.append("In front: \(Self.count(ahead, "job")); it is the turn of \(names.job(first)).")
        }
        let changes = changes
        if !changes.isEmpty {
            lines.append(obstacles.count > 1 ? "What would take one of these reasons away:" : "What would change that:")
            lines += changes.map { "  - " + words($0, names) }
        }
        lines.append("Expected start: " + words(expectedStart, names))
        return lines
    }

    private func leaves(_ option: Int, _ names: ExplanationNames) -> String { names.leaves(options[option]) }

    /// One obstacle in plain words.
    package func words(_ obstacle: Obstacle, _ names: ExplanationNames) -> String {
        switch obstacle {
        case .nothingSuits: "no leaf here has the type or the memory that it asks for"
        case .neverEnough(let option, let wanted, let total):
            "it wants \(wanted) \(leaves(option, names)), and there are \(total), even when nothing runs"
        case .neverOnNodes(let option, let wanted, let most, let nodes):
            "it wants \(wanted) \(leaves(option, names)) on \(Self.upTo(nodes)), which never has more than \(most)"
        case .notNow(let option, let wanted, let free, let total):
            "it wants \(wanted) \(leaves(option, names)), and \(free) of \(total) are free"
        case .notTogether(let option, let wanted, let most, let nodes, _):
            "it wants \(wanted) \(leaves(option, names)) on \(Self.upTo(nodes)); so many are free, but at most \(most) there"
        case .withheld(let option, let count):
            "\(count) \(leaves(option, names)) are not handed out: in quarantine, or somebody else's"
        case .quota(let wanted, let held, let quota):
            "its tenant holds \(held) of \(quota) compute slices, and it needs \(wanted)"
        case .neverByQuota(let wanted, let quota):
            "it needs \(wanted) compute slices, and its tenant may never hold more than \(quota)"
        case .behind(let job, let ahead):
            "\(Self.count(ahead, "job")) \(ahead == 1 ? "is" : "are") in front of it and nobody may pass \(names.job(job))"
        case .beyondLookAhead(let job, let places, let lookAhead):
            "it is \(Self.count(places, "place")) behind \(names.job(job)), and only \(lookAhead) are looked at"
        case .wouldDelay(let job, let promised):
            "it would put off \(names.job(job)), which is to start by \(names.moment(promised))"
        case .finishesEarlierLater(let start):
            "it finishes earlier if it waits for better leaves until \(names.moment(start))"
        case .spansUnknown(let most):
            "without an expected run time it is given at most \(most) leaves, and so few are not free"
        case .overtakenEnough(let job, let times):
            "\(Self.count(times, "job")) passed \(names.job(job)) already, and no more may"
        }
    }

    private func words(_ change: Change, _ names: ExplanationNames) -> String {
        switch change {
        case .askForOtherLeaves: "ask for other leaves, or for less memory"
        case .askForFewer(let option, let most): "ask for at most \(most) \(leaves(option, names))"
        case .askForFewerSlices(let most): "ask for at most \(Self.count(most, "compute slice"))"
        case .leavesEnd(let option, let more): "\(more) more \(leaves(option, names)) become free"
        case .leavesEndTogether(let option, let more):
            "\(more) more \(leaves(option, names)) become free where most are"
        case .allowNodes(_, let nodes): "let it lie on \(nodes) nodes"
        case .restore(let option, let count): "let \(count) \(leaves(option, names)) be handed out again"
        case .tenantEnds(let slices): "its tenant's jobs give back \(Self.count(slices, "compute slice"))"
        case .raiseQuota(let to): "raise its tenant's quota to \(Self.count(to, "compute slice"))"
        case .othersStart(let jobs):
            "\(Self.count(jobs, "job")) in front of it \(jobs == 1 ? "starts or is" : "start or are") cancelled"
        case .runShorter(let seconds): "give it a time limit of at most \(names.duration(seconds))"
        case .expectRunTime: "give it a time limit"
        case .wait(let until): "nothing has to: it starts by itself at \(names.moment(until))"
        }
    }

    /// The expected start in plain words.
    package func words(_ start: ExpectedStart, _ names: ExplanationNames) -> String {
        switch start {
        case .now: "now."
        case .at(let time): "\(names.moment(time)), if what runs and what is in front takes as long as expected."
        case .never: "never, as things are."
        case .unknown(let reasons):
            "unknown"
                + (reasons.isEmpty ? "." : ": " + reasons.map { words($0, names) }.joined(separator: "; ") + ".")
        }
    }

    private func words(_ reason: ExpectedStart.Reason, _ names: ExplanationNames) -> String {
        switch reason {
        case .runningWithoutEnd(let leaves):
            "running jobs on \(Self.count(leaves, "leaf", "leaves")) have no time limit"
        case .waitingWithoutEnd(let job): "\(names.job(job)) in front has no time limit"
        case .neverInFront(let job): "\(names.job(job)) in front can never start, and nobody may pass it"
        case .withheld: "leaves are not handed out"
        case .quota: "its tenant's quota is used up until one of its jobs ends"
        }
    }

    private static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
        number == 1 ? "1 \(one)" : "\(number) \(many ?? one + "s")"
    }

    private static func upTo(_ nodes: Int) -> String { nodes == 1 ? "one node" : "at most \(nodes) nodes together" }
}
