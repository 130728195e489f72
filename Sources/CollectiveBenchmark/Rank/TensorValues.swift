/// What is in the tensors, and what the results must be: the same as the peers' (`Benchmarks/Peers/values.c`).
///
/// Whole numbers from 0 to 15, a hash of rank, round and index, so that the sum over 16 ranks is exact in every type
/// and in every order.
package enum TensorValues {
    /// Tensors of this round are all zeros: a sum in place can be repeated on them for ever.
    package static let roundOfZeros: UInt32 = 0

    /// The part of the hash that does not depend on the index.
    private static func salt(_ rank: Int, _ round: UInt32) -> UInt32 {
        (UInt32(truncatingIfNeeded: rank) &+ 1) &* 0x9E37_79B9 &+ round &* 0x85EB_CA6B
    }

    @inline(__always)
    private static func value(_ index: UInt32, _ salt: UInt32) -> UInt32 { (index &* 2_654_435_761 &+ salt) >> 28 }

    // Whole numbers up to 255 as 16-bit floating point. All are exact.
    private static let float16Bits = (0..<256).map { Float16($0).bitPattern }
    private static let bfloat16Bits = (0..<256).map { UInt16(truncatingIfNeeded: Float($0).bitPattern >> 16) }

    // MARK: Filling

    /// Writes this rank's whole input.
    ///
    /// - Parameter tensor: room for the shape's input, aligned for its type.
    @unsafe package static func fill(_ tensor: UnsafeMutableRawPointer, _ shape: OperationShape, round: UInt32) {
        let count = shape.inputCount
        if round == roundOfZeros {
            unsafe tensor.initializeMemory(as: UInt8.self, repeating: 0, count: count * shape.type.stride)
            return
        }
        let salt = salt(shape.rank, round)
        switch shape.type {
        case .float32: unsafe fill(tensor, count, salt) { Float(Int32(bitPattern: $0)) }
        case .float64: unsafe fill(tensor, count, salt) { Double(Int32(bitPattern: $0)) }
        case .int32: unsafe fill(tensor, count, salt) { $0 }
        case .int64: unsafe fill(tensor, count, salt) { UInt64($0) }
        case .uint8: unsafe fill(tensor, count, salt) { UInt8(truncatingIfNeeded: $0) }
        // The index is below 16, so below the table's 256.
        case .float16:
            unsafe float16Bits.withUnsafeBufferPointer { bits in
                unsafe fill(tensor, count, salt) { unsafe bits[Int($0)] }
            }
        case .bfloat16:
            unsafe bfloat16Bits.withUnsafeBufferPointer { bits in
                unsafe fill(tensor, count, salt) { unsafe bits[Int($0)] }
            }
        }
    }

    @inline(__always) @unsafe
    private static func fill<Element>(
        _ tensor: UnsafeMutableRawPointer, _ count: Int, _ salt: UInt32, _ make: (UInt32) -> Element
    ) {
        let elements = unsafe tensor.assumingMemoryBound(to: Element.self)
        for index in 0..<count { unsafe elements[index] = make(value(UInt32(truncatingIfNeeded: index), salt)) }
    }

    // MARK: Checking

    /// The first element of the result that is not what the operation gives; nil when all are right.
    ///
    /// - Parameter tensor: the shape's output.
    @unsafe package static func firstWrong(
        in tensor: UnsafeMutableRawPointer, _ shape: OperationShape, round: UInt32
    ) -> Int? {
        let (block, ranks) = (shape.block, shape.ranks)
        let own = shape.rank * block
        let before = (shape.rank + ranks - 1) % ranks
        /// Compares `count` elements from `base` on with the sums over some ranks of their values from `index` on.
        func part(_ base: Int, _ sources: ClosedRange<Int>, _ index: Int) -> Int? {
            let salts = round == roundOfZeros ? [] : sources.map { salt($0, round) }
            let start = unsafe tensor + base * shape.type.stride
            return unsafe firstWrong(start, block, salts, index, shape.type).map { $0 + base }
        }
        switch shape.operation {
        case .allreduce, .reduce: return part(0, 0...ranks - 1, 0)
        case .reducescatter: return part(0, 0...ranks - 1, own)
        case .broadcast: return part(0, 0...0, 0)
        case .scatter: return part(0, 0...0, own)
        case .sendrecv: return part(0, before...before, 0)
        case .allgather, .gather, .alltoall:
            let index = shape.operation == .alltoall ? own : 0
            return (0..<ranks).lazy.compactMap { part($0 * block, $0...$0, index) }.first
        case .barrier: return nil
        }
    }

    @unsafe private static func firstWrong(
        _ part: UnsafeMutableRawPointer, _ count: Int, _ salts: [UInt32], _ index: Int, _ type: BenchmarkType
    ) -> Int? {
        switch type {
        case .float32: return unsafe firstWrong(part, count, salts, index) { Float($0) }
        case .float64: return unsafe firstWrong(part, count, salts, index) { Double($0) }
        case .int32: return unsafe firstWrong(part, count, salts, index) { $0 }
        case .int64: return unsafe firstWrong(part, count, salts, index) { UInt64($0) }
        case .uint8: return unsafe firstWrong(part, count, salts, index) { UInt8(truncatingIfNeeded: $0) }
        // A sum of at most 16 values of at most 15 is below the table's 256.
        case .float16: return unsafe firstWrong(part, count, salts, index) { float16Bits[Int($0)] }
        case .bfloat16: return unsafe firstWrong(part, count, salts, index) { bfloat16Bits[Int($0)] }
        }
    }

    @inline(__always) @unsafe
    private static func firstWrong<Element: Equatable>(
        _ part: UnsafeMutableRawPointer, _ count: Int, _ salts: [UInt32], _ index: Int, _ make: (UInt32) -> Element
    ) -> Int? {
        let elements = unsafe part.assumingMemoryBound(to: Element.self)
        return unsafe salts.withUnsafeBufferPointer { salts in
            for offset in 0..<count {
                var sum: UInt32 = 0
                for place in salts.indices {
                    unsafe sum &+= value(UInt32(truncatingIfNeeded: index + offset), salts[place])
                }
                if unsafe elements[offset] != make(sum) { return offset }
            }
            return nil
        }
    }
}
