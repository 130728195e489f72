/// How long a rank waits for others.
package struct WaitLimits: Hashable, Sendable {
    /// For a rank that lives but doesn't come.
    package var timeout: Duration
    /// From a rank's death to the error on all others.
    package var deathTimeout: Duration

    package init(timeout: Duration = .seconds(300), deathTimeout: Duration = .seconds(1)) {
        self.timeout = timeout
        self.deathTimeout = deathTimeout
    }

    /// How often a waiting rank looks whether the others live: several times, so that the time holds on a machine
    /// with many ready processes as well.
    package var lookEvery: Duration { min(deathTimeout / 5, timeout / 5) }
}
