import Collectives
import Platform
import Synchronization

/// The ranks of a CollNet communicator: all-reduces, done by the threads of this group, its lanes.
///
/// NCCL issues the same calls in the same order on all ranks, but asks only for the oldest one, so the lanes go on by
/// themselves. A call is split into parts, and the parts go to the lanes by turns, on every rank alike: those of
/// different ranks are matched by their order in the lane. Calls may be done out of order.
///
/// Used by NCCL's thread alone; what lanes touch is said where it is.
@safe package final class CollectiveGroup {
    /// One all-reduce.
    @safe package struct Operation: ~Copyable {
        /// Always alive: NCCL uses no request after it closed the group.
        let group: Unmanaged<CollectiveGroup>
        /// Parts that are not done. Lanes count it down, with release, and the one that sees it at zero with acquire sees
        /// the whole result. All that lanes touch.
        let parts = Atomic<Int>(0)
        var bytes = 0
        var isInUse = false
    }

    /// Calls that can be under way: NCCL has 8 for each group of 8 channels, of which there are at most 8.
    package static let limit = 64

    private let transport: NetTransport
    private let lanes: [Lane]
    private let failure: GroupFailure
    private let operations: UnsafeMutablePointer<Operation>
    private var posted = 0
    private var nextLane = 0
    private var hasTold = false

    /// - Parameter communicators: of a lane each, at least one; in the same order on all ranks.
    /// - Parameter processors: of all ranks together.
    package init(_ communicators: [Communicator], processors: Int, _ transport: NetTransport) {
        precondition(!communicators.isEmpty)
        self.transport = transport
        let failure = GroupFailure(communicators.map(\.abortSwitch))
        // One that waits for NCCL leaves its processor to NCCL's thread, unless there are more.
        let threads = communicators.count * communicators[0].size
        let spins = processors > threads ? WaitLadder.spins : 0
        self.failure = failure
        lanes = communicators.map { Lane($0, spins: spins, failure) }
        unsafe operations = .allocate(capacity: Self.limit)
        for index in 0..<Self.limit {
            unsafe (operations + index).initialize(to: Operation(group: .passUnretained(self)))
        }
    }

    deinit {
        unsafe operations.deinitialize(count: Self.limit)
        unsafe operations.deallocate()
    }

    /// Starts the threads; they wait for the first call.
    ///
    /// - Returns: false where the machine allows no more.
    package func start() -> Bool {
        do throws(SystemError) {
            for lane in lanes { try lane.start() }
            return true
        } catch {
            transport.tell(.warning) { "can't start the threads of a CollNet group: \(error)" }
            return false
        }
    }

    /// Whether all ranks say yes. Before the first call, so the threads do not touch their communicators yet.
    package func vote(_ isYes: Bool) throws(CollectiveError) -> Bool {
        var votes: [Int32] = [isYes ? 1 : 0]
        do throws(CollectiveError) {
            try lanes[0].communicator.allReduce(&votes, .min)
        } catch {
            close()
            throw error
        }
        return votes[0] == 1
    }

    /// Hands over an all-reduce.
    ///
    /// - Returns: nil when 64 are under way: try again.
    @unsafe
    package func post(
        _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, count: Int, _ element: ElementType,
        _ reduction: Reduction
    ) throws(NetFailure) -> UnsafeMutablePointer<Operation>? {
        try checkFailure()
        let operation = unsafe operations + posted % Self.limit
        guard unsafe !operation.pointee.isInUse else { return nil }
        posted += 1
        let (parts, stride) = (CallParts(of: count, stride: element.stride, lanes: lanes.count), element.stride)
        unsafe operation.pointee.bytes = count * stride
        unsafe operation.pointee.isInUse = true
        // Relaxed: the lanes see it with the posted parts.
        unsafe operation.pointee.parts.store(parts.count, ordering: .relaxed)
        for part in 0..<parts.count {
            let range = parts[part]
            lanes[nextLane].post(
                unsafe Lane.Part(
                    operation: operation, input: input.map { unsafe $0 + range.lowerBound * stride },
                    output: output.map { unsafe $0 + range.lowerBound * stride }, count: range.count,
                    element: element, reduction: reduction))
            nextLane = (nextLane + 1) % lanes.count
        }
        return unsafe operation
    }

    /// Called by lanes, once for each part of an operation.
    @unsafe
    static func finishPart(of operation: UnsafeMutablePointer<Operation>) {
        unsafe operation.pointee.parts.subtract(1, ordering: .acquiringAndReleasing)
    }

    /// Whether an all-reduce is done: then the bytes of its result; nil when it is under way.
    @unsafe
    package static func test(_ operation: UnsafeMutablePointer<Operation>) throws(NetFailure) -> Int? {
        if unsafe operation.pointee.parts.load(ordering: .acquiring) == 0 {
            unsafe operation.pointee.isInUse = false
            return unsafe operation.pointee.bytes
        }
        let result = unsafe operation.pointee.group._withUnsafeGuaranteedRef { group in
            Result { () throws(NetFailure) -> Void in try group.checkFailure() }
        }
        try result.get()
        return nil
    }

    private func checkFailure() throws(NetFailure) {
        guard let failure = failure.failure else { return }
        if !hasTold { transport.tell(.warning) { failure.description } }
        hasTold = true
        throw failure
    }

    /// Leaves the group. Calls that are not done never will be, and their memory is left alone from here on.
    package func close() {
        for lane in lanes { lane.stop() }
        for lane in lanes { lane.close() }
    }
}
