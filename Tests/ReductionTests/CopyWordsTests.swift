import CReduction
import Testing

struct CopyWordsTests {
    /// Every length and alignment: the bytes arrive, and none beside them changes.
    @Test func copiesAnyLengthBetweenAnyAlignments() {
        let source = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 100, 127, 128, 200, 300] {
            for (from, to) in [(0, 0), (0, 1), (1, 0), (3, 8), (8, 3), (8, 8), (5, 24), (16, 15)] {
                var target = [UInt8](repeating: 0, count: 512)
                unsafe source.withUnsafeBytes { source in
                    unsafe target.withUnsafeMutableBytes { target in
                        guard let source = source.baseAddress, let target = target.baseAddress else {
                            return
                        }
                        unsafe creduction_copy_words(target + to, source + from, length)
                    }
                }
                let expected =
                    [UInt8](repeating: 0, count: to) + source[from..<from + length]
                    + [UInt8](repeating: 0, count: 512 - to - length)
                #expect(target == expected, "\(length) bytes from \(from) to \(to)")
            }
        }
    }
}
