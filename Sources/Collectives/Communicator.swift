import Platform
import Synchronization

/// One rank's end of a group of processes that exchange values through shared memory.
///
/// All ranks call the same collectives in the same order, with the same types, counts and roots; a call returns when
/// this rank has its result. A difference between the ranks is an error on all of them. A rank whose process ends is
/// an error on all others within a second, never a hang; a rank that only computes, or is stopped, is waited for
/// without limit.
///
/// Used from one thread at a time. After a process forked, the child must not use it.
///
/// After an error other than `invalidArgument` every later call throws that error again; `close` still works.
public final class Communicator {
    /// This process's number, 0 to `size` - 1.
    public let rank: Int
    /// Number of ranks, at least 1.
    public let size: Int
    private var exchange: Exchange?
    private var failure: CollectiveError?

    /// How many communicators this process has begun per prefix: the number is part of the segment's name.
    private static let begun = Mutex<[String: Int]>([:])

    /// Joins the communicator that the launcher's variables describe, and returns when all ranks have joined.
    ///
    /// A process can have several: the first ones that all ranks make belong together, the second ones too, and so
    /// on. See `Rendezvous.init(environment:)` for the variables. A single rank needs none and no shared memory.
    ///
    /// - Throws: `invalidEnvironment`; `joinTimedOut` when ranks are missing after `FLEXMIG_TIMEOUT`; `rankDied` within
    ///   a second when one that had joined ends meanwhile; `rankTaken`, `nameTaken`, `incompatible`,
    ///   `outOfSharedMemory`, `system`. Nothing is left in /dev/shm.
    public convenience init(environment: [String: String] = Environment.all()) throws(CollectiveError) {
        try self.init(Rendezvous(environment: environment))
    }

    /// Joins the communicator of a rendezvous; otherwise as `init(environment:)`.
    public convenience init(_ rendezvous: Rendezvous) throws(CollectiveError) {
        if rendezvous.worldSize == 1 {
            self.init(InProcessWorld(size: 1, slotBytes: rendezvous.slotBytes).transport(of: 0))
            return
        }
        let number = Self.begun.withLock { counts in
            defer { counts[rendezvous.prefix, default: 0] += 1 }
            return counts[rendezvous.prefix, default: 0]
        }
        self.init(try SegmentJoin(rendezvous, number: number).run())
    }

    /// A communicator over a transport whose ranks are attached already.
    package init(_ transport: any Transport) {
        let exchange = Exchange(transport)
        rank = exchange.rank
        size = exchange.size
        self.exchange = exchange
    }

    deinit { close() }

    /// Leaves the communicator and releases its memory. Ranks that still wait for this one get `rankLeft`; results of
    /// collectives that this rank has completed are safe. A second call does nothing. Does not wait.
    public func close() {
        exchange?.leave()
        exchange = nil
    }

    /// Runs a collective unless an earlier one failed, and remembers its failure.
    func run(_ collective: (Exchange) throws(CollectiveError) -> Void) throws(CollectiveError) {
        if let failure { throw failure }
        guard let exchange else { throw CollectiveError(.closed, "this rank has closed the communicator") }
        do throws(CollectiveError) {
            try collective(exchange)
        } catch {
            failure = error
            throw error
        }
    }
}

@available(*, unavailable, message: "a communicator is used by one thread at a time")
extension Communicator: Sendable {}
