/// Messages from one rank to another, part by part through the sender's message slots.
///
/// A sender has a few slots for all its messages, and each pair of ranks a mailbox, which holds one part at a time. To
/// send a part: wait until the slot is free, fill it, wait until the mailbox's last part was taken, post. So a message
/// of one part is on its way before anybody receives it, and copying in overlaps with copying out. A message of up to
/// 32 bytes travels in the mailbox itself. One in the symmetric heap is posted whole, and the sender waits until it
/// was taken.
///
/// Not steps: only the two ranks take part, and they may have different steps behind them.
///
/// Per rank with n bytes: n copied in (none when direct) by the sender, n out by the receiver.
enum PointToPoint {
    /// Sends to one rank and receives from another at the same time, so that a ring of ranks can't stand still.
    ///
    /// - Parameter send, receive: the message and its other end; nil for one direction alone.
    static func run(
        send: (call: Call, to: Int)?, receive: (call: Call, from: Int)?, over exchange: Exchange
    ) throws(CollectiveError) -> CollectiveAlgorithm {
        var sending = send.map { Sending($0.call, to: $0.to, over: exchange) }
        var receiving = receive.map { Receiving($0.call, from: $0.from) }
        var algorithm = CollectiveAlgorithm.staged
        exchange.beginWaiting()
        while true {
            var hasMoved = false
            if sending?.isDone == false { hasMoved = sending?.advance(over: exchange) ?? false }
            if receiving?.isDone == false, try receiving?.advance(over: exchange) == true { hasMoved = true }
            let (sent, received) = (sending?.isDone ?? true, receiving?.isDone ?? true)
            if sending?.isDirect == true || receiving?.isDirect == true { algorithm = .direct }
            if sent && received { return algorithm }
            if hasMoved {
                exchange.beginWaiting()
                continue
            }
            let to = sent ? nil : sending.map { $0.awaited(over: exchange) }
            let from = received ? nil : receive?.from
            let sendingNow = sending
            let receivingNow = receiving
            try exchange.wait(
                on: from ?? to ?? exchange.rank,
                during: (receive ?? send.map { ($0.call, $0.to) })?.0.signature
                    ?? Signature(.send),
                isAwaited: { $0 == from || $0 == to },
                until: {
                    (!sent && sendingNow?.canAdvance(over: exchange) == true)
                        || (!received && receivingNow?.canAdvance(over: exchange) == true)
                })
        }
    }

    /// The place of a part: a slot's number, a location in the heap, or the mailbox.
    private struct Place: Hashable {
        let word: UInt64
        static let mailbox = Place(word: .max)
        static func slot(_ number: UInt64) -> Place { Place(word: number << 1) }
        static func location(_ location: UInt64) -> Place { Place(word: location << 1 | 1) }
        var isLocation: Bool { word & 1 == 1 }
        var value: UInt64 { word >> 1 }
    }

    /// What is left to be sent.
    private struct Sending {
        let call: Call
        let receiver: Int
        let location: UInt64
        var sent = 0
        var isPosted = false
        var isDone = false
        var isFilled = false
        var isDirect: Bool { location != 0 }
        let isInline: Bool

        init(_ call: Call, to receiver: Int, over exchange: Exchange) {
            self.call = call
            self.receiver = receiver
            isInline = call.bytes <= Region.inlineMessageBytes
            if let input = unsafe call.input, call.bytes >= Showing.leastDirectBytes {
                location = unsafe exchange.heap.location(of: input, bytes: call.bytes)
            } else {
                location = 0
            }
        }

        private func isMailboxFree(_ exchange: Exchange) -> Bool {
            exchange.region.taken(from: exchange.rank, by: receiver) == exchange.messages.sent[receiver]
        }

        /// The rank that has to take something before this can go on.
        func awaited(over exchange: Exchange) -> Int {
            if !isDirect, !isInline, !isFilled, let holder = exchange.messages.holderOfNextSlot(exchange) {
                return holder
            }
            return receiver
        }

        func canAdvance(over exchange: Exchange) -> Bool {
            if isDirect || isInline { return isMailboxFree(exchange) }
            if !isFilled { return exchange.messages.holderOfNextSlot(exchange) == nil }
            return isMailboxFree(exchange)
        }

