/// Numbers as text with a fixed number of digits behind the point.
package enum FixedPoint {
    /// - Parameter digits: 0 to 6.
    package static func text(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        // More than this has no digits behind the point left to show.
        guard scaled < 1e18 else { return "\(value)" }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        let number = Int(scaled)
        let whole = Int(scale)
        if digits == 0 { return "\(sign)\(number)" }
        let fraction = String(number % whole)
        return "\(sign)\(number / whole)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// Three digits that count, as a table shows them: 0.123, 1.23, 12.3, 123.
    package static func short(_ value: Double) -> String {
        text(value, digits: value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0)
    }
}
