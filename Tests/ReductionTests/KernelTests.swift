import CReduction
import Testing

/// Every kernel against the reference.
struct KernelTests {
    @Test(arguments: ElementKind.allCases)
    func everyKernelGivesTheReferencesBits(kind: ElementKind) throws {
        var random = SplitMix(state: UInt64(kind.rawValue))
        for sourceCount in [1, 2, 3, 4, 5, 9] {
            let words = (0..<sourceCount).map { _ in (0..<4099).map { _ in random.element(of: kind) } }
            for operation in Operation.allCases {
                let reference = Reference(kind: kind, operation: operation)
                let expected = (0..<4099).map { index in reference.reduce(words.map { $0[index] }) }
                for level in Level.available {
                    try check(Kernel(kind: kind, operation: operation, level: level), words, expected, reference)
                }
            }
        }
    }

    /// All counts, numbers of results and alignments, and results that are a source.
    private func check(_ kernel: Kernel, _ words: [[UInt64]], _ expected: [UInt64], _ reference: Reference) throws {
        var variant = words.count + Int(kernel.operation.rawValue)
        for count in [0, 1, 7, 31, 64, 1000, 4099] {
            for resultCount in 1...3 {
                variant += 1
                let problem = try run(
                    kernel, words, count: count, resultCount: resultCount, variant: variant, expected, reference)
                #expect(
                    problem == nil, "\(kernel), \(words.count) sources, \(resultCount) results, \(count) elements")
            }
        }
    }

    /// - Parameter variant: decides where the elements start, and whether the results are sources.
    /// - Returns: what is wrong.
    private func run(
        _ kernel: Kernel, _ words: [[UInt64]], count: Int, resultCount: Int, variant: Int,
        _ expected: [UInt64], _ reference: Reference
    ) throws -> String? {
        let stride = kernel.kind.stride
        let slot = 64 + count * stride + 64
        let memory = unsafe GuardedBytes(count: slot * (words.count + resultCount), misalignment: 0)
        func start(_ index: Int) -> Int { slot * index + (variant * 5 + index * 7) % 64 }
        for (index, source) in words.enumerated() {
            for position in 0..<count {
                unsafe store(source[position], stride, memory.bytes, start(index) + position * stride)
            }
        }
        let before = unsafe [UInt8](memory.bytes)
        let resultStarts = (0..<resultCount).map { index in
            variant % 2 == 0 && index < words.count
                ? start((variant + index) % words.count) : start(words.count + index)
        }
        try unsafe kernel.run(
            sources: words.indices.map { unsafe UnsafeRawPointer(memory.start) + start($0) },
            results: resultStarts.map { unsafe memory.start + $0 }, count: count)
        for resultStart in resultStarts {
            for position in 0..<count {
                let at = resultStart + position * stride
                let result = unsafe load(stride, memory.bytes, at)
                if !reference.agree(result, expected[position]) {
                    return "element \(position): \(result), not \(expected[position])"
                }
            }
            let written = resultStart..<resultStart + count * stride
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[written]).copyBytes(from: before[written])
        }
        return unsafe memory.areGuardsIntact && memory.bytes.elementsEqual(before) ? nil : "wrote elsewhere"
    }

    private func store(_ word: UInt64, _ stride: Int, _ bytes: UnsafeMutableRawBufferPointer, _ at: Int) {
        switch stride {
        case 1: unsafe bytes.storeBytes(of: UInt8(word), toByteOffset: at, as: UInt8.self)
        case 2: unsafe bytes.storeBytes(of: UInt16(word), toByteOffset: at, as: UInt16.self)
        case 4: unsafe bytes.storeBytes(of: UInt32(word), toByteOffset: at, as: UInt32.self)
        default: unsafe bytes.storeBytes(of: word, toByteOffset: at, as: UInt64.self)
        }
    }

    private func load(_ stride: Int, _ bytes: UnsafeMutableRawBufferPointer, _ at: Int) -> UInt64 {
        switch stride {
        case 1: unsafe UInt64(bytes.loadUnaligned(fromByteOffset: at, as: UInt8.self))
        case 2: unsafe UInt64(bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self))
        case 4: unsafe UInt64(bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        default: unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        }
    }

    /// A sum of int8 over more ranks than an int8 can count.
    @Test(arguments: Level.available) func meansDivideByMoreThanTheTypeHolds(level: Level) throws {
        let values: [UInt8] = [1, 100, 127, 128, 255, 3]
        for kind in [ElementKind.int8, .uint8] {
            for ranks in [127, 128, 200, 256, 1000] {
                let kernel = Kernel(kind: kind, operation: .mean, level: level)
                let reference = Reference(kind: kind, operation: .mean)
                let expected = values.map { UInt8(reference.reduce(Array(repeating: UInt64($0), count: ranks))) }
                let result = try kernel.reduce(Array(repeating: values, count: ranks))
                #expect(result == expected, "\(kind), \(ranks) ranks")
            }
        }
    }

    /// Quotients next to integers, where a division by way of floats might round up.
    @Test(arguments: Level.available) func meansOfIntegersAreExact(level: Level) throws {
        for ranks in [2, 3, 5, 7, 49, 641] {
            let edges = (-40...40).map { Int32.max / Int32(ranks) * Int32(ranks) &+ $0 }
            let totals = edges + edges.map { 0 &- $0 } + [.min, .min + 1, .max, 0, -1]
            let zeros = Array(repeating: [UInt32](repeating: 0, count: totals.count), count: ranks - 1)
            let result = try Kernel(kind: .int32, operation: .mean, level: level).reduce(
                [totals.map { UInt32(bitPattern: $0) }] + zeros)
            #expect(result == totals.map { UInt32(bitPattern: $0 / Int32(ranks)) })
            let unsigned = try Kernel(kind: .uint32, operation: .mean, level: level).reduce(
                [totals.map { UInt32(bitPattern: $0) }] + zeros)
            #expect(unsigned == totals.map { UInt32(bitPattern: $0) / UInt32(ranks) })
        }
    }

    @Test func unknownCodesHaveNoKernel() {
        for code in [Int32.min, -1, 0, 11, 12, .max] { #expect(unsafe creduction_find(code, 1, 0) == nil) }
        for code in [Int32.min, -1, 0, 6, 7, .max] { #expect(unsafe creduction_find(1, code, 0) == nil) }
        for code in [Int32.min, -1, creduction_best_level() + 1, 3, .max] {
            #expect(unsafe creduction_find(1, 1, code) == nil)
        }
        #expect(
            (Int32(0)...3).map { unsafe String(cString: creduction_level_name($0)) }
                == ["baseline", "avx2", "avx512", "unknown"])
    }
}

/// Numbers from a seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// Bits of an element: half of them any bits at all, the others ordinary numbers, near each other for ties.
    mutating func element(of kind: ElementKind) -> UInt64 {
        let bits = next()
        let isOrdinary = bits >> 63 == 1
        let number = Double(Int64(bitPattern: next()) >> 54) / 8
        switch kind {
        case .float32: return isOrdinary ? UInt64(Float(number).bitPattern) : bits & 0xffff_ffff
        case .float64: return isOrdinary ? number.bitPattern : bits << 1
        case .float16: return isOrdinary ? UInt64(float16Bits(Float(number))) : bits & 0xffff
        case .bfloat16: return isOrdinary ? UInt64(bfloat16Bits(Float(number))) : bits & 0xffff
        case .int8, .uint8: return bits & 0xff
        case .int32, .uint32: return bits & 0xffff_ffff
        case .int64, .uint64: return bits
        }
    }
}
