/// What a field says as a number.
enum FieldNumber: Equatable {
    case value(Double)
    case empty
    case notANumber
    case notFinite

    private static let powers: [Double] = (0...22).map { power in (0..<power).reduce(1) { value, _ in value * 10 } }

    /// Reads a decimal number; short ones without a detour over text.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        guard !range.isEmpty else {
            self = .empty
            return
        }
        let text = bytes.span
        let first = text[range.lowerBound]
        let end = range.upperBound
        var index = range.lowerBound
        let isNegative = first == UInt8(ascii: "-")
        if isNegative || first == UInt8(ascii: "+") { index += 1 }
        var mantissa = 0
        var digits = 0
        var fraction = 0
        var hasPoint = false
        while index < end {
            let byte = text[index]
            if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                mantissa = mantissa &* 10 &+ Int(byte &- UInt8(ascii: "0"))
                digits += 1
                if hasPoint { fraction += 1 }
            } else if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                break
            }
            index += 1
        }
        // Both numbers are exact up to here, so their quotient is rounded once, as it should be.
        if index == end, digits > 0, digits <= 15 {
            let value = Double(mantissa) / Self.powers[fraction]
            self = .value(isNegative ? -value : value)
            return
        }
        self = Self.slowly(bytes[range])
    }

    private static func slowly(_ bytes: ArraySlice<UInt8>) -> FieldNumber {
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        if ["nan", "inf", "-inf", "+inf", "infinity", "-infinity"].contains(text) { return .notFinite }
        // Hexadecimal and the like are no numbers of a table.
        guard text.utf8.allSatisfy({ byte in "0123456789+-.e".utf8.contains(byte) }), let value = Double(text) else {
            return .notANumber
        }
        return value.isFinite ? .value(value) : .notFinite
    }
}

/// A date and time such as `2020-04-01 00:07:06`, `2020-04-01T00:07:06.5Z`, as seconds from 1970, without time zones.
func secondsFromDate(_ bytes: ArraySlice<UInt8>) -> Double? {
    // yyyy-mm-dd hh:mm:ss
    guard bytes.count >= 19 else { return nil }
    let text = bytes.span
    func digits(_ from: Int, _ count: Int) -> Int? {
        var value = 0
        for index in from..<from + count {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }
    let hyphen = UInt8(ascii: "-")
    let colon = UInt8(ascii: ":")
    guard text[4] == hyphen, text[7] == hyphen, text[13] == colon, text[16] == colon,
        text[10] == UInt8(ascii: " ") || text[10] == UInt8(ascii: "T"),
        let year = digits(0, 4), let month = digits(5, 2), let day = digits(8, 2), let hour = digits(11, 2),
        let minute = digits(14, 2), let second = digits(17, 2),
        (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
    else { return nil }
    var rest = bytes.dropFirst(19)
    var fraction = 0.0
    if rest.first == UInt8(ascii: ".") {
        var unit = 0.1
        rest = rest.dropFirst()
        while let byte = rest.first, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            fraction += Double(byte - UInt8(ascii: "0")) * unit
            unit /= 10
            rest = rest.dropFirst()
        }
    }
    guard rest.isEmpty || rest.elementsEqual("Z".utf8) || rest.elementsEqual("+00:00".utf8) else { return nil }
    // Days from 1970, with the years counted from March.
    let shifted = month > 2 ? year : year - 1
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return Double(days * 86400 + hour * 3600 + minute * 60 + second) + fraction
}
