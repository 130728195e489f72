import CReduction

/// The reductions, element by element, in plain Swift. Elements are 64-bit words that hold their bits at the low end.
struct Reference {
    let kind: ElementKind
    let operation: Operation

    func reduce(_ values: [UInt64]) -> UInt64 {
        switch kind {
        case .float32: floats(values.map { Float(bitPattern: UInt32($0)) }).bits
        case .float64: floats(values.map { Double(bitPattern: $0) }).bits
        case .float16: UInt64(float16Bits(floats(values.map { float16Value(UInt16($0)) })))
        case .bfloat16: UInt64(bfloat16Bits(floats(values.map { Float(bitPattern: UInt32($0) << 16) })))
        case .int8: integers(values, Int8.self)
        case .uint8: integers(values, UInt8.self)
        case .int32: integers(values, Int32.self)
        case .uint32: integers(values, UInt32.self)
        case .int64: integers(values, Int64.self)
        case .uint64: integers(values, UInt64.self)
        }
    }

    func isNaN(_ bits: UInt64) -> Bool {
        switch kind {
        case .float32: bits & 0x7fff_ffff > 0x7f80_0000
        case .float64: bits & 0x7fff_ffff_ffff_ffff > 0x7ff0_0000_0000_0000
        case .float16: bits & 0x7fff > 0x7c00
        case .bfloat16: bits & 0x7fff > 0x7f80
        default: false
        }
    }

    /// The same bits, or both NaN.
    func agree(_ a: UInt64, _ b: UInt64) -> Bool { a == b || (isNaN(a) && isNaN(b)) }

    private func floats<Value: BinaryFloatingPoint>(_ values: [Value]) -> Value {
        var total = values[0]
        for value in values.dropFirst() {
            switch operation {
            case .sum, .mean: total = total + value
            case .product: total = total * value
            case .min: total = value < total || value != value ? value : total
            case .max: total = value > total || value != value ? value : total
            }
        }
        return operation == .mean ? total / Value(values.count) : total
    }

    private func integers<Value: FixedWidthInteger>(_ words: [UInt64], _: Value.Type) -> UInt64 {
        let values = words.map { Value(truncatingIfNeeded: $0) }
        var total = values[0]
        for value in values.dropFirst() {
            switch operation {
            case .sum, .mean: total = total &+ value
            case .product: total = total &* value
            case .min: total = Swift.min(total, value)
            case .max: total = Swift.max(total, value)
            }
        }
        guard operation == .mean else { return total.word }
        // By magnitude, which every type's fits.
        let magnitude = UInt64(total.magnitude) / UInt64(values.count)
        return (total < 0 ? 0 &- Value(truncatingIfNeeded: magnitude) : Value(truncatingIfNeeded: magnitude)).word
    }
}

extension Float { fileprivate var bits: UInt64 { UInt64(bitPattern) } }
extension Double { fileprivate var bits: UInt64 { bitPattern } }

extension FixedWidthInteger {
    /// Its bits at the low end of a word, and zeros.
    fileprivate var word: UInt64 { UInt64(truncatingIfNeeded: self) & (UInt64.max >> UInt64(64 - Self.bitWidth)) }
}

/// What the bits of a binary16 mean, by the definition.
func float16Value(_ bits: UInt16) -> Float {
    let exponent = Int(bits >> 10 & 31)
    let fraction = Double(bits & 1023) / 1024
    let magnitude: Double =
        switch exponent {
        case 0: fraction * 0x1p-14
        case 31: fraction == 0 ? .infinity : .nan
        default: (1 + fraction) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    return Float(bits >> 15 == 1 ? -magnitude : magnitude)
}

/// The binary16 next to a value, the even one of two.
func float16Bits(_ value: Float) -> UInt16 {
    if value.isNaN { return 0x7e00 }
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    let magnitude = Double(value.magnitude)
    // Half a unit beyond the greatest finite value, 65504, is where the next power of two is nearer.
    if magnitude >= 65520 { return sign | 0x7c00 }
    if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
    let exponent = magnitude.exponent
    let steps = (magnitude / Double(sign: .plus, exponent: exponent - 10, significand: 1)).rounded(.toNearestOrEven)
    // 1024...2048 steps of that exponent; 2048 carries into the next exponent.
    return sign | (UInt16(exponent + 15) << 10) + UInt16(steps) - 1024
}

/// The bfloat16 next to a value, the even one of two.
func bfloat16Bits(_ value: Float) -> UInt16 {
    if value.isNaN { return 0x7fc0 }
    let below = UInt16(value.bitPattern >> 16)
    let remainder = value.bitPattern & 0xffff
    let goesUp = remainder > 0x8000 || (remainder == 0x8000 && below & 1 == 1)
    return goesUp ? below + 1 : below
}
