import CReduction
import Platform
import Synchronization

/// The one primitive of all collectives: a step, in which every rank shows the others its line and its slot.
///
/// An algorithm writes `ownSlot`, calls `step`, and reads the slots of all ranks. Rank r numbers its steps 1, 2, 3, ...
/// and writes the line and slot of step n into those of n's parity.
///
/// Why two of them need no second barrier: rank r writes those of step n again for step n + 2, and it gets there only
/// after its `step` n + 1 returned, when it has seen every rank publish step n + 1. A rank publishes step n + 1 only
/// after it has read what it wanted of step n, since both happen in one thread, one after the other. So when r writes,
/// nobody still reads. Publishing is a release and seeing is an acquire, so the argument holds for the memory and not
/// only for the program's text. docs/design/collectives.md has the whole protocol.
///
/// Safe as a class: the pointers that it hands out lie in the transport's region, which it keeps alive.
@safe final class Exchange {
    let rank: Int
    let size: Int
    let transport: any Transport
    let region: Region
    let heap: SymmetricHeap
    let limits: WaitLimits
    let interruption: Interruption
    let log: CollectiveLog
    /// The vector unit that reductions use.
    let vectorLevel: Int32
    /// The kernel of the last reduction, and its element type and operation.
    @unsafe var lastKernel: creduction_kernel?
    var lastKernelNumber: Int32 = 0
    let counts: CallCounts
    /// The last step that this rank has published.
    private(set) var current: UInt64 = 0
    /// When this step's or message's waiting began; before, anything. One time-out for all ranks that it waits for.
    private var waitingSince = ContinuousClock.now
    /// Whether it has. Apart from the time, which is of a type that costs more to change than a step does.
    private var isWaiting = false
    var policy = StorePolicy()
    /// The size classes that stream: those that all ranks follow, and those that rank 0 will show next.
    var streamed: UInt64 = 0
    var nextStreamed: UInt64 = 0
    /// What each slot of the present call has room for; the same on all ranks. Changes between calls only.
    private(set) var slotBytes = 0
    /// The size classes of message parts that this rank streams, whoever receives them.
    var streamedParts: UInt64 = 0
    private let spins: Int
    let messages: MessageCounts

    /// For each rank, where its input or its tensor for results lies as this process sees it; nil where it is staged
    /// instead. Valid from `open` to the next one.
    @unsafe let inputs: UnsafeMutablePointer<UnsafeRawPointer?>
    @unsafe let outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    /// Likewise, the address of its private input in its own process, to be read through the kernel; nil elsewhere.
    @unsafe let addresses: UnsafeMutablePointer<UInt64?>
    private var foundSingleCopy: SingleCopy?
    private var copyFailure: (rank: Int, error: SystemError)?
    /// Room for the pointers of one reduction, so that no call allocates.
    @unsafe let sources: UnsafeMutablePointer<UnsafeRawPointer>
    @unsafe let results: UnsafeMutablePointer<UnsafeMutableRawPointer>

    /// Room for a block of results that this rank has no tensor for.
    @unsafe let block: UnsafeMutableRawPointer
    static let blockBytes = 4096

    init(
        _ transport: any Transport, limits: WaitLimits = WaitLimits(), log: CollectiveLog = CollectiveLog(),
        processors: Int = usableProcessors()
    ) {
        self.transport = transport
        self.limits = limits
        self.log = log
        region = transport.region
        rank = transport.rank
        size = transport.worldSize
        heap = SymmetricHeap()
        interruption = Interruption(region, rank: rank, keeping: transport)
        vectorLevel = VectorUnit.level
        counts = CallCounts(ranks: size)
        messages = MessageCounts(transport.region.layout)
        spins = size <= processors ? WaitLadder.spins : 0
        unsafe inputs = .allocate(capacity: size)
        unsafe outputs = .allocate(capacity: size)
        unsafe addresses = .allocate(capacity: size)
        unsafe addresses.initialize(repeating: nil, count: size)
        unsafe sources = .allocate(capacity: size)
        unsafe results = .allocate(capacity: size)
        unsafe inputs.initialize(repeating: nil, count: size)
        unsafe outputs.initialize(repeating: nil, count: size)
        unsafe block = .allocate(byteCount: Self.blockBytes, alignment: 64)
        let anything = unsafe region.base
        unsafe sources.initialize(repeating: UnsafeRawPointer(anything), count: size)
        unsafe results.initialize(repeating: anything, count: size)
    }

