import CollectiveTrials
import Collectives
import Platform
import Testing

/// Messages from one rank to another, with ranks as threads.
struct MessageTests {
    private static let part = 1024

    /// Around one part and the four slots of a sender, and far beyond them.
    @Test(arguments: [0, 1, part - 1, part, part + 1, 4 * part, 4 * part + 1, 50 * part + 7], [false, true])
    func aMessageOfAnyLengthArrives(bytes: Int, isTensor: Bool) throws {
        let memory = isTensor ? Trial.Memory.tensors : .own
        for ranks in [1, 2, 3] {
            _ = try onThreads(ranks: ranks, stageBytes: Self.part) { communicator in
                for call in [Trial.Call.pairs, .ring] {
                    _ = try Trial(call, of: .uint8, count: bytes, in: memory).run(on: communicator)
                }
            }
        }
    }

    /// One part to each of four ranks is on its way before anybody receives it.
    @Test func upToFourPartsNeedNoReceiver() throws {
        let world = InProcessWorld(size: 5, stageBytes: Self.part)
        let ranks = (0..<5).map { Communicator(world.transport(of: $0), limits: WaitLimits(timeout: .seconds(5))) }
        for receiver in 1..<5 {
            try ranks[0].send([UInt8](repeating: UInt8(receiver), count: Self.part), to: receiver)
        }
        for receiver in 1..<5 {
            var message = [UInt8](repeating: 0, count: Self.part)
            try ranks[receiver].receive(&message, from: 0)
            #expect(message == [UInt8](repeating: UInt8(receiver), count: Self.part))
        }
        // All slots are free again, and the sender may have closed before the last part is taken.
        for receiver in 1..<5 { try ranks[0].send([7] as [Int32], to: receiver) }
        ranks[0].close()
        for receiver in 1..<5 {
            var message: [Int32] = [0]
            try ranks[receiver].receive(&message, from: 0)
            #expect(message == [7])
        }
    }

    /// Two ranks that both send a part before they receive.
    @Test func partsCross() throws {
        let received = try onThreads(ranks: 2, stageBytes: Self.part) { communicator in
            var sum = 0
            for number in 0..<500 {
                try communicator.send([number + communicator.rank], to: 1 - communicator.rank)
                var message = [0]
                try communicator.receive(&message, from: 1 - communicator.rank)
                sum += message[0]
            }
            return sum
        }
        #expect(received == [500 * 499 / 2 + 500, 500 * 499 / 2])
    }

    /// An array that lives only for the call. It was lost to the optimizer once, where nothing else read the array.
    @Test func aTemporaryArrayIsSentAsItIs() throws {
        let received = try onThreads(ranks: 2) { communicator in
            var (one, other) = ([0], [Int64](repeating: 0, count: 2))
            try communicator.send([7 + communicator.rank], to: 1 - communicator.rank)
            try communicator.receive(&one, from: 1 - communicator.rank)
            try communicator.send([5, Int64(communicator.rank)], to: 1 - communicator.rank)
            try communicator.receive(&other, from: 1 - communicator.rank)
            return "\(one) \(other)"
        }
        #expect(received == ["[8] [5, 1]", "[7] [5, 0]"])
    }

    @Test func messagesKeepTheirOrder() throws {
        let orders = try onThreads(ranks: 3, stageBytes: Self.part) { communicator in
            // Of many lengths, from two ranks to one, whichever it receives first.
            var received: [[Int]] = [[], []]
            for number in 0..<300 {
                let count = 1 + number * 7 % 400
                if communicator.rank > 0 {
                    try communicator.send([Int](repeating: number, count: count), to: 0)
                } else {
                    for sender in number % 3 == 0 ? [2, 1] : [1, 2] {
                        var message = [Int](repeating: -1, count: count)
                        try communicator.receive(&message, from: sender)
                        received[sender - 1].append(message.allSatisfy { $0 == number } ? number : -1)
                    }
                }
            }
            return received
        }
        #expect(orders[0] == [Array(0..<300), Array(0..<300)])
    }

    /// Far more than the slots hold, each rank sending first: only because it receives at the same time does this end.
    @Test(arguments: [2, 3, 8], [Trial.Memory.own, .tensors, .spans(0x9c6c)])
    func aRingOfLargeMessagesDoesNotStandStill(ranks: Int, memory: Trial.Memory) throws {
        _ = try onThreads(ranks: ranks, stageBytes: Self.part) { communicator in
            for seed in 0..<5 {
                _ = try Trial(.ring, of: .double, count: 10_000, in: memory, seed: UInt64(seed)).run(on: communicator)
            }
        }
    }

