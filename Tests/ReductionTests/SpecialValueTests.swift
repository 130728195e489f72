import Testing

/// NaN, infinities, zeros, subnormals and halfway cases.
struct SpecialValueTests {
    private static let everyPattern = (0...65535).map { UInt16($0) }

    @Test(arguments: Level.available, [ElementKind.float16, .bfloat16])
    func sixteenBitsSurvive(level: Level, kind: ElementKind) throws {
        let reference = Reference(kind: kind, operation: .sum)
        let quietBit: UInt16 = kind == .float16 ? 0x0200 : 0x0040
        let expected = Self.everyPattern.map { reference.isNaN(UInt64($0)) ? $0 | quietBit : $0 }
        func isSame(_ result: [UInt16]) -> Bool {
            zip(result, expected).allSatisfy { result, expected in
                reference.agree(UInt64(result), UInt64(expected))
                    && (!reference.isNaN(UInt64(result)) || result & quietBit != 0)
            }
        }
        for operation in Operation.allCases {
            let kernel = Kernel(kind: kind, operation: operation, level: level)
            let greatestCount = operation == .min || operation == .max ? 3 : 1
            for count in 1...greatestCount {
                let result = try kernel.reduce(Array(repeating: Self.everyPattern, count: count))
                #expect(isSame(result), "\(operation) of \(count)")
            }
        }
    }

    /// Every pattern with partners that make sums lie halfway, overflow, underflow or cancel.
    @Test(arguments: Level.available, [ElementKind.float16, .bfloat16])
    func sixteenBitsAreRoundedOnce(level: Level, kind: ElementKind) throws {
        let numbers: [Float] = [0, -0.0, 1, -1, 0.5, 1023, 65504, 16, 0x1p-14, 0x1p-24, 0x3p-25, -0x1p-10, 3e38]
        let partners =
            numbers.map { kind == .float16 ? float16Bits($0) : bfloat16Bits($0) } + [1, 0x8001, 0x7c00, 0x7f80]
        for operation in [Operation.sum, .mean, .product] {
            let kernel = Kernel(kind: kind, operation: operation, level: level)
            let reference = Reference(kind: kind, operation: operation)
            for partner in partners {
                let result = try kernel.reduce([Self.everyPattern, [UInt16](repeating: partner, count: 65536)])
                let wrong = result.indices.first { index in
                    !reference.agree(
                        UInt64(result[index]), reference.reduce([UInt64(index), UInt64(partner)]))
                }
                #expect(wrong == nil, "\(operation) with \(partner)")
            }
        }
    }

    #if !(os(macOS) && arch(x86_64))
        /// The reference's own conversions, against the language's.
        @Test func theReferenceKnowsFloat16() {
            for bits in Self.everyPattern {
                let value = Float16(bitPattern: bits)
                #expect(value.isNaN ? float16Value(bits).isNaN : float16Value(bits) == Float(value))
                #expect(value.isNaN || float16Bits(Float(value)) == bits)
                let next = value.nextUp
                if value.isFinite && next.isFinite {
                    let between = (Float(value) + Float(next)) / 2
                    for near in [between.nextDown, between, between.nextUp] {
                        #expect(float16Bits(near) == Float16(near).bitPattern)
                    }
                }
            }
        }
    #endif

    @Test(arguments: Level.available) func floatsKeepTheirSpecialValues(level: Level) throws {
        let values: [Float] = [
            0, -0.0, 1, -1, .infinity, -.infinity, .nan, .signalingNaN, .leastNonzeroMagnitude,
            -.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
        ]
        let singles = values.map(\.bitPattern)
        let doubles = values.map { Double($0).bitPattern }
        for operation in Operation.allCases {
            for index in values.indices {
                try check(.float32, operation, level, [singles, rotated(singles, by: index)])
                try check(.float64, operation, level, [doubles, rotated(doubles, by: index)])
                try check(.float32, operation, level, [rotated(singles, by: index), singles, rotated(singles, by: 3)])
            }
        }
    }

    private func rotated<Bits>(_ bits: [Bits], by distance: Int) -> [Bits] {
        Array(bits[distance...] + bits[..<distance])
    }

    private func check<Bits: FixedWidthInteger & UnsignedInteger>(
        _ kind: ElementKind, _ operation: Operation, _ level: Level, _ sources: [[Bits]]
    ) throws {
        let reference = Reference(kind: kind, operation: operation)
        let result = try Kernel(kind: kind, operation: operation, level: level).reduce(sources)
        for index in result.indices {
            let expected = reference.reduce(sources.map { UInt64($0[index]) })
            #expect(reference.agree(UInt64(result[index]), expected), "\(kind) \(operation) \(level): \(index)")
        }
    }
}
