import CPlatform
import Glibc

/// The environment of this process.
public enum Environment {
    /// The value of a variable; an empty one counts as unset.
    public static func value(_ name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }
        let value = unsafe String(cString: text)
        return value.isEmpty ? nil : value
    }

    /// Sets a variable for this process and the children it starts later. Not safe beside threads that read it.
    public static func set(_ name: String, _ value: String) { unsafe setenv(name, value, 1) }

    /// All variables of this process.
    public static func all() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = unsafe cplatform_environment()
        while let text = unsafe entry.pointee {
            let pair = unsafe String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return variables
    }
}

/// A random token in lower-case hexadecimal digits, from the kernel's generator.
public func randomToken(bytes count: Int) -> String {
    var generator = SystemRandomNumberGenerator()
    var text = ""
    for _ in 0..<count {
        let byte = UInt8.random(in: 0...255, using: &generator)
        text += byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
    }
    return text
}
