import CReduction

/// The receiving end: copies the slots into NCCL's buffers.
@safe package final class Receiver: Connection, @unchecked Sendable {
    // Sendable as `Connection` is: under `isHeld`.
    private var progress: ReceiveProgress

    init(_ segment: RingSegment, _ transport: NetTransport) throws(NetFailure) {
        progress = ReceiveProgress(partBytes: segment.layout.partBytes)
        try super.init(segment, side: .receiver, transport)
    }

    override func movePart(posted: UInt64, limit: Int) -> Movement {
        let request = unsafe requests + Int(progress.message % UInt64(NetRequest.limit))
        let step = progress.next(
            posted: posted, room: unsafe (request.pointee.bytes, request.pointee.tag),
            arrived: ring.arrived(progress.taken).map { ($0.bytes, $0.tag) })
        switch step {
        case .idle: return .stopped(.idle)
        case .empty: return .stopped(.stuck)
        case .refused(let mismatch): return .refused(mismatch)
        case .part(let part, let messageBytes):
            if part.length > limit { return .stopped(.tooLarge) }
            if part.length > 0, let address = unsafe request.pointee.address {
                // The GPU may be polling the flags of this buffer: every aligned word is stored once, and whole.
                unsafe creduction_copy_words(
                    address + part.offset, ring.place(of: part.number, messageBytes: messageBytes), part.length)
            }
            progress.didTake(part)
            ring.take(progress.taken)
            if part.isLast { unsafe request.pointee.bytes = messageBytes }
            return .moved(message: progress.message)
        }
    }
}
