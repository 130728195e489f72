import Platform

/// The one primitive of all algorithms: a step, in which every rank shows the others one slot.
///
/// An algorithm writes `ownSlot`, calls `step`, and reads the slots of all ranks. Rank r numbers its steps 1, 2, 3, ...
/// and writes the slot of step n into its buffer n mod 2.
///
/// Why two buffers need no second barrier: rank r writes buffer n mod 2 again for step n + 2, and it gets there only
/// after its `step` n + 1 returned, when it has seen every rank publish step n + 1. A rank publishes step n + 1 only
/// after it has read what it wanted of step n, since both happen in one thread, one after the other. So when r writes,
/// nobody still reads the buffer. The signatures beside the sequences alternate in the same way. Publishing is a
/// release and seeing is an acquire, so the argument holds for the memory and not only for the program's text.
///
/// Safe as a class: the pointers that it hands out lie in the transport's region, which it keeps alive.
@safe final class Exchange {
    let rank: Int
    let size: Int
    var slotBytes: Int { region.layout.slotBytes }
    private let transport: any Transport
    private let region: Region
    private let spins: Int
    /// The last step that this rank has published.
    private var current: UInt64 = 0

    init(_ transport: any Transport, processors: Int = onlineProcessors()) {
        self.transport = transport
        region = transport.region
        rank = transport.rank
        size = transport.worldSize
        spins = size <= processors ? WaitLadder.spins : 0
    }

    /// Where this rank writes what it wants to show in its next step. Valid until that step.
    @unsafe var ownSlot: UnsafeMutableRawBufferPointer { unsafe region.slot(of: rank, step: current + 1) }

    /// What a rank has shown in the last step. Valid until the next step.
    @unsafe func slot(of rank: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(region.slot(of: rank, step: current))
    }

    /// The first byte of `slot(of:)`.
    @unsafe func slotStart(of rank: Int) -> UnsafeRawPointer {
        guard let start = unsafe slot(of: rank).baseAddress else { preconditionFailure("a slot has an address") }
        return unsafe start
    }

    /// Shows this rank's slot, and waits until all ranks have shown theirs.
    ///
    /// - Parameter signature: what this rank believes the step to be.
    /// - Throws: `mismatch` when a rank believes something else; `rankDied`, `rankLeft` when one won't come any more;
    ///   within a second of it. The same on all ranks.
    func step(_ signature: Signature) throws(CollectiveError) {
        current += 1
        region.set(signature, of: rank, step: current)
        region.publish(current, by: rank)
        try waitForAll(during: signature)
        for other in 0..<size where region.signature(of: other, step: current) != signature {
            throw mismatch()
        }
    }

    private func waitForAll(during signature: Signature) throws(CollectiveError) {
        var ladder = WaitLadder(spins: spins)
        var next = 0
        while true {
            let before = next
            // A sequence is never ahead of `current` by more than one, and never goes back.
            while next < size, region.sequence(of: next) >= current { next += 1 }
            if next == size { return }
            if next != before { ladder.restart() }
            let (action, looks) = ladder.next(at: ContinuousClock.now)
            if looks { try lookAtAwaited(from: next, during: signature) }
            switch action {
            case .spin: relaxProcessor()
            case .yield: yieldProcessor()
            case .sleep(let duration): pause(for: duration)
            }
        }
    }

    /// Throws if one of the ranks that have not published the current step never will.
    private func lookAtAwaited(from first: Int, during signature: Signature) throws(CollectiveError) {
        var awaited: [Observation] = []
        for other in first..<size {
            do throws(SystemError) {
                let observation = try transport.observe(other)
                // Once more, after its death or farewell was seen: it may have published the step as its last deed.
                if region.sequence(of: other) < current { awaited.append(observation) }
            } catch {
                throw fail(
                    Fault(kind: .gaveUp, rank: rank),
                    CollectiveError(.system, "can't see whether rank \(other) lives", rank: other, cause: error))
            }
        }
        if let fault = Fault.among(awaited) {
            throw fail(fault, CollectiveError(fault, during: "\(signature)", on: transport.name))
        }
    }

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

    /// Tells the other ranks why this one comes no more, so that they name the same culprit.
    private func fail(_ fault: Fault, _ error: CollectiveError) -> CollectiveError {
        region.set(.failed(fault), of: rank)
        return error
    }

    /// Tells the other ranks that this one is done. Nothing but releasing the exchange may follow.
    func leave() {
        if case .failed = region.state(of: rank) { return }
        region.set(.left, of: rank)
    }
}

extension CollectiveError {
    /// The error that a fault of another rank is for this one.
    init(_ fault: Fault, during what: String, on name: String) {
        switch fault.kind {
        case .died:
            self.init(
                .rankDied,
                "rank \(fault.rank) died: its process ended without closing the communicator (\(name), in \(what))",
                rank: fault.rank)
        case .left:
            self.init(
                .rankLeft, "rank \(fault.rank) closed the communicator (\(name)) while others wait for it in \(what)",
                rank: fault.rank)
        case .mismatched:
            self.init(.mismatch, "rank \(fault.rank) called another collective than rank 0 (\(name))", rank: fault.rank)
        case .gaveUp:
            self.init(
                .rankLeft, "rank \(fault.rank) gave up because of an error of its own (\(name), in \(what))",
                rank: fault.rank)
        }
    }
}