    deinit {
        unsafe inputs.deallocate()
        unsafe outputs.deallocate()
        unsafe addresses.deallocate()
        unsafe sources.deallocate()
        unsafe block.deallocate()
        unsafe results.deallocate()
    }

    var layout: RegionLayout { region.layout }

    // MARK: Slots and notes

    /// Where this rank writes what it wants to show in its next step, `slotBytes`. Valid until that step.
    @inline(__always) @unsafe
    var ownSlot: UnsafeMutableRawPointer {
        unsafe region.slot(of: rank, step: current + 1, slotBytes: slotBytes)
    }

    /// In the line of the next step, 40 bytes.
    @inline(__always) @unsafe
    var ownNote: UnsafeMutableRawPointer { unsafe region.note(of: rank, step: current + 1) }

    /// What a rank has shown in the last step. Valid until the next step.
    @inline(__always) @unsafe
    func slot(of rank: Int) -> UnsafeRawPointer {
        unsafe UnsafeRawPointer(region.slot(of: rank, step: current, slotBytes: slotBytes))
    }

    @inline(__always) @unsafe
    func note(of rank: Int) -> UnsafeRawPointer { unsafe UnsafeRawPointer(region.note(of: rank, step: current)) }

    /// Begins a call whose slots hold so many bytes; 0 when it is done.
    @inline(__always)
    func useSlots(of bytes: Int) {
        slotBytes = RegionLayout.rounded(bytes)
        assert(slotBytes <= layout.areaBytes)
    }

    // MARK: Steps

    /// Shows this rank's line and slot, and waits until all ranks have shown theirs.
    ///
    /// No allocation and no system call unless a rank is late or asleep.
    ///
    /// - Parameter signature: what this rank believes the step to be.
    /// - Throws: `mismatch` when a rank believes something else; `rankDied`, `rankLeft`, `timedOut`, `aborted` when one
    ///   won't come any more, or has given up since it came: what it showed may be in use again. The same on all ranks.
    @inline(__always)
    func step(_ signature: Signature) throws(CollectiveError) {
        current += 1
        isWaiting = false
        region.set(signature, of: rank, step: current)
        region.publish(current, by: rank)
        region.wakeSleepers(but: rank)
        // Never its own line: who has read it may have taken it along, and fetching it back takes it from readers.
        for other in 0..<size where other != rank && !region.hasPublished(current, other) {
            try waitForStep(of: other, during: signature)
        }
        for other in 0..<size where other != rank && region.signature(of: other, step: current) != signature {
            throw mismatch()
        }
        // In the lines that `wakeSleepers` has just read.
        for other in 0..<size where region.hasFailed(other) { try confirm(other, signature) }
    }

    /// Begins a call without steps; the time-out counts from its first waiting.
    func beginWaiting() { isWaiting = false }

    /// The last step of a call in which ranks touched each other's tensors: those are their owners' again.
    ///
    /// A rank that has failed may have used its tensor again before the others were done with it, though it had
    /// published this step. So what they have read is good only if nobody has failed by the end of this step.
    /// Sequentially consistent with the failing: a rank tells of it before it touches its tensor.
    ///
    /// - Parameter readsPrivate: whether private memory was read through the kernel, which works on a recycled process
    ///   number too: then the others must live.
    func lastStep(_ signature: Signature, readsPrivate: Bool = false) throws(CollectiveError) {
        try step(signature)
        if readsPrivate {
            for other in 0..<size where other != rank && region.state(of: other) == .attached {
                if (try? transport.isAlive(other)) == false {
                    throw fail(Fault(kind: .died, rank: other), signature)
                }
            }
        }
        if let (other, error) = copyFailure {
            throw fail(
                Fault(kind: .gaveUp, rank: rank),
                CollectiveError(
                    .system, "can't read the tensor of rank \(other); FLEXMIG_SINGLE_COPY=off does without",
                    rank: other, cause: error))
        }
    }

    /// Throws if a rank has failed.
    @inline(never)
    func confirm(_ other: Int, _ signature: Signature) throws(CollectiveError) {
        if case .failed(let fault) = region.state(of: other) { throw fail(fault, signature) }
    }

