/// What was compressed with gzip (RFC 1952 over RFC 1951), member after member, with checksums; memory stays bounded.
struct GzipReader {
    static let magic: [UInt8] = [0x1F, 0x8B]

    private enum State {
        case header
        case block
        case stored(left: Int)
        case codes
        case trailer
        case end
    }

    private static let window = 1 << 15
    private static let chunk = 1 << 17

    private var input: BitInput
    private var state = State.header
    private var isLastBlock = false
    private var literals: HuffmanCode?
    private var distances: HuffmanCode?
    /// The last 32 KiB that were given out, and what follows them.
    private var output: [UInt8] = []
    private var given = 0
    /// How far the output is in the checksum.
    private var summed = 0
    /// Where the member's first byte is or was; copies from before it are damage.
    private var memberStart = 0
    private var crc = CRC32()
    private var size: UInt32 = 0

    init(beginning: [UInt8], _ source: @escaping ByteSource) {
        input = BitInput(beginning: beginning, source)
        output.reserveCapacity(Self.window + Self.chunk + 512)
    }

    /// The next bytes; none at the end.
    ///
    /// - Throws: `TraceProblem` where the data end early or are damaged.
    mutating func next() throws -> [UInt8] {
        if given > Self.window {
            let old = given - Self.window
            output.removeFirst(old)
            given -= old
            summed -= old
            memberStart = max(0, memberStart - old)
        }
        while output.count - given < Self.chunk {
            switch state {
            case .header: try readHeader()
            case .block: try readBlockHeader()
            case .stored(let left): try copyStored(left)
            case .codes: try inflateCodes()
            case .trailer: try readTrailer()
            case .end: return give()
            }
        }
        return give()
    }

    private mutating func give() -> [UInt8] {
        sum()
        defer { given = output.count }
        return Array(output[given...])
    }

    private mutating func sum() {
        crc.add(output[summed...])
        size &+= UInt32(truncatingIfNeeded: output.count - summed)
        summed = output.count
    }

    private mutating func readHeader() throws {
        guard try input.bits(8) == 0x1F, try input.bits(8) == 0x8B, try input.bits(8) == 8 else {
            throw TraceProblem("this is no gzip data", remedy: "Fetch the file again.")
        }
        let flags = try input.bits(8)
        for _ in 0..<6 { _ = try input.bits(8) }
        if flags & 4 != 0 {
            for _ in 0..<(try input.bits(16)) { _ = try input.bits(8) }
        }
        // The name, then the comment: up to a zero each.
        for flag in [8, 16] where flags & flag != 0 {
            while try input.bits(8) != 0 {}
        }
        if flags & 2 != 0 { _ = try input.bits(16) }
        state = .block
    }

    private mutating func readBlockHeader() throws {
        isLastBlock = try input.bits(1) == 1
        switch try input.bits(2) {
        case 0:
            input.alignToByte()
            let count = try input.bits(16)
            guard try input.bits(16) == ~count & 0xFFFF else { throw TraceProblem.damagedGzip }
            state = .stored(left: count)
        case 1:
            literals = Self.fixedLiterals
            distances = Self.fixedDistances
            state = .codes
        case 2:
            try readCodes()
            state = .codes
        default: throw TraceProblem.damagedGzip
        }
    }

    private mutating func readCodes() throws {
        let literalCount = try input.bits(5) + 257
        let distanceCount = try input.bits(5) + 1
        let codeCount = try input.bits(4) + 4
        var lengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<codeCount { lengths[Self.codeOrder[index]] = UInt8(try input.bits(3)) }
        guard literalCount <= 286, distanceCount <= 30, let code = HuffmanCode(lengths: lengths[...]) else {
            throw TraceProblem.damagedGzip
        }
        lengths = []
        while lengths.count < literalCount + distanceCount {
            switch try input.symbol(code) {
            case let length where length < 16: lengths.append(UInt8(length))
            case 16:
                guard let last = lengths.last else { throw TraceProblem.damagedGzip }
                lengths += repeatElement(last, count: try input.bits(2) + 3)
            case 17: lengths += repeatElement(0, count: try input.bits(3) + 3)
            default: lengths += repeatElement(0, count: try input.bits(7) + 11)
            }
        }
        // Without the symbol 256 the block would have no end.
        guard lengths.count == literalCount + distanceCount, lengths[256] != 0,
            let literals = HuffmanCode(lengths: lengths[..<literalCount]),
            let distances = HuffmanCode(lengths: lengths[literalCount...])
        else { throw TraceProblem.damagedGzip }
        self.literals = literals
        self.distances = distances
    }

    private mutating func copyStored(_ left: Int) throws {
        let count = min(left, Self.chunk)
        for _ in 0..<count { output.append(UInt8(try input.bits(8))) }
        if left > count { state = .stored(left: left - count) } else { endBlock() }
    }

    private mutating func endBlock() { state = isLastBlock ? .trailer : .block }

    private mutating func inflateCodes() throws {
        guard let literals, let distances else { throw TraceProblem.damagedGzip }
        let full = given + Self.chunk
        while output.count < full {
            let symbol = try input.symbol(literals)
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            if symbol == 256 { return endBlock() }
            guard symbol < 286 else { throw TraceProblem.damagedGzip }
            let length = Int(Self.lengthBases[symbol - 257]) + (try input.bits(Int(Self.lengthBits[symbol - 257])))
            let code = try input.symbol(distances)
            guard code < 30 else { throw TraceProblem.damagedGzip }
            let distance = Int(Self.distanceBases[code]) + (try input.bits(Int(Self.distanceBits[code])))
            var from = output.count - distance
            guard from >= memberStart else { throw TraceProblem.damagedGzip }
            for _ in 0..<length {
                output.append(output[from])
                from += 1
            }
        }
    }

    private mutating func readTrailer() throws {
        sum()
        input.alignToByte()
        guard UInt32(try input.bits(32)) == crc.value, UInt32(try input.bits(32)) == size else {
            throw TraceProblem(
                "the checksum of the compressed data is wrong: the file is damaged", remedy: "Fetch it again.")
        }
        crc = CRC32()
        size = 0
        memberStart = output.count
        state = try input.hasMember() ? .header : .end
    }

    private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    private static let lengthBases: [UInt16] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits: [UInt8] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases: [UInt16] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577,
    ]
    private static let distanceBits: [UInt8] = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
    ]
    private static let fixedLiterals = HuffmanCode(
        lengths: ([UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112)
            + [UInt8](repeating: 7, count: 24) + [UInt8](repeating: 8, count: 8))[...])
    private static let fixedDistances = HuffmanCode(lengths: [UInt8](repeating: 5, count: 32)[...])
}
