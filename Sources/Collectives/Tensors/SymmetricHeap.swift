import Platform

/// The shared memory in which tensors lie that other ranks reach directly.
///
/// It consists of *arenas*, which all ranks have mapped, each at an address of its own. An arena has a part for each
/// rank, in which that rank alone reserves and releases. A *location* names a byte for all ranks: the arena's number
/// plus one in the upper 16 bits, the offset in the arena below. So tensors need not lie at the same place on all
/// ranks, and releasing one needs no other rank.
///
/// Safe as a class: it keeps the arenas mapped for as long as it lives.
@safe final class SymmetricHeap {
    private(set) var arenas: [Arena] = []

    /// The most a location's 48 bits can tell, less than 2^47 because `PointToPoint` needs a bit.
    static let largestArena = 1 << 46
    static let mostArenas = 1 << 14

    var isFull: Bool { arenas.count >= Self.mostArenas }
    func add(_ arena: Arena) { arenas.append(arena) }

    /// Where a tensor lies for the other ranks; 0 when it lies in no arena.
    @inline(__always) @unsafe
    func location(of tensor: UnsafeRawPointer, bytes: Int) -> UInt64 {
        arenas.isEmpty ? 0 : unsafe search(tensor, bytes: bytes)
    }

    @unsafe
    private func search(_ tensor: UnsafeRawPointer, bytes: Int) -> UInt64 {
        for (number, arena) in arenas.enumerated() {
            let offset = unsafe tensor - UnsafeRawPointer(arena.base)
            if offset >= 0 && offset + bytes <= arena.bytes { return UInt64(number + 1) << 48 | UInt64(offset) }
        }
        return 0
    }

    /// What a location is in this process; nil when it names no memory of `bytes` bytes.
    @unsafe
    func address(of location: UInt64, bytes: Int) -> UnsafeMutableRawPointer? {
        let (number, offset) = (Int(location >> 48), Int(location & (1 << 48 - 1)))
        guard (1...max(1, arenas.count)).contains(number), !arenas.isEmpty else { return nil }
        let arena = arenas[number - 1]
        guard offset + bytes <= arena.bytes else { return nil }
        return unsafe arena.base + offset
    }
}

/// One piece of the symmetric heap.
///
/// Sendable because the address never changes, and the list of what is free is behind a lock: tensors are released on
/// any thread.
@safe final class Arena: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let bytes: Int
    private let partStart: Int
    private let memory: MappedMemory
    private let list: Guarded<FreeList>

    /// - Parameter memory: a part of equal length for each rank.
    init?(_ memory: MappedMemory, rank: Int, ranks: Int) {
        guard let base = unsafe memory.bytes.baseAddress else { return nil }
        unsafe self.base = base
        self.memory = memory
        bytes = unsafe memory.bytes.count
        let part = bytes / ranks
        partStart = part * rank
        list = Guarded(FreeList(bytes: part))
    }

    /// Reserves room in this rank's part.
    func reserve(_ bytes: Int) -> TensorMemory? {
        list.withLock { $0.reserve(bytes) }.map { TensorMemory(self, $0) }
    }

    fileprivate func release(_ range: Range<Int>) { list.withLock { $0.release(range) } }

    @unsafe fileprivate func address(of range: Range<Int>) -> UnsafeMutableRawPointer {
        unsafe base + partStart + range.lowerBound
    }
}

/// The bytes of one tensor in an arena, reserved for as long as this lives. Who touches them when is the tensor's rule.
final class TensorMemory: Sendable {
    private let arena: Arena
    private let range: Range<Int>

    fileprivate init(_ arena: Arena, _ range: Range<Int>) {
        self.arena = arena
        self.range = range
    }

    @unsafe var address: UnsafeMutableRawPointer { unsafe arena.address(of: range) }

    deinit { arena.release(range) }
}
