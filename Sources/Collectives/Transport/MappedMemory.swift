/// Shared memory that stays mapped as long as a reference to it lives.
///
/// Sendable because nothing of it changes; the bytes are shared with other ranks, and who may touch them when is up to
/// the collectives.
@safe package final class MappedMemory: @unchecked Sendable {
    @unsafe let bytes: UnsafeMutableRawBufferPointer
    private let release: @Sendable (UnsafeMutableRawBufferPointer) -> Void

    /// - Parameter bytes: valid until `release` is called with them, by any thread.
    @unsafe init(
        _ bytes: UnsafeMutableRawBufferPointer, release: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
    ) {
        unsafe self.bytes = unsafe bytes
        unsafe self.release = unsafe release
    }

    deinit { unsafe release(bytes) }
}
