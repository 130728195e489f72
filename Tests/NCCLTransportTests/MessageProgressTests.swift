import NCCLTransport
import TestSupport
import Testing

struct MessageProgressTests {
    // MARK: Each step by itself

    @Test func aSenderIsIdleUntilSomethingIsPosted() {
        let sender = SendProgress(partBytes: 4096)
        #expect(sender.next(posted: 0, bytes: 1, taken: 0) == .idle)
    }

    @Test func aMessageWithoutBytesIsOnePart() {
        var sender = SendProgress(partBytes: 4096)
        let part = MessagePart(number: 0, offset: 0, length: 0, isLast: true)
        #expect(sender.next(posted: 1, bytes: 0, taken: 0) == .part(part))
        sender.didSend(part)
        #expect(sender.message == 1 && sender.sent == 1)
        #expect(sender.next(posted: 1, bytes: 0, taken: 0) == .idle)
    }

    @Test func aSenderStopsWhenAllSlotsAreFull() throws {
        var sender = SendProgress(partBytes: 4096)
        for number in 0..<RingLayout.parts {
            guard case .part(let part) = sender.next(posted: 1, bytes: 1 << 20, taken: 0) else {
                Issue.record("part \(number) could not be sent")
                return
            }
            #expect(part.number == number && part.offset == Int(number) * 4096 && part.length == 4096 && !part.isLast)
            sender.didSend(part)
        }
        #expect(sender.next(posted: 1, bytes: 1 << 20, taken: 0) == .full)
        #expect(sender.message == 0)
        if case .part = sender.next(posted: 1, bytes: 1 << 20, taken: 1) {} else { Issue.record("a slot was free") }
    }

    @Test func aReceiverWaitsForRequestsAndParts() {
        let receiver = ReceiveProgress(partBytes: 4096)
        #expect(receiver.next(posted: 0, room: (9, 0), arrived: (1, 0)) == .idle)
        #expect(receiver.next(posted: 1, room: (9, 0), arrived: nil) == .empty)
    }

    @Test func aReceiverRefusesWhatDoesNotFit() {
        let receiver = ReceiveProgress(partBytes: 4096)
        #expect(
            receiver.next(posted: 1, room: (9, 5), arrived: (10, 5)) == .refused(.tooLong(bytes: 10, room: 9)))
        #expect(receiver.next(posted: 1, room: (9, 5), arrived: (1, 6)) == .refused(.tag(theirs: 6, ours: 5)))
        let part = MessagePart(number: 0, offset: 0, length: 9, isLast: true)
        #expect(receiver.next(posted: 1, room: (9, 5), arrived: (9, 5)) == .part(part, messageBytes: 9))
    }

    // MARK: Both together

    /// Random messages, posted, sent and received in a random order of steps: all parts in order, all bytes once.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func whatIsSentComesInOrder(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let partBytes = 4096 << Int(random.next() % 3)
        let sizes = (0..<40).map { _ in random.next() % 3 == 0 ? 0 : Int(random.next() % 100_000) }
        var sender = SendProgress(partBytes: partBytes)
        var receiver = ReceiveProgress(partBytes: partBytes)
        var posted: (UInt64, UInt64) = (0, 0)
        var ring: [UInt64: (message: Int, part: MessagePart)] = [:]
        var expected = (message: 0, offset: 0)
        while receiver.message < UInt64(sizes.count) {
            switch random.next() % 4 {
            case 0: posted.0 = min(posted.0 + 1, UInt64(sizes.count))
            case 1: posted.1 = min(posted.1 + 1, UInt64(sizes.count))
            case 2:
                let message = Int(sender.message)
                if case .part(let part) = sender.next(posted: posted.0, bytes: sizes[message], taken: receiver.taken) {
                    #expect(ring.count < Int(RingLayout.parts))
                    ring[part.number] = (message, part)
                    sender.didSend(part)
                }
            default:
                let arrived = ring[receiver.taken]
                guard
                    case .part(let part, let bytes) = receiver.next(
                        posted: posted.1, room: (100_000, 0), arrived: arrived.map { (sizes[$0.message], 0) }),
                    let arrived
                else { continue }
                #expect(part == arrived.part && bytes == sizes[arrived.message], "seed \(seed)")
                #expect(arrived.message == expected.message && part.offset == expected.offset, "seed \(seed)")
                expected = part.isLast ? (expected.message + 1, 0) : (expected.message, part.offset + part.length)
                if part.isLast { #expect(part.offset + part.length == bytes) }
                ring[part.number] = nil
                receiver.didTake(part)
            }
        }
        #expect(ring.isEmpty && sender.sent == receiver.taken)
    }
}
