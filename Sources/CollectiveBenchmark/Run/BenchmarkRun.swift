import Platform

/// Starts the contenders, lets them take turns, and collects what they answer.
public final class BenchmarkRun {
    private let plan: BenchmarkPlan
    private let contenders: [Contender]
    private let program: String
    private let progress: (String) -> Void
    private let interruptions: Interruptions
    private let directory: WorkDirectory
    private var running: [RunningContender] = []
    /// Contenders that don't run at present, and why.
    private var lost: [Contender: String] = [:]
    /// How often each was lost with the present number of ranks.
    private var losses: [Contender: Int] = [:]

    /// One that was lost so often is not started again.
    private static let mostLosses = 3

    /// The user's signal that ended a run.
    public struct Interrupted: Error {
        public let signal: Signal
    }

    /// Takes the signals of this process over, becomes the subreaper of its descendants, and makes a directory.
    ///
    /// - Parameter contenders: ours and peers; the copies are added.
    /// - Parameter program: the path of `flexmig`.
    /// - Parameter progress: gets a line on what is measured now.
    public init(
        _ plan: BenchmarkPlan, _ contenders: [Contender], program: String, progress: @escaping (String) -> Void
    ) throws(SystemError) {
        self.plan = plan
        self.contenders = [Contender.copy] + contenders
        self.program = program
        self.progress = progress
        // A rank that is gone is seen by its end, not by a signal to us.
        Signal.pipe.ignore()
        try becomeSubreaper()
        interruptions = try Interruptions()
        directory = try WorkDirectory()
    }

    /// Measures everything. What fails is in the rows; nothing is left behind, whatever happens.
    ///
    /// - Throws: `Interrupted`.
    public func rows() throws(Interrupted) -> [BenchmarkReport.Row] {
        defer { directory.remove() }
        var rows: [BenchmarkReport.Row] = []
        for ranks in plan.ranks {
            do throws(ContenderFailure) {
                defer { endAll() }
                try start(ranks: ranks)
                for (number, line) in plan.lines.enumerated() {
                    progress(
                        "\(number + 1)/\(plan.lines.count), \(ranks) ranks: \(line.operation) \(line.type) "
                            + "\(SizeList.text(line.bytes(ranks: ranks))) \(line.method)")
                    rows += try measure(line, ranks: ranks)
                }
            } catch {
                // Everything else is in the rows.
                if case .interrupted(let signal) = error { throw Interrupted(signal: signal) }
            }
        }
        return rows
    }

    // MARK: Starting and ending

    private func start(ranks: Int) throws(ContenderFailure) {
        (lost, losses) = ([:], [:])
        for contender in contenders { try start(contender, ranks: ranks) }
    }

    private func start(_ contender: Contender, ranks: Int) throws(ContenderFailure) {
        progress("starting \(ranks) ranks of \(contender.name)")
        let runner = RunningContender(
            contender, ranks: ranks, directory: directory.next(), timeout: plan.timeout, interruptions: interruptions)
        running.append(runner)
        let started: Void? = try attempt(runner) { runner throws(ContenderFailure) in
            try runner.start(program: program)
        }
        // It would not start the next time either.
        if started == nil { losses[contender] = Self.mostLosses }
    }

    /// Starts those again that were lost in the line before; it may have been the size.
    private func startAgain(ranks: Int) throws(ContenderFailure) {
        for contender in contenders where lost[contender] != nil && losses[contender, default: 0] < Self.mostLosses {
            lost[contender] = nil
            try start(contender, ranks: ranks)
        }
        let order = Dictionary(uniqueKeysWithValues: contenders.enumerated().map { ($1, $0) })
        running.sort { order[$0.contender, default: 0] < order[$1.contender, default: 0] }
    }

    /// Does something with a contender; one that can't go on is ended and its reason kept.
    private func attempt<Result>(
        _ runner: RunningContender, _ body: (RunningContender) throws(ContenderFailure) -> Result
    ) throws(ContenderFailure) -> Result? {
        do throws(ContenderFailure) {
            return try body(runner)
        } catch {
            guard case .lost(let reason) = error else { throw error }
            lost[runner.contender] = reason
            losses[runner.contender, default: 0] += 1
            end(runner, gently: false)
            return nil
        }
    }

    private func end(_ runner: RunningContender, gently: Bool) {
        running.removeAll { $0 === runner }
        runner.end(gently: gently, others: running.flatMap(\.launchers))
    }

    private func endAll() {
        let isInterrupted = (try? interruptions.check()) == nil
        while let runner = running.last { end(runner, gently: !isInterrupted) }
    }

    // MARK: Measuring

