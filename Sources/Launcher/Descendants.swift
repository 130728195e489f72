import Platform

/// The processes below this one, which must be a subreaper.
enum Descendants {
    /// Sends a signal to all of them.
    static func send(_ signal: Signal) {
        for row in ProcessTable.descendants(of: .current) {
            // Another user's process (a setuid program) can't be signalled; it is waited for.
            try? row.send(signal)
        }
    }

    /// Kills them until none is left.
    ///
    /// - Returns: whether all are gone when the time is up.
    static func kill(patience: Duration) -> Bool {
        let deadline = ContinuousClock.now + patience
        while reapChildren().childrenLeft {
            if ContinuousClock.now >= deadline { return false }
            send(.kill)
            pause(for: .milliseconds(5))
        }
        return true
    }
}
