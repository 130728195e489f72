/// What a rank says that can't join what rank 0 has made: who it is, and which layout and number of ranks it has itself.
///
/// One word of the header, read by ranks of other versions, so that its meaning never changes.
struct Refusal: Hashable {
    var rank: Int
    var version: UInt64
    var worldSize: Int

    init(rank: Int, version: UInt64, worldSize: Int) {
        self.rank = rank
        self.version = version
        self.worldSize = worldSize
    }

    /// The rank plus one in bits 0-15, the number of ranks in 16-31, the version in 32-63.
    var word: UInt64 {
        UInt64(UInt16(truncatingIfNeeded: rank + 1)) | UInt64(UInt16(truncatingIfNeeded: worldSize)) << 16
            | version << 32
    }

    /// nil for a word that nobody has written yet.
    init?(word: UInt64) {
        if word == 0 { return nil }
        rank = Int(word & 0xffff) - 1
        worldSize = Int(word >> 16 & 0xffff)
        version = word >> 32
    }
}
