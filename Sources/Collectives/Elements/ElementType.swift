/// An element type as the ranks compare it.
public struct ElementType: Hashable, Sendable, CustomStringConvertible {
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Anything else, known by its stride alone.
        static let other = Code(rawValue: 0)
    }

    package let code: Code
    /// Bytes from one element to the next.
    public let stride: Int
    private let name: StaticString

    private init(_ code: UInt8, _ stride: Int, _ name: StaticString) {
        self.code = Code(rawValue: code)
        self.stride = stride
        self.name = name
    }

    // The codes are those of `CReduction.h` and of `flexmig.h`.
    public static let float = ElementType(1, 4, "Float")
    public static let double = ElementType(2, 8, "Double")
    public static let int32 = ElementType(3, 4, "Int32")
    public static let int64 = ElementType(4, 8, "Int64")
    public static let float16 = ElementType(5, 2, "Float16")
    public static let bfloat16 = ElementType(6, 2, "BFloat16")
    public static let int8 = ElementType(7, 1, "Int8")
    public static let uint8 = ElementType(8, 1, "UInt8")
    public static let uint32 = ElementType(9, 4, "UInt32")
    public static let uint64 = ElementType(10, 8, "UInt64")

    /// All that can be reduced.
    public static let numbers = [
        float, double, int32, int64, float16, bfloat16, int8, uint8, uint32, uint64,
    ]

    /// Elements that are only copied.
    ///
    /// - Parameter stride: 1 to 16777215 bytes; the signature has 24 bits for it.
    package static func bytes(stride: Int) -> ElementType { ElementType(0, stride, "") }

    /// The type of an element that is only copied. Comparisons of types instead of a cast: the compiler folds them.
    @inline(__always)
    static func of<Element: BitwiseCopyable>(_ element: Element.Type) -> ElementType {
        if element == Float.self { return .float }
        if element == Double.self { return .double }
        if element == Int32.self { return .int32 }
        if element == Int64.self { return .int64 }
        if element == BFloat16.self { return .bfloat16 }
        if element == Int8.self { return .int8 }
        if element == UInt8.self { return .uint8 }
        if element == UInt32.self { return .uint32 }
        if element == UInt64.self { return .uint64 }
        #if !(os(macOS) && arch(x86_64))
            if element == Float16.self { return .float16 }
        #endif
        return .bytes(stride: MemoryLayout<Element>.stride)
    }

    /// The type with a code; nil when no version known here has it.
    package static func with(code: UInt8) -> ElementType? { numbers.first { $0.code.rawValue == code } }

    public static func == (one: ElementType, other: ElementType) -> Bool {
        one.code == other.code && one.stride == other.stride
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(stride)
    }

    public var description: String { code == .other ? "elements of \(stride) bytes" : "\(name)" }
}
