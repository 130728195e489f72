/// Where things lie in the memory that the ranks share: a header line, one line per rank, then the slots.
///
/// Every line has one writer. 128 bytes a line: two cache lines, because processors fetch them in pairs.
package struct RegionLayout: Hashable, Sendable {
    package static let defaultSlotBytes = 128 * 1024
    /// Version of everything below and in `Region`; another one can't be joined.
    static let version: UInt64 = 1
    static let lineBytes = 128
    static let headerBytes = lineBytes

    /// Number of ranks.
    package let worldSize: Int
    /// Bytes that a rank can send in one step; a multiple of 128.
    package let slotBytes: Int

    package init(worldSize: Int, slotBytes: Int) {
        precondition(worldSize > 0 && slotBytes > 0 && slotBytes % Self.lineBytes == 0)
        self.worldSize = worldSize
        self.slotBytes = slotBytes
    }

    func line(of rank: Int) -> Int { Self.headerBytes + rank * Self.lineBytes }

    /// Slots start on a page. One more line than needed lies between two of them: with a power of two the same
    /// place of all slots would fall into the same few cache sets.
    private var slotsStart: Int { (Self.headerBytes + worldSize * Self.lineBytes + 4095) / 4096 * 4096 }
    private var slotStride: Int { slotBytes + Self.lineBytes }

    /// The slot that a rank writes for a step: two per rank, by turns.
    func slot(of rank: Int, step: UInt64) -> Int { slotsStart + (2 * rank + Int(step % 2)) * slotStride }

    package var totalBytes: Int { slotsStart + 2 * worldSize * slotStride }
}
