import Collectives

/// The scalar arithmetic of the right answers. Nothing here is the library's.
package protocol TrialElement: CollectiveElement {
    /// What is added up and multiplied: the type itself, or `Float` for those of 16 bits.
    associatedtype Wide
    /// Any value, with a fraction where the type has one: so that the order of a sum shows in its bits.
    init(random bits: UInt64)
    var bits: UInt64 { get }
    var wide: Wide { get }
    /// The nearest value.
    init(rounding wide: Wide)
    static func combined(_ one: Wide, _ other: Wide, _ reduction: Reduction) -> Wide
    static func divided(_ total: Wide, by count: Int) -> Wide
}

extension TrialElement {
    /// One element of a reduction of all ranks' values.
    static func reduced(_ values: [[Self]], at index: Int, _ reduction: Reduction) -> Self {
        var total = values[0][index].wide
        for others in values.dropFirst() { total = combined(total, others[index].wide, reduction) }
        return Self(rounding: reduction == .mean ? divided(total, by: values.count) : total)
    }
}

extension TrialElement where Wide: BinaryFloatingPoint {
    package static func combined(_ one: Wide, _ other: Wide, _ reduction: Reduction) -> Wide {
        switch reduction {
        case .sum, .mean: one + other
        case .product: one * other
        // Of two zeros the first one stays.
        case .min: other < one ? other : one
        case .max: other > one ? other : one
        }
    }
    package static func divided(_ total: Wide, by count: Int) -> Wide { total / Wide(count) }
}

extension TrialElement where Wide: FixedWidthInteger {
    package static func combined(_ one: Wide, _ other: Wide, _ reduction: Reduction) -> Wide {
        switch reduction {
        case .sum, .mean: one &+ other
        case .product: one &* other
        case .min: other < one ? other : one
        case .max: other > one ? other : one
        }
    }
    package static func divided(_ total: Wide, by count: Int) -> Wide { total / Wide(count) }
}

/// A number between -128 and 128 with a random fraction; one in 16 is a zero of either sign.
private func number(_ bits: UInt64) -> Double {
    let sign: FloatingPointSign = bits & 1 == 0 ? .plus : .minus
    if bits >> 1 & 15 == 0 { return sign == .plus ? 0 : -0.0 }
    let fraction = 1 + Double(bits >> 12) / 0x1p52
    return Double(sign: sign, exponent: Int(bits >> 5 & 15) - 8, significand: min(fraction, 1.999))
}

extension Float: TrialElement {
    package init(random bits: UInt64) { self = Float(number(bits)) }
    package var bits: UInt64 { UInt64(bitPattern) }
    package var wide: Float { self }
    package init(rounding wide: Float) { self = wide }
}

extension Double: TrialElement {
    package init(random bits: UInt64) { self = number(bits) }
    package var bits: UInt64 { bitPattern }
    package var wide: Double { self }
    package init(rounding wide: Double) { self = wide }
}

extension Float16: TrialElement {
    package init(random bits: UInt64) { self = Float16(number(bits)) }
    package var bits: UInt64 { UInt64(bitPattern) }
    package var wide: Float { Float(self) }
    package init(rounding wide: Float) { self = Float16(wide) }
}

extension BFloat16: TrialElement {
    package init(random bits: UInt64) { self.init(bitPattern: UInt16(Float(number(bits)).bitPattern >> 16)) }
    package var bits: UInt64 { UInt64(bitPattern) }
    package var wide: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
    package init(rounding wide: Float) {
        let below = UInt16(wide.bitPattern >> 16)
        let remainder = wide.bitPattern & 0xffff
        // Of two that are equally near the one with an even last bit.
        let goesUp = remainder > 0x8000 || (remainder == 0x8000 && below % 2 == 1)
        self.init(bitPattern: goesUp ? below + 1 : below)
    }
}

/// The integers are their own wide type.
package protocol TrialInteger: TrialElement, FixedWidthInteger where Wide == Self {}

extension TrialInteger {
    package init(random bits: UInt64) { self.init(truncatingIfNeeded: bits) }
    package var bits: UInt64 { UInt64(truncatingIfNeeded: self) }
    package var wide: Self { self }
    package init(rounding wide: Self) { self = wide }
}

extension Int8: TrialInteger {}
extension UInt8: TrialInteger {}
extension Int32: TrialInteger {}
extension Int64: TrialInteger {}
extension UInt32: TrialInteger {}
extension UInt64: TrialInteger {}
