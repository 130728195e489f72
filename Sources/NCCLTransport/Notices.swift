import Platform

/// Sentences for people: failures and one line of greeting in NCCL's log, what `FLEXMIG_DEBUG` asks for on the standard
/// error, as the collectives do it.
package struct Notices: Sendable {
    package enum Level: Hashable, Sendable {
        /// In NCCL's log, where it shows warnings.
        case warning
        /// In NCCL's log, where it shows all.
        case greeting
        /// For `FLEXMIG_DEBUG=info`.
        case debug
        /// For `FLEXMIG_DEBUG=trace`.
        case trace
    }

    private let write: @Sendable (Level, String) -> Void

    /// - Parameter write: gets what goes to NCCL's log.
    package init(_ write: @escaping @Sendable (Level, String) -> Void) { self.write = write }

    package func tell(_ level: Level, _ text: String) {
        switch level {
        case .warning, .greeting: write(level, text)
        case .debug, .trace: writeToStandardError("flexmig: \(text)")
        }
    }
}
