import CReduction

/// How this rank writes what others will read: as `StorePolicy` of rank 0 has decided for all.
extension Exchange {
    /// How this rank writes in one call; see `StorePolicy`.
    struct Stores {
        let size: StorePolicy.SizeClass
        let areStreamed: Bool
        /// Whether this call is timed, on rank 0.
        let isTimed: Bool
        var time: Duration = .zero
        var since: ContinuousClock.Instant?

        /// The clock stands still from here on, while this rank waits for the others to come.
        mutating func pause() { if isTimed, let since { time += since.duration(to: .now) } }
        mutating func resume() { if isTimed { since = .now } }
    }

    /// Begins a call of that many bytes, `slotBytes` of which it shows in one step at most.
    func beginStores(bytes: Int, slotBytes: Int, _ kind: StorePolicy.SizeClass.Kind) -> Stores {
        useSlots(of: slotBytes)
        let size = StorePolicy.SizeClass(bytes: bytes, kind)
        if bytes < StorePolicy.SizeClass.leastBytes { return Stores(size: size, areStreamed: false, isTimed: false) }
        let isTimed = rank == 0 && policy.times(size)
        return Stores(
            size: size, areStreamed: streamed & 1 << UInt64(size.number) != 0, isTimed: isTimed,
            since: isTimed ? .now : nil)
    }

    /// What rank 0 shows with a call's first step: the size classes whose next calls stream, a bit for each.
    var storeNote: UInt64 { nextStreamed }

    /// Ends a call, in whose first step rank 0 has shown `note`. All ranks follow it from the next call on.
    func endStores(_ stores: Stores, note: UInt64) {
        streamed = note
        useSlots(of: 0)
        guard stores.isTimed else { return }
        var stores = stores
        stores.pause()
        policy.record(stores.size, streamed: stores.areStreamed, time: Float(stores.time / .nanoseconds(1)))
        let bit: UInt64 = 1 << UInt64(stores.size.number)
        nextStreamed = policy.next(stores.size) ? nextStreamed | bit : nextStreamed & ~bit
    }

    /// Writes what another rank will read.
    @inline(__always) @unsafe
    func store(_ from: UnsafeRawPointer, to target: UnsafeMutableRawPointer, bytes: Int, _ stores: Stores) {
        if stores.areStreamed {
            unsafe creduction_copy_streaming(target, from, bytes, vectorLevel)
            creduction_end_streaming()
        } else {
            unsafe target.copyMemory(from: from, byteCount: bytes)
        }
    }

    /// From so many bytes on a result goes past the caches: no cache would keep it until it is used, and a store into
    /// memory that is in no cache would fetch each line first. Measured, see docs/measurements/collectives.md.
    static let leastStreamedResult = 16 << 20

    /// Writes a part of this rank's own result.
    ///
    /// - Parameter wholeBytes: of all parts together.
    @inline(__always) @unsafe
    func keep(_ from: UnsafeRawPointer, in target: UnsafeMutableRawPointer, bytes: Int, of wholeBytes: Int) {
        if wholeBytes >= Self.leastStreamedResult {
            unsafe creduction_copy_streaming(target, from, bytes, vectorLevel)
            creduction_end_streaming()
        } else {
            unsafe target.copyMemory(from: from, byteCount: bytes)
        }
    }

    /// Nanoseconds by which a line that was written past the caches takes its reader longer than one that was not:
    /// measured, see docs/measurements/collectives.md. The sender times its own part of the work and adds it.
    private static let readBack: Float = 2.5

    /// Writes a message part. Each sender decides for itself which way, by how long its stores take.
    @unsafe
    func storePart(_ from: UnsafeRawPointer, to target: UnsafeMutableRawPointer, bytes: Int) {
        guard bytes >= RegionLayout.leastTurningBytes else {
            return unsafe target.copyMemory(from: from, byteCount: bytes)
        }
        let size = StorePolicy.SizeClass(bytes: bytes, .sent)
        let bit: UInt64 = 1 << UInt64(size.number)
        let streams = streamedParts & bit != 0
        let isTimed = policy.times(size)
        let beginning = isTimed ? ContinuousClock.now : nil
        if streams {
            unsafe creduction_copy_streaming(target, from, bytes, vectorLevel)
            creduction_end_streaming()
        } else {
            unsafe target.copyMemory(from: from, byteCount: bytes)
        }
        guard let beginning else { return }
        let time = Float(beginning.duration(to: .now) / .nanoseconds(1))
        policy.record(size, streamed: streams, time: streams ? time + Self.readBack * Float(bytes / 64) : time)
        streamedParts = policy.next(size) ? streamedParts | bit : streamedParts & ~bit
    }
}
