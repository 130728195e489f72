/// Names, arguments and variables of the system are bytes, not text: these turn them into strings and back without loss.
///
/// A byte that is no UTF-8 becomes the private-use scalar U+10FF00 + byte. A valid sequence for such a scalar is kept
/// byte by byte the same way, so every string of bytes has exactly one string, and comes back as it was.
public enum SystemText {
    private static let escapes: ClosedRange<UInt32> = 0x10ff80...0x10ffff
    private static let base: UInt32 = 0x10ff00

    /// The string that stands for the bytes.
    public static func string(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        // The usual case costs one validation.
        if let plain = String(validating: bytes, as: UTF8.self), !plain.unicodeScalars.contains(where: isEscape) {
            return plain
        }
        var scalars = String.UnicodeScalarView()
        var rest = bytes[...]
        while let first = rest.first {
            let length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
            let piece = rest.prefix(length)
            if let valid = String(validating: piece, as: UTF8.self)?.unicodeScalars, valid.count == 1,
                let scalar = valid.first, !isEscape(scalar)
            {
                scalars.append(scalar)
                rest = rest.dropFirst(length)
            } else {
                // Bytes below 0x80 are always valid, so this one is in the range of the escapes.
                if let escape = Unicode.Scalar(base + UInt32(first)) { scalars.append(escape) }
                rest = rest.dropFirst()
            }
        }
        return String(scalars)
    }

    /// The bytes that a string stands for.
    public static func bytes(_ string: String) -> [UInt8] {
        if !string.unicodeScalars.contains(where: isEscape) { return Array(string.utf8) }
        var bytes: [UInt8] = []
        for scalar in string.unicodeScalars {
            if isEscape(scalar) {
                bytes.append(UInt8(truncatingIfNeeded: scalar.value - base))
            } else {
                bytes += Array(String(scalar).utf8)
            }
        }
        return bytes
    }

    /// The variables in "NAME=value" entries; an entry without "=" is left out.
    static func variables(_ entries: some Sequence<[UInt8]>) -> [String: String] {
        var variables: [String: String] = [:]
        for entry in entries {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            variables[string(entry[..<equals])] = string(entry[(equals + 1)...])
        }
        return variables
    }

    private static func isEscape(_ scalar: Unicode.Scalar) -> Bool { escapes.contains(scalar.value) }
}
