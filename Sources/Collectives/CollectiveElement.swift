/// How the ranks' values become one.
public enum Reduction: UInt8, Hashable, Sendable, CaseIterable {
    /// The sum. Integers wrap around on overflow.
    case sum = 1
    /// The sum divided by the number of ranks. Integers: the wrapped sum, divided towards zero.
    case mean = 2
}

/// A number that can be all-reduced: `Float`, `Double`, `Int32` and `Int64`.
///
/// Not for other types to conform to: what a reduction needs is made inside this module.
public protocol CollectiveElement: BitwiseCopyable, Sendable {
    static var collectiveKernels: ElementKernels { get }
}

/// An element type as the ranks compare it.
package struct ElementType: Hashable, Sendable, CustomStringConvertible {
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Anything else, known by its stride alone.
        static let other = Code(rawValue: 0)
        static let float = Code(rawValue: 1)
        static let double = Code(rawValue: 2)
        static let int32 = Code(rawValue: 3)
        static let int64 = Code(rawValue: 4)
    }

    package let code: Code
    /// Bytes from one element to the next.
    package let stride: Int

    package init(code: Code, stride: Int) {
        self.code = code
        self.stride = stride
    }

    /// The type of an element that is only copied.
    static func of<Element: BitwiseCopyable>(_ element: Element.Type) -> ElementType {
        if let number = element as? any CollectiveElement.Type { return number.collectiveKernels.type }
        return ElementType(code: .other, stride: MemoryLayout<Element>.stride)
    }

    package var description: String {
        switch code {
        case .float: "Float"
        case .double: "Double"
        case .int32: "Int32"
        case .int64: "Int64"
        default: "elements of \(stride) bytes"
        }
    }
}

extension Float: CollectiveElement {
    public static let collectiveKernels = ElementKernels(
        .float, of: Float.self, add: { $0 + $1 }, divide: { $0 / Float($1) })
}

extension Double: CollectiveElement {
    public static let collectiveKernels = ElementKernels(
        .double, of: Double.self, add: { $0 + $1 }, divide: { $0 / Double($1) })
}

extension Int32: CollectiveElement {
    public static let collectiveKernels = ElementKernels(
        .int32, of: Int32.self, add: { $0 &+ $1 }, divide: { $0 / Int32($1) })
}

extension Int64: CollectiveElement {
    public static let collectiveKernels = ElementKernels(
        .int64, of: Int64.self, add: { $0 &+ $1 }, divide: { $0 / Int64($1) })
}
