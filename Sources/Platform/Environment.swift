import CPlatform
import Glibc

/// The environment of this process.
public enum Environment {
    /// The value of a variable; an empty one counts as unset.
    public static func value(_ name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }
        let value = unsafe SystemText.string(bytes(of: text))
        return value.isEmpty ? nil : value
    }

    /// Sets a variable for this process and the children it starts later. Not safe beside threads that read it.
    public static func set(_ name: String, _ value: String) { unsafe setenv(name, value, 1) }

    /// All variables of this process.
    public static func all() -> [String: String] {
        SystemText.variables(unsafe strings(cplatform_environment()))
    }

    /// The arguments that this process was started with, the program's name first.
    public static func arguments() -> [String] {
        unsafe strings(CommandLine.unsafeArgv).map { SystemText.string($0) }
    }

    /// The strings of a NULL-terminated array.
    private static func strings(_ array: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> [[UInt8]] {
        var strings: [[UInt8]] = []
        var entry = unsafe array
        while let text = unsafe entry.pointee {
            unsafe strings.append(bytes(of: text))
            unsafe entry += 1
        }
        return strings
    }

    private static func bytes(of text: UnsafePointer<CChar>) -> [UInt8] {
        unsafe UnsafeBufferPointer(start: text, count: strlen(text)).map { UInt8(bitPattern: $0) }
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
