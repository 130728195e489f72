import LeafScheduling
import MIGModel
import NodeAPI

extension NodeQueue {
    /// Why a job is where it is, in plain words; nil for a job that isn't known, because it is over.
    ///
    /// Looks at copies: nothing changes. For people, not for the hot path: O(waiting jobs).
    public func explanation(of id: String, now: Double, wall: Double) -> NodeAPI.Explanation? {
        guard let number = numbers[id], let live = jobs[number] else { return nil }
        var explanation = NodeAPI.Explanation(
            job: id, state: live.job.progress.state, ahead: nil, reasons: [], expectedStartAt: nil)
        func add(_ code: String, _ text: String) { explanation.reasons.append(.init(code: code, text: text)) }
        guard live.job.progress.state == .queued else {
            if let reason = live.job.progress.reason { add("ending", reason) }
            if let end = live.hold?.expectedEnd {
                if end.isFinite {
                    add("runs", "It is expected to end in \(Self.words(end - now)).")
                } else {
                    add("runs", "Nobody knows when it ends: it has no time limit, and no job of its name ran before.")
                }
            }
            return explanation
        }
        if let reason = live.job.progress.reason { add("failed-before", "Its last attempt came to nothing: \(reason).") }
        switch live.place {
        case .parked:
            add(
                "no-such-leaves",
                "This node has no \(live.ask.words) now, even when nothing runs. It waits for another layout; "
                    + "`flexmig node apply` makes one, `flexmig cancel \(id)` gives it up.")
            return explanation
        case .delayed:
            let wait = (live.job.progress.notBefore ?? now) - now
            add("after-failure", "It is tried again in \(Self.words(wait)), because it failed lately.")
            explanation.expectedStartAt = wall + max(0, wait)
            return explanation
        case .line, .out: break
        }
        explanation.ahead = scheduler.placeInLine(of: number) ?? 0
        addLine(live, number, &explanation, now: now, wall: wall)
        return explanation
    }

    /// What holds of a job in line.
    private func addLine(
        _ live: Live, _ number: Int32, _ explanation: inout NodeAPI.Explanation, now: Double, wall: Double
    ) {
        func add(_ code: String, _ text: String) { explanation.reasons.append(.init(code: code, text: text)) }
        var copy = scheduler
        let options = scheduler.kinds[kindOf[live.ask] ?? 0].options
        let canTake = options.contains { copy.pool.canTake($0) }
        let earliest = options.map { copy.pool.earliestStart($0) }.min() ?? .infinity
        if !canTake, let best = options.max(by: { copy.pool.total(of: $0.leafClass) < copy.pool.total(of: $1.leafClass) }) {
            let free = copy.pool.total(of: best.leafClass)
            let most = copy.pool.whenIdle(best.leafClass).total
            add(
                "not-enough-free",
                "It needs \(live.ask.words), and of \(most) such \(most == 1 ? "leaf" : "leaves") \(free) "
                    + "\(free == 1 ? "is" : "are") free.")
            addWithheld(&explanation)
        }
        if let quota = configuration.tenants[live.job.tenant]?.quota {
            let held = holders.reduce(0) { sum, holder in
                guard let other = jobs[holder], other.job.tenant == live.job.tenant else { return sum }
                return sum + other.ask.leaves
            }
            if held + live.ask.leaves > quota {
                add(
                    "quota",
                    "The tenant \(live.job.tenant) has \(held) of at most \(quota) slices of work, and this job takes "
                        + "\(live.ask.leaves).")
            }
        }
        let ahead = explanation.ahead ?? 0
        if ahead > 0 {
            let others = "\(ahead) \(ahead == 1 ? "job is" : "jobs are") in front of it"
            if configuration.discipline == .fifo {
                add("behind", "\(others), and nobody passes another here.")
            } else if canTake {
                add("would-delay", "\(others), and starting now would put off the first of them.")
            } else {
                add("behind", "\(others); it may pass them where that puts nobody off.")
            }
        } else if canTake, explanation.reasons.isEmpty {
            if configuration.mode == .hybrid, earliest > now, earliest.isFinite {
                add("better-later", "It is expected to finish earlier on leaves that become free later.")
            } else {
                add("starts-next", "Nothing hinders it: it starts with the next look at the queue.")
            }
        }
        if ahead == 0, earliest.isFinite, !explanation.reasons.contains(where: { $0.code == "quota" }) {
            explanation.expectedStartAt = wall + max(0, earliest - now)
        } else {
            add(
                "start-unknown",
                ahead > 0
                    ? "When it starts depends on the jobs in front of it."
                    : "When it starts is not known: jobs that run, or leaves that others have, have no expected end.")
        }
    }

    /// Leaves that are not handed out.
    private func addWithheld(_ explanation: inout NodeAPI.Explanation) {
        for gpu in node.gpus {
            if let trouble = gpu.trouble { explanation.reasons.append(.init(code: "gpu-unusable", text: "\(trouble).")) }
        }
        let uses = node.gpus.flatMap(\.instances).map(\.use)
        let quarantined = uses.count { if case .quarantined = $0 { true } else { false } }
        let foreign = uses.count { if case .foreign = $0 { true } else { false } }
        func leaves(_ count: Int) -> String { count == 1 ? "1 leaf is" : "\(count) leaves are" }
        if quarantined > 0 {
            explanation.reasons.append(
                .init(
                    code: "quarantined",
                    text: "\(leaves(quarantined)) in quarantine; `flexmig node list` shows which."))
        }
        if foreign > 0 {
            explanation.reasons.append(
                .init(code: "foreign", text: "\(leaves(foreign)) held by others, such as `flexmig run`."))
        }
    }

    static func words(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds.rounded(.up), 1e15)))
        switch whole {
        case ..<120: return "\(whole) s"
        case ..<7200: return "\(whole / 60) min"
        default: return "\(whole / 3600) h \(whole % 3600 / 60) min"
        }
    }
}
