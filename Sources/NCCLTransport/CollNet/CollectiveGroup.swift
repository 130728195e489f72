import Collectives
import Platform
import Synchronization

/// The ranks of a CollNet communicator: all-reduces, done by a thread of this group in the order of the calls.
///
/// NCCL issues the same calls in the same order on all ranks, but asks only for the oldest one, so the thread goes on
/// by itself. Calls of different ranks are matched by their order.
///
/// Sendable because what both threads touch is atomic or behind a lock, the operations are ordered by the counts, and
/// the communicator is the thread's alone from `start` to the end of the thread, but for `vote`, see there.
@safe package final class CollectiveGroup: @unchecked Sendable {
    /// One all-reduce. Written by NCCL's thread before it is counted as posted, read by the group's after that.
    @safe package struct Operation {
        /// Always alive: NCCL uses no request after it closed the group.
        let group: Unmanaged<CollectiveGroup>
        var number: UInt64 = 0
        var input: UnsafeRawPointer?
        var output: UnsafeMutableRawPointer?
        var count = 0
        var element = ElementType.float
        var reduction = Reduction.sum
        /// NCCL's thread alone looks at it.
        var isInUse = false
    }

    /// Calls that can be under way: NCCL has 8 for each group of 8 channels, of which there are at most 8.
    package static let limit = 64

    private let communicator: Communicator
    private let transport: NetTransport
    private let abort: Communicator.AbortSwitch
    private let operations: UnsafeMutablePointer<Operation>

    /// Release by NCCL's thread; sequentially consistent with `sleeps`, so that no call is overlooked.
    private let posted = Atomic<UInt64>(0)
    /// Release by the group's thread: who sees a call finished sees its result.
    private let finished = Atomic<UInt64>(0)
    private let sleeps = Atomic<Bool>(false)
    private let isClosing = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)
    private let toWorker = ProcessDoorbell()
    private let toOwner = ProcessDoorbell()
    private let failure = Mutex<NetFailure?>(nil)
    private let hasFailed = Atomic<Bool>(false)
    private var hasTold = false

    init(_ communicator: Communicator, _ transport: NetTransport) {
        self.communicator = communicator
        self.transport = transport
        abort = communicator.abortSwitch
        unsafe operations = .allocate(capacity: Self.limit)
        for index in 0..<Self.limit {
            unsafe (operations + index).initialize(to: Operation(group: .passUnretained(self)))
        }
    }

    deinit { unsafe operations.deallocate() }

    /// Starts the thread; it waits for the first call.
    ///
    /// - Returns: false where the machine allows no more.
    func start() -> Bool {
        do throws(SystemError) {
            try startThread { [self] in run() }
            return true
        } catch {
            transport.tell(.warning) { "can't start the thread of a CollNet group: \(error)" }
            hasEnded.store(true, ordering: .releasing)
            return false
        }
    }

    /// Whether all ranks say yes. Before the first call, so the thread does not touch the communicator yet.
    func vote(_ isYes: Bool) throws(CollectiveError) -> Bool {
        var votes: [Int32] = [isYes ? 1 : 0]
        do throws(CollectiveError) {
            try communicator.allReduce(&votes, .min)
        } catch {
            close()
            throw error
        }
        return votes[0] == 1
    }

    // MARK: NCCL's thread

    /// Hands over an all-reduce.
    ///
    /// - Returns: nil when 64 are under way: try again.
    @unsafe
    package func post(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType,
        _ reduction: Reduction
    ) throws(NetFailure) -> UnsafeMutablePointer<Operation>? {
        try checkFailure()
        let number = posted.load(ordering: .relaxed)
        let operation = unsafe operations + Int(number % UInt64(Self.limit))
        guard unsafe !operation.pointee.isInUse else { return nil }
        unsafe operation.pointee.number = number
        unsafe operation.pointee.input = unsafe input
        unsafe operation.pointee.output = unsafe output
        unsafe operation.pointee.count = count
        unsafe operation.pointee.element = element
        unsafe operation.pointee.reduction = reduction
        unsafe operation.pointee.isInUse = true
        posted.store(number + 1, ordering: .sequentiallyConsistent)
        if sleeps.load(ordering: .sequentiallyConsistent) { toWorker.ring() }
        return unsafe operation
    }

    /// Whether an all-reduce is done: then the bytes of its result; nil when it is under way.
    @unsafe
    package static func test(_ operation: UnsafeMutablePointer<Operation>) throws(NetFailure) -> Int? {
        let result = unsafe operation.pointee.group._withUnsafeGuaranteedRef { group in
            Result { () throws(NetFailure) in try unsafe group.test(operation) }
        }
        return try result.get()
    }

    @unsafe
    private func test(_ operation: UnsafeMutablePointer<Operation>) throws(NetFailure) -> Int? {
        if unsafe operation.pointee.number < finished.load(ordering: .acquiring) {
            unsafe operation.pointee.isInUse = false
            return unsafe operation.pointee.count * operation.pointee.element.stride
        }
        try checkFailure()
        return nil
    }

    private func checkFailure() throws(NetFailure) {
        guard hasFailed.load(ordering: .acquiring), let failure = failure.withLock({ $0 }) else { return }
        if !hasTold { transport.tell(.warning) { failure.description } }
        hasTold = true
        throw failure
    }

    /// Leaves the group. Calls that are not done never will be, and their memory is left alone from here on.
    package func close() {
        isClosing.store(true, ordering: .releasing)
        if finished.load(ordering: .acquiring) != posted.load(ordering: .relaxed) { abort.abort() }
        toWorker.ring()
        while true {
            let count = toOwner.count
            if hasEnded.load(ordering: .acquiring) { break }
            toOwner.sleep(since: count, atMost: .seconds(1))
        }
        communicator.close()
    }

    // MARK: The group's thread

    private func run() {
        let spins = usableProcessors() > communicator.size ? WaitLadder.spins : 0
        var ladder = WaitLadder(spins: spins, lookEvery: .seconds(1))
        while !isClosing.load(ordering: .acquiring), !hasFailed.load(ordering: .relaxed) {
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
        while !isClosing.load(ordering: .acquiring) {
            let count = toWorker.count
            if !isClosing.load(ordering: .acquiring) { toWorker.sleep(since: count, atMost: .seconds(60)) }
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

    /// - Returns: false when no call waits.
    private func performNext() -> Bool {
        let number = finished.load(ordering: .relaxed)
        guard number < posted.load(ordering: .acquiring) else { return false }
        let operation = unsafe operations[Int(number % UInt64(Self.limit))]
        do throws(CollectiveError) {
            try unsafe communicator.rawAllReduce(
                operation.input, operation.output, count: operation.count, operation.element, operation.reduction)
            finished.store(number + 1, ordering: .releasing)
        } catch {
            let text = NetFailure(error)
            failure.withLock { $0 = text }
            hasFailed.store(true, ordering: .releasing)
        }
        return true
    }
}
