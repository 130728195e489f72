import Platform

/// One rank's end of a group of processes that exchange values through shared memory.
///
/// All ranks call the same collectives in the same order, with the same types, counts and roots; a call returns when
/// this rank has its result. A difference between the ranks is an error on all of them. A rank whose process ends is
/// an error on all others within a second, one that is stopped or doesn't come within `FLEXMIG_TIMEOUT`: never a hang.
///
/// Used from one thread at a time, but for `abortSwitch`. After a process forked, the child must not use it.
///
/// After an error other than `invalidArgument` every later call throws that error again; `close` still works.
public final class Communicator {
    /// This process's number, 0 to `size` - 1.
    public let rank: Int
    /// Number of ranks, at least 1.
    public let size: Int
    private var exchange: Exchange?
    private var failure: CollectiveError? { didSet { hasFailed = failure != nil } }
    /// Beside it, since looking whether there is one copies it.
    private var hasFailed = false
    private var queue: WorkQueue?
    private let aborter: Interruption
    private let log: CollectiveLog
    private var splits = 0

    /// How many communicators this process has begun per prefix: the number is part of the segment's name.
    private static let begun = Guarded<[String: Int]>([:])

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
        try self.init(rendezvous, limits: rendezvous.limits)
    }

    /// Joins the communicator of a rendezvous, with time limits for the collectives that differ from those for joining.
    ///
    /// - Parameter processors: that the ranks may use for this communicator; where they are fewer than the ranks, no rank
    ///   spins while it waits.
    /// - Parameter checkHope: throws when the ranks can't all come any more; asked now and then while this one waits.
    package convenience init(
        _ rendezvous: Rendezvous, limits: WaitLimits, processors: Int = usableProcessors(),
        checkHope: @escaping () throws(CollectiveError) -> Void = { () throws(CollectiveError) in }
    ) throws(CollectiveError) {
        if rendezvous.worldSize == 1 {
            self.init(alone: rendezvous)
            return
        }
        let number = Self.begun.withLock { counts in
            defer { counts[rendezvous.prefix, default: 0] += 1 }
            return counts[rendezvous.prefix, default: 0]
        }
        let transport: any Transport
        do throws(CollectiveError) {
            transport = try SegmentJoin(rendezvous, number: number, checkHope: checkHope).run()
        } catch {
            // So that all ranks that try again meet again.
            Self.begun.withLock { $0[rendezvous.prefix, default: 1] -= 1 }
            throw error
        }
        self.init(transport, limits: limits, log: rendezvous.log, processors: processors)
    }

    private convenience init(alone rendezvous: Rendezvous) {
        let world = InProcessWorld(size: 1, stageBytes: RegionLayout.leastStageBytes(worldSize: 1))
        self.init(world.transport(of: 0), limits: rendezvous.limits, log: rendezvous.log)
    }

    /// A communicator over a transport whose ranks are attached already.
    package init(
        _ transport: any Transport, limits: WaitLimits = WaitLimits(), log: CollectiveLog = CollectiveLog(),
        processors: Int = usableProcessors()
    ) {
        let exchange = Exchange(transport, limits: limits, log: log, processors: processors)
        rank = exchange.rank
        size = exchange.size
        self.log = log
        aborter = exchange.interruption
        self.exchange = exchange
        log.joined(exchange)
    }

    deinit { close() }

    /// Leaves the communicator and releases its memory, but for tensors. Ranks that still wait for this one get
    /// `rankLeft`; results of collectives that this rank has completed are safe. Waits for the work that was started
    /// and is not done. A second call does nothing.
    public func close() {
        queue?.finish()
        queue = nil
        guard let exchange else { return }
        exchange.leave()
        log.closed(exchange.counts.statistics, rank: rank)
        lastStatistics = exchange.counts.statistics
        self.exchange = nil
    }

    // MARK: Abort

    /// Ends the communicator's collectives from any thread, at any time.
    public struct AbortSwitch: Sendable {
        fileprivate let interruption: Interruption

        /// Makes the present and all later collectives of this rank throw `aborted`, and those of the others, which
        /// learn it within a second. Does nothing once the communicator is closed. Does not wait.
        public func abort() { interruption.request() }
    }

    /// What another thread needs to abort this communicator.
    public var abortSwitch: AbortSwitch { AbortSwitch(interruption: aborter) }

    // MARK: Statistics

    private var lastStatistics: CollectiveStatistics?

    /// What this communicator has done so far on this rank; after `close`, all that it did.
    public var statistics: CollectiveStatistics {
        queue?.drain()
        return exchange?.counts.statistics ?? lastStatistics ?? CollectiveStatistics(ranks: size)
    }

    // MARK: Running

    /// Runs a collective unless an earlier one failed, and remembers its failure.
    ///
    /// - Parameter bytes: of this rank's larger tensor, for the statistics.
    @inline(__always)
    func run(
        _ signature: Signature, bytes: Int,
        _ collective: (Exchange) throws(CollectiveError) -> CollectiveAlgorithm
    ) throws(CollectiveError) {
        queue?.drain()
        if hasFailed, let failure { throw failure }
        guard let exchange else { throw CollectiveError(.closed, "this rank has closed the communicator") }
        if exchange.interruption.isRequested { try failAborted(exchange, signature) }
        if log.isTracing { return try trace(signature, bytes: bytes, exchange, collective) }
        do throws(CollectiveError) {
            let algorithm = try collective(exchange)
            exchange.counts.add(UInt8(truncatingIfNeeded: signature.what), bytes: bytes, algorithm)
        } catch {
            failure = error
            throw error
        }
    }

    @inline(never)
    private func failAborted(_ exchange: Exchange, _ signature: Signature) throws(CollectiveError) {
        let error = exchange.fail(Fault(kind: .aborted, rank: rank), signature)
        failure = error
        throw error
    }

    @inline(never)
    private func trace(
        _ signature: Signature, bytes: Int, _ exchange: Exchange,
        _ collective: (Exchange) throws(CollectiveError) -> CollectiveAlgorithm
    ) throws(CollectiveError) {
        let beginning = ContinuousClock.now
        do throws(CollectiveError) {
            let algorithm = try collective(exchange)
            exchange.counts.add(UInt8(truncatingIfNeeded: signature.what), bytes: bytes, algorithm)
            log.call(signature, algorithm, rank: rank, took: beginning.duration(to: .now))
        } catch {
            failure = error
            throw error
        }
    }

    // MARK: Work in the background

    /// Starts collectives on this communicator's own thread, and returns at once.
    ///
    /// Work is done in the order in which it was started; collectives that are called directly come after all that
    /// was started before. All ranks must have the same order.
    ///
    ///     let work = try communicator.start { communicator throws(CollectiveError) in
    ///         try communicator.allReduce(gradients, .mean)
    ///     }
    ///     ...                          // compute something else; leave the tensor alone
    ///     try work.wait()
    ///
    /// - Parameter body: calls collectives of the communicator that it is given, and nothing else of it.
    /// - Throws: `closed`; `system` when no thread can be started. What an earlier collective failed with is thrown by
    ///   the work.
    public func start(
        _ body: @escaping @Sendable (Communicator) throws(CollectiveError) -> Void
    ) throws(CollectiveError) -> CollectiveWork {
        guard exchange != nil else { throw CollectiveError(.closed, "this rank has closed the communicator") }
        if queue == nil { queue = try WorkQueue.make() }
        guard let queue else { preconditionFailure("a queue was made") }
        return queue.add(self, body)
    }

    // MARK: Splitting

    /// Makes smaller communicators: one for each color, of the ranks that gave it.
    ///
    /// A collective: all ranks of this communicator call it. Costs a rendezvous of each group.
    ///
    /// - Parameter color: 0 and more; nil for a rank that will be in none.
    /// - Parameter key: the new ranks are in its order, and in that of the old ranks where keys are equal.
    /// - Returns: this rank's new communicator; nil without a color. Apart from this one, which goes on.
    /// - Throws: `invalidArgument` for a negative color; otherwise as `init(_:)` and `barrier`. Errors name ranks of this
    ///   communicator, which is spent after one, on all ranks: also when a group has no room in /dev/shm.
    public func split(color: Int?, key: Int = 0) throws(CollectiveError) -> Communicator? {
        if let color, color < 0 { throw CollectiveError(.invalidArgument, "a color is 0 or more, not \(color)") }
        var everybody: [SplitGroup.Entry] = []
        let own = SplitGroup.Entry(color: color ?? -1, key: key, token: UInt64.random(in: 0...UInt64.max))
        try run(Signature(.split), bytes: 0) { exchange throws(CollectiveError) in
            unsafe exchange.ownNote.storeBytes(of: own, as: SplitGroup.Entry.self)
            try exchange.step(Signature(.split))
            for other in 0..<size {
                everybody.append(unsafe exchange.note(of: other).load(as: SplitGroup.Entry.self))
            }
            return .step
        }
        splits += 1
        guard color != nil, let exchange else { return nil }
        let group = SplitGroup(of: rank, among: everybody)
        var rendezvous = Rendezvous(
            prefix: group.name(in: exchange.transport.name, split: splits), rank: group.rank,
            worldSize: group.size, timeout: exchange.limits.timeout)
        rendezvous.deathTimeout = exchange.limits.deathTimeout
        rendezvous.log = log
        if group.size == size { rendezvous.stageBytes = exchange.layout.stageBytes }
        if group.size == 1 { return Communicator(alone: rendezvous) }
        let transport: any Transport
        do throws(CollectiveError) {
            transport = try exchange.transport.join(rendezvous, names: group.members) { () throws(CollectiveError) in
                try exchange.checkLives(of: group.members, Signature(.split))
            }
        } catch {
            // The others of the group wait for this rank, and look at this communicator.
            let told = exchange.hasFailed ? error : exchange.fail(Fault(kind: .gaveUp, rank: rank), error)
            failure = failure ?? told
            throw told
        }
        return Communicator(transport, limits: exchange.limits, log: log)
    }
}

@available(*, unavailable, message: "a communicator is used by one thread at a time")
extension Communicator: Sendable {}

extension Rendezvous {
    var limits: WaitLimits { WaitLimits(timeout: timeout, deathTimeout: deathTimeout) }
}