        /// - Returns: whether anything could be done.
        mutating func advance(over exchange: Exchange) -> Bool {
            guard canAdvance(over: exchange) else { return false }
            let messages = exchange.messages
            if isDirect {
                // Taken: the tensor is the caller's again.
                if isPosted {
                    isDone = true
                } else {
                    messages.sent[receiver] += 1
                    post(.location(location), over: exchange)
                    isPosted = true
                }
                return true
            }
            if isInline {
                if let input = unsafe call.input {
                    unsafe exchange.region.messageNote(from: exchange.rank, to: receiver)
                        .copyMemory(from: input, byteCount: call.bytes)
                }
                messages.sent[receiver] += 1
                post(.mailbox, over: exchange)
                isDone = true
                return true
            }
            let part = min(exchange.layout.messagePartBytes, call.bytes - sent)
            if !isFilled {
                if let input = unsafe call.input, part > 0 {
                    // The slot is this rank's until it is posted, and as long as a part.
                    unsafe exchange.storePart(
                        input + sent,
                        to: exchange.region.messageSlot(of: exchange.rank, part: messages.nextSlot, bytes: part),
                        bytes: part)
                }
                isFilled = true
                return true
            }
            messages.sent[receiver] += 1
            messages.fill(for: receiver)
            post(.slot(messages.nextSlot - 1), over: exchange)
            sent += part
            isFilled = false
            isDone = sent == call.bytes
            return true
        }

        private func post(_ place: Place, over exchange: Exchange) {
            exchange.region.post(
                call.signature, place: place.word, count: exchange.messages.sent[receiver], from: exchange.rank,
                to: receiver)
            exchange.region.wakeSleepers(but: exchange.rank)
        }
    }

    /// What is left to be received.
    private struct Receiving {
        let call: Call
        let sender: Int
        var received = 0
        var isDone = false
        var isDirect = false

        init(_ call: Call, from sender: Int) {
            self.call = call
            self.sender = sender
        }

        func canAdvance(over exchange: Exchange) -> Bool {
            exchange.region.posted(from: sender, to: exchange.rank) > exchange.messages.received[sender]
        }

        mutating func advance(over exchange: Exchange) throws(CollectiveError) -> Bool {
            guard canAdvance(over: exchange) else { return false }
            let message = exchange.region.message(from: sender, to: exchange.rank)
            if message.signature != call.signature {
                throw exchange.fail(
                    Fault(kind: .mismatched, rank: exchange.rank),
                    CollectiveError(
                        .mismatch,
                        "rank \(sender) sends another message than rank \(exchange.rank) receives: "
                            + "\(message.signature), not \(call.signature)", rank: exchange.rank))
            }
            let place = Place(word: message.place)
            var part = min(exchange.layout.messagePartBytes, call.bytes - received)
            var from: UnsafeRawPointer
            if place == .mailbox {
                unsafe from = UnsafeRawPointer(exchange.region.messageNote(from: sender, to: exchange.rank))
            } else if !place.isLocation {
                unsafe from = UnsafeRawPointer(
                    exchange.region.messageSlot(of: sender, part: place.value, bytes: part))
            } else {
                (isDirect, part) = (true, call.bytes)
                guard let address = unsafe exchange.heap.address(of: place.value, bytes: part) else {
                    throw exchange.fail(
                        Fault(kind: .gaveUp, rank: exchange.rank),
                        CollectiveError(
                            .incompatible, "rank \(sender) sends a tensor from where this rank knows no memory",
                            rank: sender))
                }
                unsafe from = UnsafeRawPointer(address)
            }
            if let output = unsafe call.output, part > 0 {
                unsafe exchange.keep(from, in: output + received, bytes: part, of: call.bytes)
            }
            exchange.messages.received[sender] += 1
            exchange.region.take(exchange.messages.received[sender], from: sender, by: exchange.rank)
            exchange.region.wakeSleepers(but: exchange.rank)
            // As `lastStep`: a sender that gave up may have used its tensor again before it was copied.
            if isDirect { try exchange.confirm(sender, call.signature) }
            received += part
            isDone = received == call.bytes
            return true
        }
    }
}
