import Platform

/// How all ranks come to room for a tensor together, or none of them does.
struct HeapGrowth {
    enum Outcome {
        case reserved(TensorMemory)
        /// Why there is no new memory, and how much was needed.
        case refused(SystemError, needed: Int)
    }

    private let exchange: Exchange
    private let bytes: Int
    private let signature: Signature

    private static let leastPart = 8 << 20

    init(_ exchange: Exchange, bytes: Int) {
        self.exchange = exchange
        self.bytes = bytes
        signature = Signature(.allocate, of: .uint8, count: bytes)
    }

    func run() throws(CollectiveError) -> Outcome {
        var own: TensorMemory?
        for arena in exchange.heap.arenas where own == nil { own = arena.reserve(bytes) }
        if try agree(own == nil ? 1 : 0) == 0, let own { return .reserved(own) }
        // Some rank has no room: all take it from a new arena, and what was reserved here is released again.
        let least = (max(bytes, 1) + FreeList.page - 1) / FreeList.page * FreeList.page
        var error = SystemError(call: "mmap", code: 0)
        // As if there were no room: arenas are numbered, and all ranks have as many.
        if exchange.heap.isFull { return .refused(SystemError(call: "mmap", code: 12), needed: least * exchange.size) }
        for part in [max(Self.leastPart, least), least] {
            let arena: Arena?
            (arena, error) = try map(part * exchange.size)
            if let memory = arena?.reserve(bytes) { return .reserved(memory) }
            if !error.isNoSpace { break }
        }
        return .refused(error, needed: least * exchange.size)
    }

    /// Tells the others a number, 0 for success, and returns the first one that is not 0.
    private func agree(_ code: CInt) throws(CollectiveError) -> CInt {
        unsafe exchange.ownNote.storeBytes(of: code, as: CInt.self)
        try exchange.step(signature)
        var first: CInt = 0
        for rank in (0..<exchange.size).reversed() {
            let theirs = unsafe exchange.note(of: rank).load(as: CInt.self)
            if theirs != 0 { first = theirs }
        }
        return first
    }

    /// Makes a new arena on all ranks, or on none.
    private func map(_ total: Int) throws(CollectiveError) -> (Arena?, SystemError) {
        let name = try agreedName()
        do throws(CollectiveError) {
            var memory: MappedMemory?
            var code: CInt = 0
            if exchange.rank == 0 {
                (memory, code) = attempt { () throws(SystemError) in
                    try exchange.transport.createMemory(named: name, bytes: total)
                }
            }
            code = try agree(code)
            if code == 0, exchange.rank != 0 {
                (memory, code) = attempt { () throws(SystemError) in try exchange.transport.openMemory(named: name) }
            }
            if memory.map({ unsafe $0.bytes.count != total }) == true { code = 22 }
            code = try agree(code)
            // By all: rank 0 may have died when it had told the others that it was done.
            exchange.transport.removeMemory(named: name)
            let error = SystemError(call: "mmap", code: code, subject: name)
            guard code == 0, let memory, let arena = Arena(memory, rank: exchange.rank, ranks: exchange.size) else {
                return (nil, error)
            }
            exchange.heap.add(arena)
            return (arena, error)
        } catch {
            // Rank 0 may be the one that died, so whoever learns of it removes the name.
            exchange.transport.removeMemory(named: name)
            throw error
        }
    }

    private func attempt(
        _ body: () throws(SystemError) -> MappedMemory
    ) -> (MappedMemory?, CInt) {
        do throws(SystemError) { return (try body(), 0) } catch { return (nil, error.code) }
    }

    /// A name that nobody can guess; rank 0 chooses it. All know it before anything has it.
    private func agreedName() throws(CollectiveError) -> String {
        if exchange.rank == 0 {
            let name = "\(exchange.transport.name)-\(randomToken(bytes: 12))"
            for (index, byte) in name.utf8.enumerated() {
                unsafe exchange.ownSlot.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
            unsafe exchange.ownNote.storeBytes(of: name.utf8.count, as: Int.self)
        }
        try exchange.step(signature)
        let count = min(255, max(0, unsafe exchange.note(of: 0).load(as: Int.self)))
        let bytes = (0..<count).map { unsafe exchange.slot(of: 0).load(fromByteOffset: $0, as: UInt8.self) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
