/// Bits of compressed data, the lowest of a byte first.
struct BitInput {
    private let source: ByteSource
    private var bytes: [UInt8]
    private var position = 0
    private var sourceEnded = false
    private var buffer: UInt64 = 0
    private var count = 0

    init(beginning: [UInt8], _ source: @escaping ByteSource) {
        bytes = beginning
        self.source = source
    }

    /// Fills the buffer to 56 bits or more, or to what there is.
    @inline(__always)
    private mutating func fill() throws {
        while count <= 56 {
            if position == bytes.count {
                if sourceEnded { return }
                bytes = try source()
                position = 0
                if bytes.isEmpty {
                    sourceEnded = true
                    return
                }
            }
            buffer |= UInt64(bytes[position]) << UInt64(count)
            position += 1
            count += 8
        }
    }

    /// The next bits, 32 at most.
    @inline(__always)
    mutating func bits(_ wanted: Int) throws -> Int {
        if count < wanted { try fill() }
        guard count >= wanted else { throw TraceProblem.endOfGzip }
        let value = buffer & (1 << UInt64(wanted) - 1)
        buffer >>= UInt64(wanted)
        count -= wanted
        return Int(value)
    }

    /// The next symbol of a code.
    @inline(__always)
    mutating func symbol(_ code: borrowing HuffmanCode) throws -> Int {
        if count < 15 { try fill() }
        guard let (symbol, length) = code.decode(buffer) else {
            throw count < 15 ? TraceProblem.endOfGzip : TraceProblem.damagedGzip
        }
        guard length <= count else { throw TraceProblem.endOfGzip }
        buffer >>= UInt64(length)
        count -= length
        return symbol
    }

    /// Drops the rest of a byte.
    mutating func alignToByte() {
        let rest = count & 7
        buffer >>= UInt64(rest)
        count -= rest
    }

    /// Whether another member begins here; zeros that fill up a block of a tape may end the data.
    mutating func hasMember() throws -> Bool {
        while true {
            try fill()
            guard count > 0 else { return false }
            guard buffer & 0xFF == 0 else { break }
            _ = try bits(8)
        }
        guard buffer & 0xFFFF == 0x8B1F else {
            throw TraceProblem(
                "after the compressed data come bytes that are no gzip", remedy: "Fetch the file again.")
        }
        return true
    }
}
