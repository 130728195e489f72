import CPlatform
import Glibc
import Synchronization

/// A 32-bit word that threads, also of different processes, sleep on until another one changes and rings it.
///
/// The rule that loses no wake-up: the sleeper reads the word, then looks whether it has to sleep at all, then calls
/// `sleep` with what it read; the other one makes the condition true, then calls `ring`. Whoever reads the word after
/// the ring sees a true condition; whoever read it before is woken, or doesn't fall asleep because the word differs.
@safe public struct Doorbell: @unchecked Sendable {
    // Sendable because it is an address that never changes, and the word behind it is touched by atomics and the
    // kernel alone.
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    /// - Parameter address: 4 zero or initialized bytes, aligned to 4, which outlive the value and are used as a
    ///   doorbell only.
    @unsafe public init(at address: UnsafeMutableRawPointer) {
        unsafe word = unsafe address.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// One with a word of its own, which is to be deallocated when nobody uses it any more.
    @unsafe static func allocated() -> Doorbell {
        let word = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1)
        unsafe word.initialize(to: Atomic(0))
        return unsafe Doorbell(at: UnsafeMutableRawPointer(word))
    }

    @unsafe func deallocate() { unsafe word.deallocate() }

    /// How often it has been rung, modulo 2^32. Acquire: pairs with the release in `ring`.
    public var count: UInt32 { unsafe word.pointee.load(ordering: .acquiring) }

    /// Sleeps until the next ring, a signal, or the timeout; not at all when it has been rung since `count` was read.
    public func sleep(since count: UInt32, atMost timeout: Duration) {
        var time = timespec(timeout)
        // EAGAIN, EINTR and ETIMEDOUT all mean: look again.
        _ = unsafe cplatform_futex_wait(word, count, &time)
    }

    /// Wakes all that sleep. One system call. Release: pairs with the acquire in `count`.
    public func ring() {
        unsafe word.pointee.wrappingAdd(1, ordering: .releasing)
        _ = unsafe cplatform_futex_wake(word)
    }
}

extension timespec {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    }
}
