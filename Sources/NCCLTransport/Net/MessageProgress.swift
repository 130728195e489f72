/// A piece of a message that can be copied now.
package struct MessagePart: Hashable, Sendable {
    /// Counted over all messages of the connection.
    package let number: UInt64
    /// Where in the message.
    package let offset: Int
    package let length: Int
    package let isLast: Bool

    package init(number: UInt64, offset: Int, length: Int, isLast: Bool) {
        self.number = number
        self.offset = offset
        self.length = length
        self.isLast = isLast
    }
}

/// How far a sender is: a value that decides which part goes next, and knows nothing of memory.
package struct SendProgress: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        /// All messages that were posted have been sent.
        case idle
        /// The receiver must take a part first.
        case full
        case part(MessagePart)
    }

    private let partBytes: Int
    /// The first message that is not sent wholly.
    package private(set) var message: UInt64 = 0
    private var offset = 0
    /// Parts sent.
    package private(set) var sent: UInt64 = 0

    package init(partBytes: Int) { self.partBytes = partBytes }

    /// - Parameter posted: messages that NCCL has handed over.
    /// - Parameter bytes: of the first one that is not sent; asked for only where there is one.
    /// - Parameter taken: parts that the receiver is done with.
    @inline(__always)
    package func next(posted: UInt64, bytes: @autoclosure () -> Int, taken: UInt64) -> Step {
        guard message < posted else { return .idle }
        guard sent - taken < RingLayout.parts else { return .full }
        let rest = bytes() - offset
        let length = min(rest, partBytes)
        return .part(MessagePart(number: sent, offset: offset, length: length, isLast: length == rest))
    }

    @inline(__always)
    package mutating func didSend(_ part: MessagePart) {
        sent += 1
        offset = part.isLast ? 0 : part.offset + part.length
        if part.isLast { message += 1 }
    }
}

/// How far a receiver is.
package struct ReceiveProgress: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        /// NCCL waits for no message.
        case idle
        /// The sender must send a part first.
        case empty
        case part(MessagePart, messageBytes: Int)
        /// What comes does not fit to what NCCL waits for.
        case refused(Mismatch)
    }

    /// What does not fit.
    package enum Mismatch: Hashable, Sendable {
        case tooLong(bytes: Int, room: Int)
        case tag(theirs: Int32, ours: Int32)
    }

    private let partBytes: Int
    /// The first message that has not come wholly.
    package private(set) var message: UInt64 = 0
    private var offset = 0
    /// Parts taken.
    package private(set) var taken: UInt64 = 0

    package init(partBytes: Int) { self.partBytes = partBytes }

    /// - Parameter posted: messages that NCCL waits or waited for.
    /// - Parameter room: for the first of them that has not come; asked for only where there is one, as is its tag.
    /// - Parameter arrived: size and tag of the message whose part `taken` has come; nil when that has not.
    @inline(__always)
    package func next(
        posted: UInt64, room: @autoclosure () -> (bytes: Int, tag: Int32),
        arrived: @autoclosure () -> (bytes: Int, tag: Int32)?
    ) -> Step {
        guard message < posted else { return .idle }
        guard let arrived = arrived() else { return .empty }
        if offset == 0 {
            let room = room()
            if arrived.tag != room.tag { return .refused(.tag(theirs: arrived.tag, ours: room.tag)) }
            if arrived.bytes > room.bytes { return .refused(.tooLong(bytes: arrived.bytes, room: room.bytes)) }
        }
        let rest = arrived.bytes - offset
        let length = min(rest, partBytes)
        return .part(
            MessagePart(number: taken, offset: offset, length: length, isLast: length == rest),
            messageBytes: arrived.bytes)
    }

    @inline(__always)
    package mutating func didTake(_ part: MessagePart) {
        taken += 1
        offset = part.isLast ? 0 : part.offset + part.length
        if part.isLast { message += 1 }
    }
}

extension ReceiveProgress.Mismatch: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLong(let bytes, let room): "a message of \(bytes) bytes came for a receive of \(room)"
        case .tag(let theirs, let ours): "a message with the tag \(theirs) came for a receive with the tag \(ours)"
        }
    }
}
