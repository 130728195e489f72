/// The sending end: copies NCCL's buffers into the slots.
@safe package final class Sender: Connection, @unchecked Sendable {
    // Sendable as `Connection` is: under `isHeld`.
    private var progress: SendProgress
    /// As it was seen last; the line is fetched from the receiver's core only when all slots seem full.
    private var taken: UInt64 = 0

    init(_ segment: RingSegment, _ transport: NetTransport) throws(NetFailure) {
        progress = SendProgress(partBytes: segment.layout.partBytes)
        try super.init(segment, side: .sender, transport)
    }

    override func movePart(posted: UInt64, limit: Int) -> Movement {
        let request = unsafe requests + Int(progress.message % UInt64(NetRequest.limit))
        var step = progress.next(posted: posted, bytes: unsafe request.pointee.bytes, taken: taken)
        if step == .full {
            taken = ring.taken
            step = progress.next(posted: posted, bytes: unsafe request.pointee.bytes, taken: taken)
        }
        switch step {
        case .idle: return .stopped(.idle)
        case .full: return .stopped(.stuck)
        case .part(let part):
            if part.length > limit { return .stopped(.tooLarge) }
            let bytes = unsafe request.pointee.bytes
            if part.length > 0, let address = unsafe request.pointee.address {
                unsafe ring.place(of: part.number, messageBytes: bytes)
                    .copyMemory(from: address + part.offset, byteCount: part.length)
            }
            ring.send(part.number, Ring.PartHeader(bytes: bytes, tag: unsafe request.pointee.tag))
            progress.didSend(part)
            return .moved(message: progress.message)
        }
    }
}