    private static let looksBeforePausing = 128

    @inline(never)
    private func waitForStep(of other: Int, during signature: Signature) throws(CollectiveError) {
        let (region, current) = (region, current)
        // A rank that comes at the same time comes within these, and a pause would keep this one from seeing it for
        // as long as the line takes to come over.
        if spins > 0 {
            for _ in 0..<Self.looksBeforePausing where region.hasPublished(current, other) { return }
            // Here and not in the ladder, so that seeing the rank come is all but the last of it.
            for pauses in 1...spins {
                relaxProcessor()
                if region.hasPublished(current, other) {
                    counts.addWaiting(for: other, spins: pauses)
                    return
                }
            }
            counts.addWaiting(for: other, spins: spins)
        }
        try wait(
            on: other, during: signature, spins: 0, isAwaited: { !region.hasPublished(current, $0) },
            until: { region.hasPublishedBeforeSleep(current, other) })
    }

    /// Waits until a condition holds that another rank makes true by a sequentially consistent store.
    ///
    /// - Parameter other: the rank whose store is awaited first; the time counts as waited for it.
    /// - Parameter spins: before it yields; nil for the usual number.
    /// - Parameter isAwaited: whether a rank's death or departure would end the hope.
    func wait(
        on other: Int, during signature: Signature, spins: Int? = nil, isAwaited: (Int) -> Bool,
        until isReady: () -> Bool
    ) throws(CollectiveError) {
        var ladder = WaitLadder(spins: spins ?? self.spins, lookEvery: limits.lookEvery)
        var wasRung = false
        while !isReady() {
            let (action, looks) = ladder.next(at: ContinuousClock.now)
            if looks || wasRung || interruption.isRequested {
                try look(isAwaited, during: signature, unless: isReady)
            }
            wasRung = false
            switch action {
            case .spin: relaxProcessor()
            case .yield:
                if !isWaiting { (isWaiting, waitingSince) = (true, .now) }
                yieldProcessor()
            case .sleep(let duration): wasRung = sleep(atMost: duration, isAwaited, unless: isReady)
            }
        }
        let slow = ladder.beginning.map { ($0.duration(to: .now) / .nanoseconds(1)) } ?? 0
        counts.addWaiting(for: other, spins: ladder.spun, nanoseconds: Int(slow))
    }

    /// The rule of `Doorbell`: read the bell, show that this rank is asleep, look once more, sleep.
    ///
    /// - Returns: whether another rank rang, since it has come or has news of itself, or one has gone before it could.
    private func sleep(
        atMost duration: Duration, _ isAwaited: (Int) -> Bool, unless isReady: () -> Bool
    ) -> Bool {
        let bell = region.doorbell(of: rank)
        let count = bell.count
        region.setAsleep(true, rank)
        let hasNews = someoneIsGone(isAwaited)
        if !hasNews && !isReady() && !interruption.isRequested { bell.sleep(since: count, atMost: duration) }
        region.setAsleep(false, rank)
        return hasNews || bell.count != count
    }

    /// Whether a rank has failed, or one that is awaited has left: then the next look throws, or the condition holds. It
    /// may have gone when this rank was not asleep yet, and then nobody rings.
    private func someoneIsGone(_ isAwaited: (Int) -> Bool) -> Bool {
        for other in 0..<size where other != rank {
            switch region.state(of: other) {
            case .failed: return true
            case .left: if isAwaited(other) { return true }
            case .absent, .attached: continue
            }
        }
        return false
    }

    /// Throws if one of the awaited ranks never will come, or this rank has waited for too long.
    ///
    /// - Parameter isReady: looked at once more before a fault counts: a rank may have come as its last deed.
    @inline(never)
    private func look(
        _ isAwaited: (Int) -> Bool, during signature: Signature, unless isReady: () -> Bool
    ) throws(CollectiveError) {
        if interruption.isRequested { throw fail(Fault(kind: .aborted, rank: rank), signature) }
        var awaited = try observations(isAwaited, signature)
        var fault = Fault.among(awaited)
        if fault?.kind == .left {
            // It may have left because a rank died at which this one had looked just before: now that shows.
            awaited = try observations(isAwaited, signature)
            fault = Fault.among(awaited)
        }
        // Before the last look at the condition: what it sent or took came before its step.
        let ahead = rankAhead(among: awaited)
        if isReady() { return }
        if let fault { throw fail(fault, signature) }
        if let ahead { throw waitsAcross(ahead, signature) }
        // This rank itself may be the one that doesn't come: to receive a message that it was to send.
        if isWaiting, waitingSince.duration(to: .now) >= limits.timeout,
            let late = awaited.first(where: { isAwaited($0.rank) })?.rank ?? (isAwaited(rank) ? rank : nil)
        {
            if late == rank { throw waitsForItself(signature) }
            throw fail(Fault(kind: .late, rank: late), signature)
        }
    }

