import Collectives

/// The scalar arithmetic of the right answers.
package protocol TrialElement: CollectiveElement {
    /// Any value, with a fraction where the type has one: so that the order of a sum shows in its bits.
    init(random bits: UInt64)
    var bits: UInt64 { get }
    func plus(_ other: Self) -> Self
    func divided(by count: Int) -> Self
}

extension Float: TrialElement {
    package init(random bits: UInt64) { self = Float(Int64(bitPattern: bits) >> 24) / 1e9 }
    package var bits: UInt64 { UInt64(bitPattern) }
    package func plus(_ other: Float) -> Float { self + other }
    package func divided(by count: Int) -> Float { self / Float(count) }
}

extension Double: TrialElement {
    package init(random bits: UInt64) { self = Double(Int64(bitPattern: bits) >> 2) / 1e15 }
    package var bits: UInt64 { bitPattern }
    package func plus(_ other: Double) -> Double { self + other }
    package func divided(by count: Int) -> Double { self / Double(count) }
}

extension Int32: TrialElement {
    package init(random bits: UInt64) { self = Int32(truncatingIfNeeded: bits) }
    package var bits: UInt64 { UInt64(UInt32(bitPattern: self)) }
    package func plus(_ other: Int32) -> Int32 { self &+ other }
    package func divided(by count: Int) -> Int32 { self / Int32(count) }
}

extension Int64: TrialElement {
    package init(random bits: UInt64) { self = Int64(bitPattern: bits) }
    package var bits: UInt64 { UInt64(bitPattern: self) }
    package func plus(_ other: Int64) -> Int64 { self &+ other }
    package func divided(by count: Int) -> Int64 { self / Int64(count) }
}
