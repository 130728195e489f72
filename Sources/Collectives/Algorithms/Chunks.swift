/// The cuts of a buffer that is sent slot by slot.
///
/// An empty buffer is one empty chunk: its step compares the signatures and keeps the ranks together all the same.
enum Chunks {
    /// - Parameter size: the longest chunk, above 0.
    static func of(_ count: Int, size: Int) -> some Sequence<Range<Int>> {
        stride(from: 0, to: max(count, 1), by: size).lazy.map { $0..<min($0 + size, count) }
    }
}