    /// What is known of the ranks that are awaited, and of those that came and gave up since.
    private func observations(
        _ isAwaited: (Int) -> Bool, _ signature: Signature
    ) throws(CollectiveError) -> [Observation] {
        var seen: [Observation] = []
        for other in 0..<size where other != rank {
            guard isAwaited(other) else {
                // It waited for the same ranks: its reason is this rank's too.
                let state = region.state(of: other)
                if case .failed = state { seen.append(Observation(rank: other, isAlive: true, state: state)) }
                continue
            }
            do throws(SystemError) {
                let observation = try transport.observe(other)
                if isAwaited(other) { seen.append(observation) }
            } catch {
                throw fail(
                    Fault(kind: .gaveUp, rank: rank),
                    CollectiveError(.system, "can't see whether rank \(other) lives", rank: other, cause: error))
            }
        }
        return seen
    }

    /// Throws if one of some ranks has died or failed, or this one was aborted: while they come together elsewhere.
    /// One that has closed this communicator may have come there before.
    func checkLives(of members: [Int], _ signature: Signature) throws(CollectiveError) {
        if interruption.isRequested { throw fail(Fault(kind: .aborted, rank: rank), signature) }
        for member in members where member != rank {
            guard let observation = try? transport.observe(member), observation.state != .left else { continue }
            if let fault = Fault.among([observation]) { throw fail(fault, signature) }
        }
    }

    var hasFailed: Bool { region.hasFailed(rank) }

    // MARK: Single copies

    /// How ranks read each other's private memory; nil where some may not. All ranks ask in the same call.
    func singleCopy(_ signature: Signature) throws(CollectiveError) -> SingleCopy? {
        if foundSingleCopy == nil { foundSingleCopy = try SingleCopy(self, signature) }
        return foundSingleCopy.flatMap { $0.isPossible ? $0 : nil }
    }

    /// Copies a rank's private memory; a failure is kept until the call's last step has told whether the rank lives.
    @unsafe
    func copySingly(_ other: Int, _ address: UInt64, to target: UnsafeMutableRawPointer, count: Int) {
        do throws(SystemError) {
            try unsafe foundSingleCopy?.read(other, at: address, into: target, count: count)
        } catch {
            copyFailure = (other, error)
        }
    }

    // MARK: Failing

    @inline(never)
    private func mismatch() -> CollectiveError {
        let signatures = (0..<size).map { region.signature(of: $0, step: current) }
        let odd = signatures.firstIndex { $0 != signatures[0] } ?? rank
        return fail(
            Fault(kind: .mismatched, rank: odd),
            CollectiveError(
                .mismatch,
                "the ranks called different collectives: rank 0 \(signatures[0]), rank \(odd) \(signatures[odd])",
                rank: odd))
    }

    func fail(_ fault: Fault, _ signature: Signature) -> CollectiveError {
        let state = fault.kind == .late ? transport.stateInWords(of: fault.rank) : nil
        return fail(
            fault,
            CollectiveError(
                fault, during: "\(signature)", on: transport.name, own: rank, timeout: limits.timeout, state: state))
    }

    /// Tells the other ranks why this one comes no more, so that they name the same culprit.
    func fail(_ fault: Fault, _ error: CollectiveError) -> CollectiveError {
        region.leaveAttached(.failed(fault), of: rank)
        region.wakeSleepers(but: rank)
        log.failure(error, rank: rank)
        return error
    }

    /// Tells the other ranks that this one is done. Nothing but releasing the exchange may follow.
    func leave() {
        region.leaveAttached(.left, of: rank)
        region.wakeSleepers(but: rank)
        interruption.end()
    }
}
