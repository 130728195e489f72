import NodeAPI

/// One job's life: every state's answer to every event.
///
/// Says what has to be done about leaves and processes; the queue does it. An event that a state doesn't expect changes
/// nothing, so that late and double ones are harmless.
package struct JobLife: Hashable {
    package var progress: JobProgress
    /// How often it may be started again.
    package let retries: Int

    package init(progress: JobProgress, retries: Int) {
        self.progress = progress
        self.retries = retries
    }

    package enum Event {
        /// Leaves were chosen.
        case chosen([PlacedLeaf], expectedSeconds: Double?)
        case started([PlacedLeaf], supervisor: Int32)
        case couldNotStart(StartFailure)
        case cancel
        /// A leaf of it is quarantined or lost, and it wants to be ended then.
        case fault(String)
        case ended(JobResult)
    }

    package enum Effect: Hashable {
        /// Nothing has changed.
        case none
        /// To be written down, and no more.
        case changed
        /// It is over and leaves the line.
        case leavesLine
        /// Its supervisor is to be told.
        case end(EndCause)
        /// Its leaves are free; it is in line again, at once or after a wait.
        case backInLine(afterFailure: Bool)
        /// Its leaves are free, and it is over.
        case over
    }

    package mutating func handle(_ event: Event, now: Moment) -> Effect {
        switch (progress.state, event) {
        case (.queued, .chosen(let leaves, let expected)):
            progress.state = .starting
            progress.reason = nil
            progress.leaves = leaves
            progress.startedAt = now
            progress.endedAt = nil
            progress.exitCode = nil
            progress.notBefore = nil
            progress.expectedSeconds = expected
            return .changed
        case (.queued, .cancel):
            end(.cancelled, at: now, reason: nil)
            return .leavesLine

        case (.starting, .started(let leaves, let supervisor)):
            progress.state = .running
            begin(leaves, supervisor)
            return .changed
        case (.ending, .started(let leaves, let supervisor)):
            // The order to end it crossed with its start.
            guard progress.supervisor == nil else { return .none }
            begin(leaves, supervisor)
            return progress.endCause.map { .end($0) } ?? .changed

        case (.starting, .couldNotStart(let failure)):
            return notStarted(failure, now: now)
        case (.ending, .couldNotStart(let failure)):
            guard progress.supervisor == nil else { return .none }
            if progress.endCause == .cancelled {
                end(.cancelled, at: now, reason: nil)
                return .over
            }
            return notStarted(failure, now: now)

        case (.starting, .cancel), (.running, .cancel):
            progress.state = .ending
            progress.endCause = .cancelled
            progress.reason = "cancelled; it is being ended"
            return .end(.cancelled)
        case (.ending, .cancel):
            guard progress.endCause != .cancelled else { return .none }
            progress.endCause = .cancelled
            progress.reason = "cancelled; it is being ended"
            return .changed

        case (.starting, .fault(let why)), (.running, .fault(let why)):
            progress.state = .ending
            progress.endCause = .fault(why)
            progress.reason = "\(why); it is being ended"
            return .end(.fault(why))

        case (.starting, .ended(let result)), (.running, .ended(let result)), (.ending, .ended(let result)):
            return ended(result, now: now)

        case (.queued, _), (.starting, .chosen), (.running, .chosen), (.running, .started), (.running, .couldNotStart),
            (.ending, .chosen), (.ending, .fault), (.succeeded, _), (.failed, _), (.cancelled, _), (.timedOut, _):
            return .none
        }
    }

    private mutating func begin(_ leaves: [PlacedLeaf], _ supervisor: Int32) {
        progress.leaves = leaves
        progress.supervisor = supervisor
        progress.attempts += 1
        progress.failedStarts = 0
    }

    private mutating func notStarted(_ failure: StartFailure, now: Moment) -> Effect {
        if failure.kind == .program {
            progress.exitCode = failure.exitCode
            end(.failed, at: now, reason: failure.detail)
            return .over
        }
        progress.failedStarts += 1
        waitAgain(reason: "could not be started: \(failure.detail)")
        return .backInLine(afterFailure: failure.kind == .node)
    }

    private mutating func ended(_ result: JobResult, now: Moment) -> Effect {
        // It ran, also where its start was never told.
        if progress.supervisor == nil, progress.state != .running { progress.attempts += 1 }
        let cause = progress.endCause
        progress.exitCode = result.exitCode
        var end = now
        if let wall = result.endedAt { end.wall = wall }
        if cause == .cancelled {
            self.end(.cancelled, at: end, reason: result.kind == .lost ? result.detail : nil)
            return .over
        }
        switch result.kind {
        case .succeeded:
            self.end(.succeeded, at: end, reason: nil)
            return .over
        case .timedOut:
            self.end(.timedOut, at: end, reason: result.detail)
            return .over
        case .failed, .leafFaulted, .lost:
            var why = result.detail
            if case .fault(let text) = cause { why = text }
            guard progress.attempts <= retries else {
                self.end(.failed, at: end, reason: why)
                return .over
            }
            progress.endedAt = end
            waitAgain(reason: "attempt \(progress.attempts) of \(retries + 1) failed" + (why.map { ": \($0)" } ?? ""))
            return .backInLine(afterFailure: result.kind == .failed && cause == nil)
        }
    }

    private mutating func waitAgain(reason: String) {
        progress.state = .queued
        progress.reason = reason
        progress.endCause = nil
        progress.supervisor = nil
    }

    private mutating func end(_ state: JobState, at end: Moment, reason: String?) {
        progress.state = state
        progress.reason = reason
        progress.endedAt = end
        progress.supervisor = nil
        progress.endCause = nil
        progress.notBefore = nil
    }
}
