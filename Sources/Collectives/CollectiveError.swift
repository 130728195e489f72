import Platform

/// Why a collective, or joining a communicator, failed.
///
/// After any error but `invalidArgument` the communicator is spent: every later call throws the same error again.
public struct CollectiveError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong, for programs. New codes can come; treat unknown ones like `system`.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public var description: String { rawValue }

        /// A variable of the rendezvous is missing or out of its range.
        public static let invalidEnvironment = Code(rawValue: "invalid-environment")
        /// Some ranks had not joined when the time was up.
        public static let joinTimedOut = Code(rawValue: "join-timed-out")
        /// The segment was made by another version, or for another number of ranks.
        public static let incompatible = Code(rawValue: "incompatible")
        /// Another living process has this rank.
        public static let rankTaken = Code(rawValue: "rank-taken")
        /// Another living job uses this rendezvous.
        public static let nameTaken = Code(rawValue: "name-taken")
        /// The shared-memory file system has no room for the segment.
        public static let outOfSharedMemory = Code(rawValue: "out-of-shared-memory")
        /// A system call failed; `cause` says which.
        public static let system = Code(rawValue: "system")
        /// The call's own arguments are wrong. Nothing was sent and the communicator is as it was.
        public static let invalidArgument = Code(rawValue: "invalid-argument")
        /// The ranks called different collectives, or the same with different types, counts or roots.
        public static let mismatch = Code(rawValue: "mismatch")
        /// A rank's process ended without closing the communicator.
        public static let rankDied = Code(rawValue: "rank-died")
        /// A rank closed the communicator while others still wait for it.
        public static let rankLeft = Code(rawValue: "rank-left")
        /// A rank lives but did not come to a collective within `FLEXMIG_TIMEOUT`.
        public static let timedOut = Code(rawValue: "timed-out")
        /// A rank's program called `abort`.
        public static let aborted = Code(rawValue: "aborted")
        /// This rank closed the communicator itself.
        public static let closed = Code(rawValue: "closed")
    }

    public let code: Code
    /// One sentence for people.
    public let message: String
    /// The rank that the error is about; nil when it is about none or about more than one.
    public let rank: Int?
    /// The system call behind it.
    public let cause: SystemError?

    package init(_ code: Code, _ message: String, rank: Int? = nil, cause: SystemError? = nil) {
        self.code = code
        self.message = message
        self.rank = rank
        self.cause = cause
    }

    public var description: String {
        cause.map { "\(message): \($0)" } ?? message
    }
}

extension CollectiveError {
    /// The error that a fault of a rank is for this one.
    ///
    /// - Parameter own: this rank.
    /// - Parameter state: what a late rank's process does, such as "it is stopped".
    init(
        _ fault: Fault, during what: String, on name: String, own: Int, timeout: Duration = .zero, state: String? = nil
    ) {
        let place = "(\(name), in \(what))"
        let rank = fault.rank
        switch fault.kind {
        case .died:
            self.init(
                .rankDied, "rank \(rank) died: its process ended without closing the communicator \(place)", rank: rank)
        case .left:
            self.init(
                .rankLeft, "rank \(rank) closed the communicator while others wait for it \(place)", rank: rank)
        case .mismatched:
            self.init(.mismatch, "rank \(rank) called another collective than the others \(place)", rank: rank)
        case .gaveUp:
            self.init(.rankLeft, "rank \(rank) gave up because of an error of its own \(place)", rank: rank)
        case .late where rank == own:
            self.init(
                .timedOut,
                "the others gave up waiting for rank \(rank), which is this one; "
                    + "a larger FLEXMIG_TIMEOUT lets them wait longer \(place)", rank: rank)
        case .late:
            let limit = timeout > .zero ? " within \(timeout)" : " in time"
            self.init(
                .timedOut,
                "rank \(rank) did not come\(limit)\(state.map { ": \($0)" } ?? ""); "
                    + "a larger FLEXMIG_TIMEOUT lets the others wait longer \(place)", rank: rank)
        case .aborted:
            self.init(.aborted, "rank \(rank) aborted the communicator \(place)", rank: rank)
        }
    }
}
