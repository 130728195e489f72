import Collectives
import Platform
import Synchronization

/// A thread with a communicator of its own, which does its parts of a group's all-reduces in their order.
///
/// Sendable because what both threads touch is atomic, the parts are ordered by the counts, and the communicator is the
/// lane's thread's alone from the first part to the end of the thread; before and after that it is NCCL's thread's.
@safe final class Lane: @unchecked Sendable {
    /// Some elements of an all-reduce. Written by NCCL's thread before it is counted as posted, read by the lane's after
    /// that.
    @safe struct Part {
        /// In use until the part is done, so it is alive.
        var operation: UnsafeMutablePointer<CollectiveGroup.Operation>?
        var input: UnsafeRawPointer?
        var output: UnsafeMutableRawPointer?
        var count = 0
        var element = ElementType.float
        var reduction = Reduction.sum
    }

    let communicator: Communicator
    private let spins: Int
    private let failure: GroupFailure
    private let abort: Communicator.AbortSwitch
    /// A ring with room for a part of every operation of the group.
    private let parts: UnsafeMutablePointer<Part>

    /// Release by NCCL's thread; sequentially consistent with `sleeps`, so that no part is overlooked.
    private let posted = Atomic<UInt64>(0)
    /// Written by the lane's thread.
    private let finished = Atomic<UInt64>(0)
    private let sleeps = Atomic<Bool>(false)
    private let isClosing = Atomic<Bool>(false)
    /// Whether no thread runs. Release by the thread as its last deed.
    private let hasEnded = Atomic<Bool>(true)
    private let toWorker = ProcessDoorbell()
    private let toOwner = ProcessDoorbell()

    /// - Parameter spins: how often the thread looks for a part before it yields; 0 where processors are rare.
    init(_ communicator: Communicator, spins: Int, _ failure: GroupFailure) {
        self.communicator = communicator
        self.spins = spins
        self.failure = failure
        abort = communicator.abortSwitch
        unsafe parts = .allocate(capacity: CollectiveGroup.limit)
        unsafe parts.initialize(repeating: Part(), count: CollectiveGroup.limit)
    }

    deinit { unsafe parts.deallocate() }

    // MARK: NCCL's thread

    /// Starts the thread; it waits for the first part.
    ///
    /// - Throws: when the machine allows no more.
    func start() throws(SystemError) {
        hasEnded.store(false, ordering: .relaxed)
        do throws(SystemError) {
            try startThread { [self] in run() }
        } catch {
            hasEnded.store(true, ordering: .relaxed)
            throw error
        }
    }

    /// Hands over a part. There is room, since an operation has at most one part for each lane.
    func post(_ part: Part) {
        let number = posted.load(ordering: .relaxed)
        unsafe parts[Int(number % UInt64(CollectiveGroup.limit))] = part
        posted.store(number + 1, ordering: .sequentiallyConsistent)
        if sleeps.load(ordering: .sequentiallyConsistent) { toWorker.ring() }
    }

    /// Makes the thread end soon; it leaves the parts alone that are not done.
    func stop() {
        isClosing.store(true, ordering: .releasing)
        if finished.load(ordering: .acquiring) != posted.load(ordering: .relaxed) { abort.abort() }
        toWorker.ring()
    }

    /// Waits for the thread's end and leaves the communicator. After `stop`.
    func close() {
        while true {
            let count = toOwner.count
            if hasEnded.load(ordering: .acquiring) { break }
            toOwner.sleep(since: count, atMost: .seconds(1))
        }
        communicator.close()
    }

    // MARK: The lane's thread

    private func run() {
        var ladder = WaitLadder(spins: spins, lookEvery: .seconds(1))
        while !isClosing.load(ordering: .acquiring), !failure.isThere {
            if performNext() {
                ladder = WaitLadder(spins: spins, lookEvery: .seconds(1))
                continue
            }
            switch ladder.next(at: ContinuousClock.now).action {
            case .spin: relaxProcessor()
            case .yield: yieldProcessor()
            case .sleep: sleepUntilPosted()
            }
        }
        hasEnded.store(true, ordering: .releasing)
        toOwner.ring()
    }

    private func sleepUntilPosted() {
        let count = toWorker.count
        sleeps.store(true, ordering: .sequentiallyConsistent)
        if finished.load(ordering: .relaxed) == posted.load(ordering: .sequentiallyConsistent),
            !isClosing.load(ordering: .acquiring)
        {
            toWorker.sleep(since: count, atMost: .seconds(60))
        }
        sleeps.store(false, ordering: .relaxed)
    }

    /// - Returns: false when no part waits.
    private func performNext() -> Bool {
        let number = finished.load(ordering: .relaxed)
        guard number < posted.load(ordering: .acquiring) else { return false }
        let part = unsafe parts[Int(number % UInt64(CollectiveGroup.limit))]
        do throws(CollectiveError) {
            try unsafe communicator.rawAllReduce(
                part.input, part.output, count: part.count, part.element, part.reduction)
            // Before the operation is: then its place in the ring may be used again.
            finished.store(number + 1, ordering: .releasing)
            if let operation = unsafe part.operation { unsafe CollectiveGroup.finishPart(of: operation) }
        } catch {
            failure.fail(NetFailure(error))
        }
        return true
    }
}
