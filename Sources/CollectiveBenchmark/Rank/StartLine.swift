import Glibc
import Platform
import Synchronization

/// A tiny barrier of the benchmark's own, the same for all contenders, so that all ranks begin an operation together
/// without the barrier of the contender that is measured. Its format is in `Benchmarks/Peers/startline.h`.
///
/// Ranks leave it at an agreed time, the latest coming and a window: who comes last would else leave first, by as much as a
/// cache line travels, and that is no less than a small operation takes.
///
/// Used by one thread. Safe because the mapping lives as long as the value, and only its counters are touched.
@safe struct StartLine: ~Copyable {
    static let bytes = 4096
    private static let line = 128
    private static let spins = 2000
    /// Nanoseconds from the latest coming to the start: some times what a line travels.
    private static let window: UInt64 = 2000

    private let base: UnsafeMutableRawPointer
    private let rank: Int
    private let ranks: Int
    private let spins: Int
    private var number: UInt64 = 0

    /// - Parameter path: a file of 4096 bytes, zero before the first rank came.
    init(_ path: String, rank: Int, ranks: Int) throws(SystemError) {
        let file = try Descriptor.open(path, .readWrite)
        let address = unsafe mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw SystemError(call: "mmap", code: errno, subject: path)
        }
        unsafe base = address
        self.rank = rank
        self.ranks = ranks
        spins = ranks <= onlineProcessors() ? Self.spins : 0
    }

    deinit { unsafe munmap(base, Self.bytes) }

    /// Whether there are more ranks than CPUs.
    var isCrowded: Bool { spins == 0 }

    /// A rank's counter: how many start lines it has come to. Aligned to 128 bytes, inside of the mapping.
    private func counter(_ rank: Int) -> UnsafePointer<Atomic<UInt64>> {
        unsafe UnsafePointer((base + Self.line * (1 + rank)).assumingMemoryBound(to: Atomic<UInt64>.self))
    }

    /// When a rank came to its last start line but one, or to its last: two by turns, since the next may come before this
    /// is read. In the counter's cache line.
    private func arrival(_ rank: Int) -> UnsafePointer<Atomic<UInt64>> {
        unsafe counter(rank) + 1 + Int(number & 1)
    }

    /// Returns when all ranks have called it as often as this one, at the same time where each has a CPU.
    mutating func wait() {
        number += 1
        unsafe arrival(rank).pointee.store(UInt64(monotonicNanoseconds()), ordering: .relaxed)
        // Release and acquire pair with each other: what a rank did before, all see afterwards.
        unsafe counter(rank).pointee.store(number, ordering: .releasing)
        var latest: UInt64 = 0
        for other in 0..<ranks {
            let theirs = unsafe counter(other)
            var spin = 0
            while unsafe theirs.pointee.load(ordering: .acquiring) < number {
                if spin < spins { relaxProcessor() } else { yieldProcessor() }
                spin += 1
            }
            latest = max(latest, unsafe arrival(other).pointee.load(ordering: .relaxed))
        }
        if isCrowded { return }
        let start = Double(latest + Self.window)
        while monotonicNanoseconds() < start {}
    }
}

/// The clock that all contenders use, in nanoseconds.
@inline(__always)
func monotonicNanoseconds() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}
