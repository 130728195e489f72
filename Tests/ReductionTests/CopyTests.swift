import CReduction
import Testing

struct CopyTests {
    @Test(arguments: 0...creduction_best_level())
    func streamingCopiesEveryLengthAtEveryAlignment(level: CInt) {
        let source = unsafe GuardedBytes(count: 400, misalignment: 0)
        for index in 0..<400 { unsafe source.bytes[index] = UInt8(truncatingIfNeeded: index * 31 + 7) }
        for misalignment in 0..<64 {
            for count in 0...300 {
                let target = unsafe GuardedBytes(count: count, misalignment: misalignment)
                let start = (misalignment * 7 + count) % 64
                let from = unsafe UnsafeRawBufferPointer(rebasing: source.bytes[start..<start + count])
                unsafe creduction_copy_streaming(target.start, source.start + start, count, level)
                creduction_end_streaming()
                let isRight = unsafe target.areGuardsIntact && target.bytes.elementsEqual(from)
                #expect(isRight, "\(count) bytes, \(misalignment) from alignment")
            }
        }
    }
}
