import Platform

/// The signals that end a run: Ctrl-C, TERM, and HUP unless it is ignored, as by nohup.
final class Interruptions {
    private let queue: SignalQueue

    /// Blocks the signals in this thread for good.
    init() throws(SystemError) {
        var signals: [Signal] = [.interrupt, .terminate]
        if !Signal.hangUp.isIgnored { signals.append(.hangUp) }
        queue = try SignalQueue(signals)
    }

    var number: CInt { queue.number }

    /// - Throws: `Interrupted` when one has come.
    func check() throws(ContenderFailure) {
        if let signal = try? queue.drain().first { throw .interrupted(signal) }
    }

    /// Waits a little, or until a signal comes.
    func pause(_ duration: Duration) throws(ContenderFailure) {
        _ = try? poll([(queue.number, .readable)], timeout: duration)
        try check()
    }
}

/// Why a contender gave no times.
enum ContenderFailure: Error {
    /// It can't go on: it died, it hung, or it could not be started. Why, in a few words.
    case lost(String)
    /// The user ends the run.
    case interrupted(Signal)
}