    /// The other ranks may do something else meanwhile.
    @Test func messagesAndCollectivesMix() throws {
        let sums = try onThreads(ranks: 4) { communicator in
            var (sum, message) = ([Int64(0)], [Int64(0)])
            for number in 0..<200 {
                let (from, to) = (number % 4, (number * 3 + 1) % 4)
                if communicator.rank == from, from != to { try communicator.send([Int64(number)], to: to) }
                if number % 5 == 0 { try communicator.barrier() }
                if communicator.rank == to, from != to {
                    try communicator.receive(&message, from: from)
                    sum[0] += message[0]
                }
                if number % 7 == 0 { _ = try communicator.allGather(sum) }
            }
            try communicator.allReduce(&sum, .sum)
            return sum[0]
        }
        let expected = (0..<200).filter { $0 % 4 != ($0 * 3 + 1) % 4 }.reduce(0, +)
        #expect(sums == [Int64](repeating: Int64(expected), count: 4))
    }

    /// Rank 1 receives something else than what rank 0 sends; of one part, and of many.
    @Test(arguments: [1, 3000], ["another count", "another type"])
    func anotherMessageIsAnErrorOnBothRanks(count: Int, deviation: String) {
        let world = InProcessWorld(size: 2, stageBytes: Self.part)
        let outcomes = onThreads(of: world, ranks: 0..<2) { communicator in
            if communicator.rank == 0 {
                try communicator.send([Int32](repeating: 5, count: count), to: 1)
                // A message of one part is sent before its receiver looks at it.
                try communicator.barrier()
            } else if deviation == "another count" {
                var message = [Int32](repeating: 0, count: count + 1)
                try communicator.receive(&message, from: 0)
            } else {
                var message = [Float](repeating: 0, count: count)
                try communicator.receive(&message, from: 0)
            }
        }
        let errors = outcomes.map(collectiveError)
        #expect(errors.map { $0?.code } == [.mismatch, .mismatch])
        #expect(errors.map { $0?.rank } == [1, 1])
        let wanted = deviation == "another count" ? "\(count + 1) Int32" : "\(count) Float"
        #expect(
            errors[1]?.message
                == "rank 0 sends another message than rank 1 receives: send of \(count) Int32, not send of \(wanted)")
    }

    // MARK: Ends

    /// Rank 1 sends, leaves and dies exactly while rank 0 asks whether it lives: after rank 0 saw that there is no
    /// message, before it gets the answer.
    @Test func aMessageIsReceivedEvenIfItsSenderDiedRightAfterIt() throws {
        let world = InProcessWorld(size: 2, stageBytes: Self.part)
        let sender = Communicator(world.transport(of: 1))
        var askings = 0
        let transport = HookedTransport(world.transport(of: 0)) { _ in
            askings += 1
            if askings == 1 { #expect(throws: Never.self) { try sender.send([8] as [Int16], to: 0) } }
            sender.close()
            world.declareDead(1)
        }
        let receiver = Communicator(transport, limits: patient)
        var message: [Int16] = [0]
        #expect(collectiveError { try receiver.receive(&message, from: 1) } == nil)
        #expect(message == [8])
        #expect(collectiveError { try receiver.receive(&message, from: 1) }?.code == .rankLeft)
    }

    /// The same for a sender whose tensor is taken by a receiver that goes: its message was received.
    @Test func aMessageIsSentEvenIfItsReceiverDiedRightAfterIt() {
        let world = InProcessWorld(size: 2, stageBytes: Self.part)
        let isSending = Guarded(false)
        let isAsking = Guarded(false)
        let isTaken = Guarded(false)
        let outcomes = onThreads(of: world, ranks: 0..<2) { communicator in
            guard communicator.rank == 0 else {
                let tensor = try communicator.makeTensor(of: Float.self, count: 5000)
                while !isAsking.withLock({ $0 }) { yieldProcessor() }
                try communicator.receive(tensor, from: 0)
                communicator.close()
                world.declareDead(1)
                isTaken.withLock { $0 = true }
                return
            }
            // A second communicator of rank 0's place, whose word on who lives comes late.
            let transport = HookedTransport(world.transport(of: 0)) { _ in
                guard isSending.withLock({ $0 }) else { return }
                isAsking.withLock { $0 = true }
                while !isTaken.withLock({ $0 }) { yieldProcessor() }
            }
            let sender = Communicator(transport, limits: patient)
            let tensor = try sender.makeTensor(repeating: Float(3), count: 5000)
            isSending.withLock { $0 = true }
            try sender.send(tensor, to: 1)
        }
        for outcome in outcomes { #expect(collectiveError(outcome) == nil) }
    }

    @Test func aReceiverThatNeverComesIsNamed() throws {
        let world = InProcessWorld(size: 3, stageBytes: Self.part)
        let limits = WaitLimits(timeout: .milliseconds(300), deathTimeout: .milliseconds(100))
        let (sender, receiver) = (
            Communicator(world.transport(of: 0), limits: limits), Communicator(world.transport(of: 2), limits: limits)
        )
        let error = collectiveError { try sender.send([Double](repeating: 1, count: 1000), to: 2) }
        #expect(error?.code == .timedOut)
        #expect(error?.rank == 2)
        #expect(error?.message.contains("(threads, in send of 1000 Double)") == true)
        var message = [Double](repeating: 0, count: 1000)
        #expect(collectiveError { try receiver.receive(&message, from: 0) }?.code == .timedOut)
    }
}
