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
        if let reason = live.job.progress.reason {
            add("failed-before", "Its last attempt came to nothing: \(reason).")
        }
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
        addLine(live, number, &explanation, now: now, wall: wall)
        return explanation
    }

    /// What holds of a job in line.
    private func addLine(
        _ live: Live, _ number: Int32, _ explanation: inout NodeAPI.Explanation, now: Double, wall: Double
    ) {
        func add(_ code: String, _ text: String) { explanation.reasons.append(.init(code: code, text: text)) }
        guard let why = scheduler.explain(number, now: now, client: board) else { return }
        explanation.ahead = why.ahead
        let names = names(live.ask, now: now)
        var isWithheld = false
        // Of several ways to serve it that lack leaves, the best is told.
        var seen: Set<String> = []
        for obstacle in why.obstacles {
            let code = Self.code(obstacle)
            guard seen.insert(code).inserted else { continue }
            if case .withheld = obstacle { isWithheld = true }
            let text = why.words(obstacle, names)
            add(code, text.prefix(1).uppercased() + text.dropFirst() + ".")
        }
        if isWithheld || why.obstacles.contains(where: { if case .notNow = $0 { true } else { false } }) {
            addWithheld(&explanation)
        }
        switch why.expectedStart {
        case .now:
            explanation.expectedStartAt = wall
            if why.obstacles.isEmpty {
                add("starts-next", "Nothing hinders it: it starts with the next look at the queue.")
            }
        case .at(let time): explanation.expectedStartAt = wall + max(0, time - now)
        case .never, .unknown: add("start-unknown", "Expected start: " + why.words(why.expectedStart, names))
        }
    }

    private func names(_ ask: LeafAsk, now: Double) -> ExplanationNames {
        let (jobs, book) = (jobs, book)
        let memory = ask.memoryMiB > 0 ? " with at least \(ask.memoryMiB) MiB" : ""
        return ExplanationNames(
            job: { number in "job \(jobs[number]?.job.id ?? "?")" },
            leaves: { option in
                // A class of one profile is called by it.
                let members =
                    book.catalog.classes.indices.contains(option.leafClass)
                    ? book.catalog.classes[option.leafClass] : []
                let names = Set(
                    members.enumerated().flatMap { kind, ids in
                        book.catalog.profiles[kind].filter { ids.contains($0.id) }.map(\.name)
                    })
                return (names.count == 1 ? "\(names.first ?? "") leaves" : "leaves") + memory
            }, moment: { "in \(Self.words($0 - now))" }, duration: { Self.words($0) })
    }

    private static func code(_ obstacle: Obstacle) -> String {
        switch obstacle {
        case .nothingSuits: "no-such-leaves"
        case .neverEnough, .neverOnNodes: "never-enough"
        case .notNow, .notTogether: "not-enough-free"
        case .withheld: "withheld"
        case .quota: "quota"
        case .neverByQuota: "never-by-quota"
        case .behind: "behind"
        case .beyondLookAhead: "beyond-look-ahead"
        case .wouldDelay: "would-delay"
        case .finishesEarlierLater: "better-later"
        case .spansUnknown: "spans-unknown"
        case .overtakenEnough: "overtaken-enough"
        }
    }

    /// Leaves that are not handed out.
    private func addWithheld(_ explanation: inout NodeAPI.Explanation) {
        for gpu in node.gpus {
            if let trouble = gpu.trouble {
                explanation.reasons.append(.init(code: "gpu-unusable", text: "\(trouble)."))
            }
        }
        let uses = node.gpus.flatMap(\.instances).map(\.use)
        let quarantined = uses.count { if case .quarantined = $0 { true } else { false } }
        let foreign = uses.count { if case .foreign = $0 { true } else { false } }
        func leaves(_ count: Int) -> String { count == 1 ? "1 leaf is" : "\(count) leaves are" }
        if quarantined > 0 {
            explanation.reasons.append(
                .init(
                    code: "quarantined", text: "\(leaves(quarantined)) in quarantine; `flexmig node list` shows which.")
            )
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