    /// What one contender does in the rounds of one line.
    private final class Turns {
        let runner: RunningContender
        let task: MeasuredTask
        var length = 1
        var samples: [Double] = []
        /// Instead of times.
        var outcome: MeasureAnswer?

        init(_ runner: RunningContender, _ task: MeasuredTask) {
            self.runner = runner
            self.task = task
        }
    }

    private func measure(_ line: BenchmarkLine, ranks: Int) throws(ContenderFailure) -> [BenchmarkReport.Row] {
        try startAgain(ranks: ranks)
        var all: [Turns] = []
        for runner in running {
            if !runner.contender.isCopy {
                all.append(Turns(runner, .collective(line.operation)))
            } else if line.operation != .barrier {
                all += [Turns(runner, .copy), Turns(runner, .streamingCopy)]
            }
        }
        for turns in all where lost[turns.runner.contender] == nil { try calibrate(turns, line, ranks) }
        for round in 0..<plan.rounds {
            for place in all.indices {
                // In another order each time, so that nobody always comes after the same one.
                let turns = all[(place + round) % all.count]
                guard turns.outcome == nil, lost[turns.runner.contender] == nil else { continue }
                let warmups = plan.warmups(length: turns.length)
                let answer = try take(turns, line, ranks, (warmups, plan.batches, turns.length))
                if case .samples(let samples)? = answer { turns.samples += samples } else { turns.outcome = answer }
            }
        }
        return rows(line, ranks, all)
    }

    private func take(
        _ turns: Turns, _ line: BenchmarkLine, _ ranks: Int, _ counts: (warmups: Int, batches: Int, length: Int)
    ) throws(ContenderFailure) -> MeasureAnswer? {
        let command = MeasureCommand(
            task: turns.task, type: line.type, bytes: line.bytes(ranks: ranks), method: line.method,
            warmups: counts.warmups, batches: counts.batches, length: counts.length)
        return try attempt(turns.runner) { runner throws(ContenderFailure) in try runner.measure(command) }
    }

    /// Finds how many operations make a batch, by longer and longer batches that are thrown away.
    private func calibrate(_ turns: Turns, _ line: BenchmarkLine, _ ranks: Int) throws(ContenderFailure) {
        var length = 1
        while true {
            let start = ContinuousClock.now
            let answer = try take(turns, line, ranks, (0, 1, length))
            guard case .samples? = answer else {
                turns.outcome = answer
                return
            }
            // All that a turn costs, so that writing inputs anew counts as well.
            let nanoseconds = start.duration(to: .now) / .nanoseconds(1)
            turns.length = plan.length(nanosecondsOfOne: nanoseconds / Double(length))
            if nanoseconds > plan.batchSeconds * 0.25e9 || length >= turns.length { return }
            length = min(8 * length, max(1, turns.length))
        }
    }

    // MARK: Rows

    private func rows(_ line: BenchmarkLine, _ ranks: Int, _ all: [Turns]) -> [BenchmarkReport.Row] {
        let copies = all.filter { $0.runner.contender.isCopy }
        let copy = copies.compactMap { turns in SampleStatistics(turns.samples).map { ($0.median, turns) } }
            .min { $0.0 < $1.0 }
        let peers = Set(contenders.filter(\.isPeer).map(\.name))
        var rows = contenders.compactMap { contender -> BenchmarkReport.Row? in
            if contender.isCopy && line.operation == .barrier { return nil }
            let own = contender.isCopy ? copy?.1 : all.first { $0.runner.contender == contender }
            if let reason = lost[contender] {
                return .init(line, ranks: ranks, contender: contender.name, outcome: .failed, reason: reason)
            }
            switch own?.outcome {
            case .error(let text)?:
                return .init(line, ranks: ranks, contender: contender.name, outcome: .failed, reason: text)
            case .unsupported?: return .init(line, ranks: ranks, contender: contender.name, outcome: .unsupported)
            default: break
            }
            return .init(
                line, ranks: ranks, contender: contender.name, length: own?.length ?? 0, samples: own?.samples ?? [],
                copyNanoseconds: copy?.0)
        }
        let best = rows.filter { peers.contains($0.contender) }
            .min { $0.medianNanoseconds ?? .infinity < $1.medianNanoseconds ?? .infinity }
        if let best, let theirs = best.medianNanoseconds {
            for index in rows.indices where !peers.contains(rows[index].contender) {
                guard rows[index].contender != Contender.copy.name, let own = rows[index].medianNanoseconds else {
                    continue
                }
                rows[index].bestPeer = best.contender
                rows[index].speedAgainstBestPeer = theirs / own
            }
        }
        return rows
    }
}
