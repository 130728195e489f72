import Collectives
import Platform

/// Why a call of the plugin failed, with the sentence for NCCL's log.
package enum NetFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The other process ended, or closed the connection.
    case peer(String)
    /// The two sides don't fit together: sizes, tags, versions.
    case mismatch(String)
    /// NCCL's arguments.
    case argument(String)
    /// The machine: memory, descriptors, threads.
    case system(String)

    package var description: String {
        switch self {
        case .peer(let text), .mismatch(let text), .argument(let text), .system(let text): text
        }
    }

    package init(_ error: CollectiveError) {
        self =
            switch error.code {
            case .rankDied, .rankLeft, .timedOut, .joinTimedOut, .aborted: .peer(error.description)
            case .mismatch, .incompatible: .mismatch(error.description)
            case .invalidArgument, .invalidEnvironment: .argument(error.description)
            default: .system(error.description)
            }
    }
}
