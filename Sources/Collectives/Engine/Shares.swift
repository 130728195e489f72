/// Equal parts of a tensor, whole cache lines, one for each rank; the last ones may be shorter or empty.
struct Shares {
    private let bytes: Int
    private let share: Int

    init(of bytes: Int, ranks: Int) {
        self.bytes = bytes
        share = RegionLayout.rounded((bytes + ranks - 1) / ranks)
    }

    @inline(__always)
    subscript(_ rank: Int) -> Range<Int> { min(rank * share, bytes)..<min((rank + 1) * share, bytes) }
}
