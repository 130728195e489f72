import Platform

/// Why a job is ending, and so how it will have ended.
public enum JobEnding: Hashable, Sendable {
    /// Every rank ended with exit code 0.
    case finished
    /// The first rank that failed.
    case rankFailed(rank: Int, ProcessEnd)
    /// The user or the system asked for it.
    case signalled(Signal)
    /// It ran longer than it may.
    case timedOut
    /// The caller is gone.
    case parentGone
    /// Nobody reads the job's output any more.
    case outputClosed
    /// The job's output can't be written, such as to a full disk.
    case outputFailed
    /// A rank could not be started.
    case startFailed(exitCode: Int)

    /// As `flexmig run` will answer it.
    public var exitCode: Int {
        switch self {
        case .finished: 0
        case .rankFailed(_, let end): end.exitCode
        case .signalled(let signal): 128 + Int(signal.rawValue)
        case .timedOut: 124
        case .parentGone: 128 + Int(Signal.hangUp.rawValue)
        case .outputClosed: 128 + Int(Signal.pipe.rawValue)
        case .outputFailed: 74
        case .startFailed(let exitCode): exitCode
        }
    }
}

/// A job's life, as a value: what happened goes in, what to do comes out.
///
/// Running, then ending (TERM was sent), then killing (KILL is sent until no descendant is left), then emptying (the
/// leaves must show no process), then over. Nothing leads back.
public struct SupervisorState: Hashable, Sendable {
    public typealias Instant = ContinuousClock.Instant

    public enum Event: Hashable, Sendable {
        case rankEnded(rank: Int, ProcessEnd)
        case startFailed(exitCode: Int)
        case signal(Signal)
        case parentGone
        case outputClosed
        /// The job's output can't be written for another reason.
        case outputFailed
        /// The instant that `deadline` named has come.
        case deadline
        /// No child is left, and so no descendant.
        case noDescendants
        /// What the driver shows on the leaves.
        case leavesEmpty
        case leavesBusy(String)
    }

    public enum Action: Hashable, Sendable {
        /// Passes a signal on to the living ranks and their process groups.
        case forward(Signal)
        /// Sends a signal to every descendant.
        case signalDescendants(Signal)
        /// Tells the caller the job's exit code; it need not wait for the leaves.
        case report(JobEnding)
        /// Asks the driver who is on the leaves.
        case checkLeaves
        /// Something for the user to read.
        case say(String)
        /// Wipes the leases out; nothing is left to do but to pass on the rest of the output and to end.
        case release(exitCode: Int)
    }

    public enum Phase: Hashable, Sendable {
        case running
        case ending(JobEnding)
        case killing(JobEnding)
        case emptying(JobEnding, since: Instant, said: Bool)
        case over
    }

    public private(set) var phase: Phase = .running
    /// When the event `.deadline` is due; nil for never.
    public private(set) var deadline: Instant?
    private var living: Set<Int>
    private let grace: Duration
    private let killInterval: Duration = .milliseconds(20)
    private let emptyInterval: Duration = .milliseconds(50)

    /// - Parameter ranks: how many ranks there are, numbered from 0.
    public init(ranks: Int, timeLimit: Duration?, grace: Duration, now: Instant) {
        living = Set(0..<ranks)
        self.grace = grace
        deadline = timeLimit.map { now + $0 }
    }

    /// Takes in an event.
    ///
    /// - Returns: what to do, in this order.
    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        if case .rankEnded(let rank, _) = event { living.remove(rank) }
        switch phase {
        case .running: return whileRunning(event, now)
        case .ending(let ending): return whileEnding(ending, event, now)
        case .killing(let ending): return whileKilling(ending, event, now)
        case .emptying(let ending, let since, let said): return whileEmptying(ending, since, said, event, now)
        case .over: return []
        }
    }

    private mutating func whileRunning(_ event: Event, _ now: Instant) -> [Action] {
        switch event {
        case .rankEnded(let rank, let end):
            if end != .exited(code: 0) { return finish(.rankFailed(rank: rank, end), now) }
            return living.isEmpty ? finish(.finished, now) : []
        case .startFailed(let exitCode): return finish(.startFailed(exitCode: exitCode), now)
        case .signal(let signal):
            guard signal.endsJobs else { return [.forward(signal)] }
            // The ranks get the signal that came; children in groups of their own get TERM with the rest.
            return finish(.signalled(signal), now, first: signal)
        case .parentGone: return finish(.parentGone, now)
        case .outputClosed: return finish(.outputClosed, now)
        case .outputFailed: return finish(.outputFailed, now)
        case .deadline: return finish(.timedOut, now)
        case .noDescendants:
            // Every rank's end has been told before, so this can't be; ending is the safe answer.
            return finish(.finished, now)
        case .leavesEmpty, .leavesBusy: return []
        }
    }

    private mutating func finish(_ ending: JobEnding, _ now: Instant, first signal: Signal = .terminate) -> [Action] {
        phase = .ending(ending)
        deadline = now + grace
        return [signal == .terminate ? .signalDescendants(.terminate) : .forward(signal)]
    }

    private mutating func whileEnding(_ ending: JobEnding, _ event: Event, _ now: Instant) -> [Action] {
        switch event {
        case .deadline: return kill(ending, now)
        case .signal(let signal) where signal.endsJobs:
            // Asked twice: no more patience.
            return kill(ending, now)
        case .signal(let signal): return [.forward(signal)]
        case .noDescendants: return empty(ending, now)
        case .rankEnded where living.isEmpty:
            // Ranks that were asked to end have ended: what they left behind gets no more time than TERM's grace.
            return [.signalDescendants(.terminate)]
        case .parentGone: return kill(ending, now)
        case .rankEnded, .startFailed, .outputClosed, .outputFailed, .leavesEmpty, .leavesBusy: return []
        }
    }

    private mutating func kill(_ ending: JobEnding, _ now: Instant) -> [Action] {
        phase = .killing(ending)
        deadline = now + killInterval
        return [.signalDescendants(.kill)]
    }

    private mutating func whileKilling(_ ending: JobEnding, _ event: Event, _ now: Instant) -> [Action] {
        switch event {
        case .deadline: return kill(ending, now)
        case .noDescendants: return empty(ending, now)
        default: return []
        }
    }

    private mutating func empty(_ ending: JobEnding, _ now: Instant) -> [Action] {
        phase = .emptying(ending, since: now, said: false)
        deadline = nil
        return [.report(ending), .checkLeaves]
    }

    private mutating func whileEmptying(
        _ ending: JobEnding, _ since: Instant, _ said: Bool, _ event: Event, _ now: Instant
    ) -> [Action] {
        switch event {
        case .leavesEmpty:
            phase = .over
            deadline = nil
            return [.release(exitCode: ending.exitCode)]
        case .leavesBusy(let who):
            deadline = now + emptyInterval
            if said || now < since + .seconds(3) { return [] }
            phase = .emptying(ending, since: since, said: true)
            return [.say("the job has ended, but \(who); its leases are kept until that ends")]
        case .deadline:
            deadline = nil
            return [.checkLeaves]
        default: return []
        }
    }
}

extension Signal {
    /// Whether a signal asks a job to end; the others are only passed on.
    var endsJobs: Bool { [.interrupt, .terminate, .hangUp, .quit].contains(self) }
}
