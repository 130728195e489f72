/// A number that can be reduced: `Float`, `Double`, `Float16`, `BFloat16`, and the integers of 8, 32 and 64 bits but
/// for `Int` and `UInt`.
///
/// `Float16` and `BFloat16` are added up in 32 bits over all ranks and rounded once. Not for other types to conform
/// to: the reductions are made inside this module.
public protocol CollectiveElement: BitwiseCopyable, Sendable {
    static var collectiveType: ElementType { get }
}

extension Float: CollectiveElement { public static var collectiveType: ElementType { .float } }
extension Double: CollectiveElement { public static var collectiveType: ElementType { .double } }
extension Int32: CollectiveElement { public static var collectiveType: ElementType { .int32 } }
extension Int64: CollectiveElement { public static var collectiveType: ElementType { .int64 } }
#if !(os(macOS) && arch(x86_64))
    extension Float16: CollectiveElement { public static var collectiveType: ElementType { .float16 } }
#endif
extension BFloat16: CollectiveElement { public static var collectiveType: ElementType { .bfloat16 } }
extension Int8: CollectiveElement { public static var collectiveType: ElementType { .int8 } }
extension UInt8: CollectiveElement { public static var collectiveType: ElementType { .uint8 } }
extension UInt32: CollectiveElement { public static var collectiveType: ElementType { .uint32 } }
extension UInt64: CollectiveElement { public static var collectiveType: ElementType { .uint64 } }
