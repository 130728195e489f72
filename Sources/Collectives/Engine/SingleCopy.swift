import Platform

/// Reading private tensors of other ranks through the kernel, once, instead of staging them.
///
/// It is used where all ranks may read all others, which they find out together at the first call that is large
/// enough: each shows its process number and where a random word lies, and tries to read those of the others. So
/// PID namespaces, containers that forbid it, and kernels that restrict debugging are found out by trying.
///
/// Whether it pays is a matter of page size: the kernel looks up every page of the source. Measured, a copy of 4 KiB
/// pages runs at half of a plain copy's speed, one of huge pages at nearly all of it, see
/// docs/measurements/collectives.md. So small tensors are staged, and those that don't lie in huge pages.
@safe final class SingleCopy {
    /// The least bytes of a block for which it is used.
    static let leastBytes = 4 << 20
    /// Whether this rank has a reason for it: `FLEXMIG_SINGLE_COPY=on|off`, else a measurement.
    static let isWanted: Bool = {
        switch Environment.value("FLEXMIG_SINGLE_COPY") {
        case "on": true
        case "off": false
        default: isFastHere()
        }
    }()

    /// Whether the kernel copies huge pages nearly as fast as the C library does. Measured on memory of this process,
    /// once, in some two milliseconds.
    private static func isFastHere() -> Bool {
        let count = 1 << 20
        let pages = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 2 << 20)
        defer { unsafe pages.deallocate() }
        unsafe ProcessMemory.wishHugePages(pages, count: 4 * count)
        unsafe pages.initializeMemory(as: UInt8.self, repeating: 1, count: 3 * count)
        let target = unsafe pages + 2 * count
        let address = UInt64(UInt(bitPattern: pages))
        var (kernel, plain) = (Duration.seconds(1), Duration.seconds(1))
        for turn in 0..<5 {
            let half = turn % 2 * count
            let clock = ContinuousClock()
            plain = min(plain, clock.measure { unsafe target.copyMemory(from: pages + half, byteCount: count) })
            let beginning = clock.now
            let result = Result { () throws(SystemError) in
                try unsafe ProcessMemory.read(.current, at: address + UInt64(half), into: target, count: count)
            }
            guard (try? result.get()) != nil else { return false }
            kernel = min(kernel, beginning.duration(to: clock.now))
        }
        return kernel < plain * 1.4
    }

    /// The processes of all ranks; nil where somebody can't read somebody.
    private let processes: [ProcessID]?

    /// What is known of this rank's tensors, by address: whether they lie in huge pages. Each new one costs a look.
    private var lookups: [UInt64: Bool] = [:]
    private static let mostLookups = 64

    private struct Introduction: BitwiseCopyable {
        var process: Int32
        var address: UInt64
        var word: UInt64
    }

    /// Two steps, in which all ranks take part.
    init(_ exchange: Exchange, _ signature: Signature) throws(CollectiveError) {
        let word = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        defer { unsafe word.deallocate() }
        unsafe word.initialize(to: .random(in: 1...UInt64.max))
        let own = unsafe Introduction(
            process: ProcessID.current.rawValue, address: UInt64(UInt(bitPattern: word)), word: word.pointee)
        unsafe exchange.ownNote.storeBytes(of: own, as: Introduction.self)
        try exchange.step(signature)
        var processes: [ProcessID] = []
        var isReadable = Self.isWanted && exchange.transport.hasProcesses
        for rank in 0..<exchange.size {
            let other = unsafe exchange.note(of: rank).load(as: Introduction.self)
            processes.append(ProcessID(rawValue: other.process))
            if isReadable, rank != exchange.rank { isReadable = Self.canRead(other) }
        }
        unsafe exchange.ownNote.storeBytes(of: isReadable ? 1 : 0, as: UInt64.self)
        try exchange.step(signature)
        for rank in 0..<exchange.size where unsafe exchange.note(of: rank).load(as: UInt64.self) == 0 {
            isReadable = false
        }
        self.processes = isReadable ? processes : nil
    }

    private static func canRead(_ other: Introduction) -> Bool {
        var seen: UInt64 = 0
        let result = Result { () throws(SystemError) in
            try unsafe ProcessMemory.read(ProcessID(rawValue: other.process), at: other.address, into: &seen, count: 8)
        }
        return (try? result.get()) != nil && seen == other.word
    }

    var isPossible: Bool { processes != nil }

    /// Whether it pays to let the others read this rank's tensor. Each rank decides for its own.
    func pays(for tensor: UnsafeRawPointer) -> Bool {
        let address = UInt64(UInt(bitPattern: tensor))
        if let known = lookups[address] { return known }
        if lookups.count == Self.mostLookups { return false }
        let isHuge = ProcessMemory.isInHugePages(address)
        lookups[address] = isHuge
        return isHuge
    }

    /// Copies bytes of a rank's private memory.
    ///
    /// What came is garbage when the rank has died or given up meanwhile; `Exchange.lastStep` tells.
    @unsafe
    func read(
        _ rank: Int, at address: UInt64, into target: UnsafeMutableRawPointer, count: Int
    ) throws(SystemError) {
        guard let processes else { return }
        try unsafe ProcessMemory.read(processes[rank], at: address, into: target, count: count)
    }
}
