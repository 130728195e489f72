import Platform
import Synchronization

/// One direction between two processes: what the sending and the receiving end have in common.
///
/// Requests are finished in the order in which they were posted, so they lie in a ring. Who moves bytes holds `isHeld`:
/// NCCL's thread for small parts, as soon as it posts or asks; the connection's worker for large ones. Nobody ever
/// waits for it, but for `close`: who comes late leaves the work to the one who is at it, and NCCL asks again.
///
/// Sendable because what both threads touch is atomic or guarded by `isHeld`, and the rest belongs to NCCL's thread.
@safe package class Connection: @unchecked Sendable {
    /// Bytes of a part that NCCL's own thread copies; more goes to the worker, where there is one.
    private static let ownBytes = 16 << 10
    /// Parts that are copied before other connections have their turn; fewer where NCCL's own thread copies large ones.
    private static let turn: UInt64 = 16
    private static let ownTurn: UInt64 = 1
    /// Unsuccessful questions between two looks at the clock.
    private static let questionsPerLook = 32

    let segment: RingSegment
    let ring: Ring
    let side: RingSide
    private let transport: NetTransport
    /// Nil where NCCL's own thread copies all.
    private let worker: CopyWorker?
    let requests: UnsafeMutablePointer<NetRequest>

    /// Requests that NCCL has handed over. Release in `post`, acquire where they are moved.
    private let posted = Atomic<UInt64>(0)
    /// Requests that are done. Release by the mover, acquire in `test`.
    private let finished = Atomic<UInt64>(0)
    /// Parts moved, so that a look knows whether something has happened.
    private let moves = Atomic<UInt64>(0)
    private let isHeld = Atomic<Bool>(false)
    /// The worker has it on its list.
    let isScheduled = Atomic<Bool>(false)
    private let hasFailed = Atomic<Bool>(false)

    /// Under `isHeld`.
    private var life = ConnectionLife()

    // Of NCCL's thread.
    private var questions = 0
    private var lastLook: ContinuousClock.Instant?
    private var waitingSince: (moves: UInt64, time: ContinuousClock.Instant)?
    private var hasTold = false

    init(_ segment: RingSegment, side: RingSide, _ transport: NetTransport) throws(NetFailure) {
        self.segment = segment
        self.side = side
        self.transport = transport
        ring = segment.ring
        worker = try transport.nextWorker(peer: ring.processors(of: side.other))
        unsafe requests = .allocate(capacity: NetRequest.limit)
        for index in 0..<NetRequest.limit {
            unsafe (requests + index).initialize(to: NetRequest(connection: .passUnretained(self)))
        }
    }

    deinit { unsafe requests.deallocate() }

    // MARK: NCCL's thread

    /// Hands over a request.
    ///
    /// - Returns: nil when 32 are under way: try again.
    @unsafe
    package func post(
        _ address: UnsafeMutableRawPointer?, bytes: Int, tag: Int32
    ) throws(NetFailure) -> UnsafeMutablePointer<NetRequest>? {
        if hasFailed.load(ordering: .acquiring) { throw failure() }
        let number = posted.load(ordering: .relaxed)
        let request = unsafe requests + Int(number % UInt64(NetRequest.limit))
        guard unsafe !request.pointee.isInUse else { return nil }
        unsafe request.pointee.number = number
        unsafe request.pointee.address = unsafe address
        unsafe request.pointee.bytes = bytes
        unsafe request.pointee.tag = tag
        unsafe request.pointee.isInUse = true
        posted.store(number + 1, ordering: .releasing)
        poll()
        return unsafe request
    }

    /// Whether a request is done: then the number of bytes that were sent or have come, and the request may be used
    /// again by the next `post`; nil when it is under way.
    @unsafe
    package static func test(_ request: UnsafeMutablePointer<NetRequest>) throws(NetFailure) -> Int? {
        let result = unsafe request.pointee.connection._withUnsafeGuaranteedRef { connection in
            Result { () throws(NetFailure) in try unsafe connection.test(request) }
        }
        return try result.get()
    }

    @unsafe
    private func test(_ request: UnsafeMutablePointer<NetRequest>) throws(NetFailure) -> Int? {
        if let bytes = unsafe taken(request) { return bytes }
        if hasFailed.load(ordering: .acquiring) { throw failure() }
        poll()
        if let bytes = unsafe taken(request) { return bytes }
        questions += 1
        if questions % Self.questionsPerLook == 0 { look(at: .now) }
        return nil
    }

    @inline(__always) @unsafe
    private func taken(_ request: UnsafeMutablePointer<NetRequest>) -> Int? {
        guard unsafe request.pointee.number < finished.load(ordering: .acquiring) else { return nil }
        unsafe request.pointee.isInUse = false
        questions = 0
        waitingSince = nil
        transport.tell(.trace) {
            "\(side) of \(segment.name): message \(unsafe request.pointee.number), \(unsafe request.pointee.bytes) bytes, "
                + "tag \(unsafe request.pointee.tag)"
        }
        return unsafe request.pointee.bytes
    }

    /// Moves small parts at once, and sees to it that somebody moves large ones.
    @inline(__always)
    private func poll() {
        // A worker that is awake will do it.
        if let worker, isScheduled.load(ordering: .relaxed), !worker.isAsleep { return }
        guard hold() else { return }
        let outcome = moveOwn()
        letGo()
        if outcome == .tooLarge { worker?.take(self) }
    }

    /// Now and then while something is waited for: whether the other side lives, and whether the time is up.
    private func look(at now: ContinuousClock.Instant) {
        let moved = moves.load(ordering: .relaxed)
        if waitingSince?.moves != moved { waitingSince = (moved, now) }
        guard let last = lastLook else {
            lastLook = now
            return
        }
        guard now - last >= transport.settings.lookEvery else { return }
        lastLook = now
        let event = sighting(at: now)
        // The worker at its work is a sign of life, and it will be seen at the next look.
        guard hold() else { return }
        defer { letGo() }
        if let event, life.handle(event) { fail() }
        guard case .draining = life.state else { return }
        let outcome = moveOwn()
        if outcome == .tooLarge { worker?.take(self) }
        if outcome == .stuck, life.handle(.nothingMoves) { fail() }
    }

    /// The share of NCCL's thread. Under `isHeld`.
    @inline(__always)
    private func moveOwn() -> Outcome {
        worker == nil
            ? move(partsOfAtMost: .max, parts: Self.ownTurn) : move(partsOfAtMost: Self.ownBytes, parts: Self.turn)
    }

    private func sighting(at now: ContinuousClock.Instant) -> ConnectionLife.Event? {
        do throws(SystemError) {
            let isAlive = try segment.isAlive(side.other)
            // After the lock: who leaves in order says so, and then its lock drops.
            if ring.state(of: side.other) == .closed { return .peerWent(.left) }
            if !isAlive { return .peerWent(.died) }
        } catch {
            return .looksFail
        }
        if let timeout = transport.settings.operationTimeout, let waitingSince, now - waitingSince.time >= timeout {
            return .timeIsUp
        }
        return nil
    }

    /// Ends this side. Requests that are not done never will be, and their memory is left alone from here on.
    package func close() {
        while !hold() { yieldProcessor() }
        life.handle(.close)
        ring.set(.closed, of: side)
        letGo()
        // So that it lets go of the memory. Also one that seems awake: the flag above and the one that says that it
        // sleeps may pass each other, and then it would sleep with the connection on its list; nobody asks again.
        if isScheduled.load(ordering: .acquiring) { worker?.ring() }
        transport.tell(.debug) {
            "\(side) of \(segment.name) closed: \(finished.load(ordering: .relaxed)) messages, "
                + "\(moves.load(ordering: .relaxed)) parts"
        }
    }

    // MARK: Whoever holds

    enum Outcome: Hashable {
        /// Nothing is waited for.
        case idle
        /// The other side has to do something first.
        case stuck
        /// The next part is larger than the caller wants to copy.
        case tooLarge
        /// There is more to do.
        case more
    }

    /// Moves what can be moved, and says why it stopped. Under `isHeld`.
    private func move(partsOfAtMost limit: Int, parts: UInt64) -> Outcome {
        guard life.moves else { return .idle }
        for _ in 0..<parts {
            switch movePart(posted: posted.load(ordering: .acquiring), limit: limit) {
            case .moved(let message):
                finished.store(message, ordering: .releasing)
                moves.wrappingAdd(1, ordering: .relaxed)
            case .refused(let mismatch):
                if life.handle(.mismatch(mismatch)) { fail() }
                return .idle
            case .stopped(let outcome): return outcome
            }
        }
        return .more
    }

    enum Movement {
        /// A part; the first message that is not done yet.
        case moved(message: UInt64)
        case stopped(Outcome)
        case refused(ReceiveProgress.Mismatch)
    }

    /// Moves one part, if it is not larger than the limit. Under `isHeld`.
    func movePart(posted: UInt64, limit: Int) -> Movement { preconditionFailure("a connection sends or receives") }

    @inline(__always)
    private func hold() -> Bool {
        isHeld.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    }

    @inline(__always)
    private func letGo() { isHeld.store(false, ordering: .releasing) }

    // MARK: The worker

    /// The worker's share.
    ///
    /// - Returns: what is left to do, and whether something was done; nil when NCCL's thread holds the connection.
    func work() -> (outcome: Outcome, moved: Bool)? {
        guard hold() else { return nil }
        defer { letGo() }
        let before = moves.load(ordering: .relaxed)
        let outcome = move(partsOfAtMost: .max, parts: Self.turn)
        return (outcome, moves.load(ordering: .relaxed) != before)
    }

    // MARK: Failure

    private func fail() { hasFailed.store(true, ordering: .releasing) }

    /// What all requests that are not done fail with. Told to NCCL's log once.
    private func failure() -> NetFailure {
        while !hold() { yieldProcessor() }
        let state = life.state
        letGo()
        let failure = describe(state)
        if !hasTold { transport.tell(.warning) { failure.description } }
        hasTold = true
        return failure
    }

    private func describe(_ state: ConnectionLife.State) -> NetFailure {
        let other = "the \(side.other)'s"
        let place = "(\(segment.name), \(side))"
        switch state {
        case .failed(.gone(.died)): return .peer("\(other) process ended without closing the connection \(place)")
        case .failed(.gone(.left)): return .peer("\(other) process closed the connection with requests open \(place)")
        case .failed(.late):
            return .peer(
                "nothing came from \(other) process within \(transport.settings.operationTimeout ?? .zero), though it "
                    + "lives; a larger FLEXMIG_TIMEOUT, or none, waits longer \(place)")
        case .failed(.unseen): return .system("can't see whether \(other) process lives \(place)")
        case .failed(.mismatch(let mismatch)): return .mismatch("\(mismatch) \(place)")
        case .open, .draining, .closed: return .argument("the connection is closed \(place)")
        }
    }
}
