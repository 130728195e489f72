/// A canonical prefix code of DEFLATE: short codes by a table, long ones by counting.
struct HuffmanCode {
    static let tableBits = 10

    /// By the next ten bits: symbol << 4 | length; 0 where the code is longer or there is none.
    private(set) var table = [UInt16](repeating: 0, count: 1 << tableBits)
    private var counts = [UInt16](repeating: 0, count: 16)
    private var symbols: [UInt16] = []

    /// Builds the code of these lengths, 0 for symbols that don't occur.
    ///
    /// - Returns: nil where the lengths make no prefix code: oversubscribed, or with gaps in more than a single code.
    init?(lengths: ArraySlice<UInt8>) {
        for length in lengths { counts[Int(length)] += 1 }
        counts[0] = 0
        var left = 1
        for length in 1...15 {
            left = left << 1 - Int(counts[length])
            if left < 0 { return nil }
        }
        let used = counts.reduce(0) { $0 + Int($1) }
        if left > 0, used > 1 { return nil }

        var places = [Int](repeating: 0, count: 16)
        for length in 1..<15 { places[length + 1] = places[length] + Int(counts[length]) }
        symbols = [UInt16](repeating: 0, count: used)
        for (symbol, length) in lengths.enumerated() where length != 0 {
            symbols[places[Int(length)]] = UInt16(symbol)
            places[Int(length)] += 1
        }
        fillTable()
    }

    private mutating func fillTable() {
        var code = 0
        var index = 0
        for length in 1...Self.tableBits {
            for _ in 0..<counts[length] {
                // Codes come with their first bit lowest.
                var reversed = 0
                for bit in 0..<length { reversed |= (code >> bit & 1) << (length - 1 - bit) }
                let entry = symbols[index] << 4 | UInt16(length)
                for place in stride(from: reversed, to: 1 << Self.tableBits, by: 1 << length) { table[place] = entry }
                code += 1
                index += 1
            }
            code <<= 1
        }
    }

    /// The symbol and the length of the code at the lowest of these bits; nil where no code is.
    @inline(__always)
    func decode(_ bits: UInt64) -> (symbol: Int, length: Int)? {
        let entry = table[Int(bits & (1 << UInt64(Self.tableBits) - 1))]
        if entry != 0 { return (Int(entry >> 4), Int(entry & 15)) }
        return decodeSlowly(bits)
    }

    private func decodeSlowly(_ bits: UInt64) -> (symbol: Int, length: Int)? {
        var code = 0
        var first = 0
        var index = 0
        for length in 1...15 {
            code |= Int(bits >> UInt64(length - 1) & 1)
            let count = Int(counts[length])
            if code - first < count { return (Int(symbols[index + code - first]), length) }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        return nil
    }
}
