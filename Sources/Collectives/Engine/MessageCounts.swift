/// How many message parts this rank has exchanged with each other one, and who has its slots.
final class MessageCounts {
    /// Parts posted to, and taken from, each rank.
    var sent: [UInt64]
    var received: [UInt64]
    /// The number of the slot to be filled next.
    private(set) var nextSlot: UInt64 = 0
    /// For each slot, the receiver of its last part and that part's number in the mailbox.
    private var slots: [(receiver: Int, number: UInt64)?]

    init(_ layout: RegionLayout) {
        let ranks = layout.worldSize
        sent = [UInt64](repeating: 0, count: ranks)
        received = [UInt64](repeating: 0, count: ranks)
        slots = [(receiver: Int, number: UInt64)?](repeating: nil, count: layout.messageSlots)
    }

    /// The rank that has not yet taken the part in the slot to be filled next; nil when it is free.
    func holderOfNextSlot(_ exchange: Exchange) -> Int? {
        guard let slot = slots[Int(nextSlot) % slots.count] else { return nil }
        return exchange.region.taken(from: exchange.rank, by: slot.receiver) >= slot.number ? nil : slot.receiver
    }

    /// The next slot is about to be posted to a rank whose `sent` counts it already.
    func fill(for receiver: Int) {
        slots[Int(nextSlot) % slots.count] = (receiver, sent[receiver])
        nextSlot += 1
    }
}
