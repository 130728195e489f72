/// Where things lie in the memory that the ranks share.
///
/// A header, then for each rank a *life line* (rarely written), a *step line* for even and one for odd steps, the
/// *mailboxes* of each pair of ranks, and for each rank an *area* of slots for even and one for odd steps. Every line has one writer, but for the doorbell in a life line.
/// Lines are 64 bytes, the unit that processors exchange, and each begins a group of 128 bytes, because processors
/// fetch them in pairs: with both parities in one group, who reads the line of this step takes away the one that its
/// owner writes next.
package struct RegionLayout: Hashable, Sendable {
    /// Bytes that a rank stages in one step, unless /dev/shm is too small: a share of 512 KiB for each rank, which
    /// a second-level cache holds, but 4 MiB at most. Found by measurement; see docs/measurements/collectives.md.
    package static func defaultStageBytes(worldSize: Int) -> Int {
        max(leastStageBytes(worldSize: worldSize), min(worldSize * 512 << 10, 4 << 20))
    }
    /// The least: a cache line for each rank's share, at least a page.
    package static func leastStageBytes(worldSize: Int) -> Int { max(4096, worldSize * unit) }
    /// Version of everything below and in `Region`, and of what decides alike on all ranks which way bytes take, such
    /// as `AllReduce.isFlat`. Another one can't be joined; who changes any of it raises it.
    static let version: UInt64 = 6
    /// Bytes of a group of lines with one writer; slots and shares are multiples of it.
    static let unit = 128
    static let headerBytes = unit
    /// Smaller slots stay where they are: the least memory is the nearest.
    package static let leastTurningBytes = 8192
    /// Bytes of one message part of send and receive.
    static let largestMessagePart = 64 * 1024

    /// So many slots of messages that they are more than a second-level cache holds, for the reason given at
    /// `slot(of:step:slotBytes:)`; and few, for where memory is scarce or nobody sends messages.
    package static let manyMessageSlots = 24
    package static let fewMessageSlots = 4
    static let possibleMessageSlots = 1...1024

    /// Number of ranks.
    package let worldSize: Int
    /// Bytes that a rank can show in one step; a multiple of 128.
    package let stageBytes: Int
    /// Message parts that a rank can have under way.
    package let messageSlots: Int

    package init(worldSize: Int, stageBytes: Int, messageSlots: Int = manyMessageSlots) {
        precondition(worldSize > 0 && Self.isPossible(stageBytes: stageBytes, worldSize: worldSize))
        precondition(Self.possibleMessageSlots.contains(messageSlots))
        self.worldSize = worldSize
        self.stageBytes = stageBytes
        self.messageSlots = messageSlots
    }

    /// The next one that takes less memory: first with few slots of messages, then with half the stage; nil for the
    /// smallest.
    package var smaller: RegionLayout? {
        if messageSlots > Self.fewMessageSlots {
            return RegionLayout(worldSize: worldSize, stageBytes: stageBytes, messageSlots: Self.fewMessageSlots)
        }
        let least = Self.leastStageBytes(worldSize: worldSize)
        if stageBytes <= least { return nil }
        return RegionLayout(
            worldSize: worldSize, stageBytes: max(least, Self.rounded(stageBytes / 2)), messageSlots: messageSlots)
    }

    static func isPossible(stageBytes: Int, worldSize: Int) -> Bool {
        stageBytes >= worldSize * unit && stageBytes % unit == 0 && stageBytes <= 1 << 40
    }

    /// One rank's share of a step's results: an equal part of the stage, whole lines.
    var shareBytes: Int { Self.rounded((stageBytes + worldSize - 1) / worldSize) }
    /// Where a rank's slots of one parity lie: one that takes all of it, or several smaller ones.
    package var areaBytes: Int { (worldSize + 1) * shareBytes }
    var messagePartBytes: Int { min(stageBytes, Self.largestMessagePart) }

    @inline(__always)
    func lifeLine(of rank: Int) -> Int { Self.headerBytes &+ rank &* Self.unit }
    @inline(__always)
    func stepLine(of rank: Int, step: UInt64) -> Int {
        Self.headerBytes &+ (worldSize &+ 2 &* rank &+ Int(truncatingIfNeeded: step & 1)) &* Self.unit
    }
    /// The sender's half of a mailbox; the receiver's half follows 128 bytes later.
    func mailbox(from sender: Int, to receiver: Int) -> Int {
        Self.headerBytes + (3 * worldSize + 2 * (sender * worldSize + receiver)) * Self.unit
    }

    /// Slots start on a page.
    private var slotsStart: Int {
        (Self.headerBytes + (3 * worldSize + 2 * worldSize * worldSize) * Self.unit + 4095) / 4096 * 4096
    }
    /// One group of lines more than needed lies between two slots: with a power of two the same place of all slots
    /// would fall into the same few cache sets.
    private var areaStride: Int { areaBytes + Self.unit }
    private var messagesStart: Int { slotsStart + 2 * worldSize * areaStride }

    /// What a rank shows with a step: a place in its area of the step's parity.
    ///
    /// Large slots take turns in the area. Written again at once, each of their lines would have to be taken away from
    /// the cache of the core that has read it, one after the other; by the time that the area has been gone
    /// through, the lines have left that cache. docs/measurements/collectives.md has what that is worth.
    ///
    /// - Parameter slotBytes: what the slots of this step have room for; the same on all ranks.
    @inline(__always)
    package func slot(of rank: Int, step: UInt64, slotBytes: Int) -> Int {
        let area = slotsStart + (2 * rank + Int(step & 1)) * areaStride
        if slotBytes < Self.leastTurningBytes { return area }
        return area + Int(truncatingIfNeeded: step >> 1) % max(1, areaBytes / slotBytes) * slotBytes
    }

    /// Where a part of a message lies: in the slots in turn and, when a slot has room for several like it, each time round
    /// in another place of it.
    ///
    /// - Parameter part: the number of the sender's part.
    /// - Parameter bytes: of the part.
    package func messageSlot(of rank: Int, part: UInt64, bytes: Int) -> Int {
        let (round, slot) = Int(truncatingIfNeeded: part).quotientAndRemainder(dividingBy: messageSlots)
        let start = messagesStart + (messageSlots * rank + slot) * (messagePartBytes + Self.unit)
        if bytes < Self.leastTurningBytes { return start }
        let partBytes = Self.rounded(bytes)
        return start + round % max(1, messagePartBytes / partBytes) * partBytes
    }

    package var totalBytes: Int {
        messagesStart + worldSize * messageSlots * (messagePartBytes + Self.unit)
    }

    static func rounded(_ bytes: Int) -> Int { (bytes + unit - 1) / unit * unit }
}
