/// JSON that is always written the same way: keys in the order given, numbers in their shortest exact form.
public indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    /// Not finite ones become null.
    case number(Double)
    case text(String)
    case array([JSONValue])
    case object([(key: String, value: JSONValue)])

    public static func == (left: JSONValue, right: JSONValue) -> Bool { left.written() == right.written() }
    public func hash(into hasher: inout Hasher) { hasher.combine(written()) }

    /// A number with so many digits behind the point: for charts, where more are noise.
    static func rounded(_ value: Double, digits: Int = 3) -> JSONValue {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return .number((value * scale).rounded() / scale)
    }

    /// - Parameter isPretty: a line for each value, but arrays of plain numbers stay on one.
    public func written(isPretty: Bool = false) -> String {
        var text = ""
        write(to: &text, indent: isPretty ? 0 : nil)
        return text
    }

    private var isPlain: Bool {
        switch self {
        case .array(let values): values.isEmpty
        case .object(let pairs): pairs.isEmpty
        default: true
        }
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .int(let value): text += "\(value)"
        case .number(let value):
            if !value.isFinite {
                text += "null"
            } else if value == value.rounded(), abs(value) < 1e15 {
                text += "\(Int(value))"
            } else {
                text += "\(value)"
            }
        case .text(let value): Self.write(value, to: &text)
        case .array(let values):
            let inner = values.allSatisfy(\.isPlain) ? nil : indent.map { $0 + 1 }
            Self.writeList(values, "[", "]", to: &text, indent: inner) { value, text in
                value.write(to: &text, indent: inner)
            }
        case .object(let pairs):
            let inner = indent.map { $0 + 1 }
            Self.writeList(pairs, "{", "}", to: &text, indent: inner) { pair, text in
                Self.write(pair.key, to: &text)
                text += inner == nil ? ":" : ": "
                pair.value.write(to: &text, indent: inner)
            }
        }
    }

    private static func writeList<Element>(
        _ elements: [Element], _ open: String, _ close: String, to text: inout String, indent: Int?,
        _ write: (Element, inout String) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if let indent { text += "\n" + String(repeating: "  ", count: indent) }
            write(element, &text)
        }
        if let indent, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent - 1) }
        text += close
    }

    private static func write(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            // So that no text ends the script element that it may stand in.
            case "<", ">", "&", "\u{2028}", "\u{2029}": text += escaped(scalar.value)
            default:
                if scalar.value < 32 { text += escaped(scalar.value) } else { text.unicodeScalars.append(scalar) }
            }
        }
        text += "\""
    }

    private static func escaped(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
