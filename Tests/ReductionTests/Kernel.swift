import CReduction
import Testing

/// An element type, as the kernels number them.
enum ElementKind: Int32, CaseIterable {
    case float32 = 1
    case float64, int32, int64, float16, bfloat16, int8, uint8, uint32, uint64

    var stride: Int {
        switch self {
        case .int8, .uint8: 1
        case .float16, .bfloat16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }
}

enum Operation: Int32, CaseIterable {
    case sum = 1
    case mean, product, min, max
}

enum Level: Int32, CaseIterable {
    case baseline, avx2, avx512

    static var available: [Level] { allCases.filter { $0.rawValue <= creduction_best_level() } }
}

private let guardByte: UInt8 = 0xA5

/// Bytes at a chosen distance from an aligned start, with guard bytes around them.
@unsafe struct GuardedBytes: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer
    let start: UnsafeMutableRawPointer
    let count: Int

    init(count: Int, misalignment: Int) {
        let margin = 64
        let start = UnsafeMutableRawPointer.allocate(byteCount: margin + misalignment + count + margin, alignment: 64)
        unsafe memory = .init(start: start, count: margin + misalignment + count + margin)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: guardByte)
        unsafe self.start = start + margin + misalignment
        unsafe self.count = count
    }

    deinit { unsafe memory.deallocate() }

    var bytes: UnsafeMutableRawBufferPointer { unsafe .init(start: start, count: count) }

    var areGuardsIntact: Bool {
        let before = unsafe memory.count - 64 - count
        return unsafe memory[..<before].allSatisfy { $0 == guardByte }
            && memory[(before + count)...].allSatisfy { $0 == guardByte }
    }
}

/// Calls the kernel for a type, an operation and a level.
struct Kernel {
    let kind: ElementKind
    let operation: Operation
    let level: Level

    func run(sources: [UnsafeRawPointer], results: [UnsafeMutableRawPointer], count: Int) throws {
        let kernel = try unsafe #require(creduction_find(kind.rawValue, operation.rawValue, level.rawValue))
        unsafe kernel(sources, Int32(sources.count), results, Int32(results.count), count)
    }

    /// The kernel's result for arrays of elements, each as its bits.
    func reduce<Bits: FixedWidthInteger & UnsignedInteger>(_ sources: [[Bits]]) throws -> [Bits] {
        let count = sources[0].count
        let stride = MemoryLayout<Bits>.stride
        let inputs = unsafe GuardedBytes(count: sources.count * count * stride, misalignment: 0)
        unsafe inputs.bytes.copyBytes(from: sources.flatMap(\.self).withUnsafeBytes { unsafe Array($0) })
        let output = unsafe GuardedBytes(count: count * stride, misalignment: 0)
        try unsafe run(
            sources: sources.indices.map { unsafe UnsafeRawPointer(inputs.start + $0 * count * stride) },
            results: [output.start], count: count)
        return unsafe Array(output.bytes.bindMemory(to: Bits.self))
    }
}
