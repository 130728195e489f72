import Launcher
import TestSupport
import Testing

/// A rank's output, cut into lines with the rank before each.
struct LinePrefixerTests {
    private func prefixed(_ parts: [String], rank: Int = 3) -> String {
        var prefixer = LinePrefixer(rank: rank)
        let bytes = parts.flatMap { prefixer.add(Array($0.utf8)) } + prefixer.finish()
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("nothing", [], ""), ("a line", ["a\n"], "[rank 3] a\n"), ("two lines", ["a\nb\n"], "[rank 3] a\n[rank 3] b\n"),
        ("an empty line", ["\n"], "[rank 3] \n"),
        ("an empty line between", ["a\n\nb\n"], "[rank 3] a\n[rank 3] \n[rank 3] b\n"),
        ("a line in parts", ["on", "", "e li", "ne\n"], "[rank 3] one line\n"),
        ("no line feed at the end", ["a\nb"], "[rank 3] a\n[rank 3] b\n"), ("only a part", ["a"], "[rank 3] a\n"),
        ("a progress bar", ["1%\r2%\r3%\n"], "[rank 3] 1%\r[rank 3] 2%\r[rank 3] 3%\n"),
        ("lines as Windows ends them", ["a\r\nb\r\n"], "[rank 3] a\r\n[rank 3] b\r\n"),
        ("the two ends in two parts", ["a\r", "\nb\n"], "[rank 3] a\r\n[rank 3] b\n"),
        ("an empty line after them", ["a\r\n\nb\n"], "[rank 3] a\r\n[rank 3] \n[rank 3] b\n"),
        ("a bar at the end", ["9%\r"], "[rank 3] 9%\r"),
        ("two returns", ["a\r\rb\n"], "[rank 3] a\r[rank 3] \r[rank 3] b\n"),
    ])
    func cuts(what: String, parts: [String], result: String) {
        #expect(prefixed(parts) == result, "\(what)")
    }

    /// Lines are shown when they are complete, not before and not later.
    @Test func passesCompleteLinesOnAtOnce() {
        var prefixer = LinePrefixer(rank: 0)
        #expect(prefixer.add(Array("half".utf8)).isEmpty)
        #expect(prefixer.add(Array(" done\nnext".utf8)) == Array("[rank 0] half done\n".utf8))
        #expect(prefixer.add(Array("\r".utf8)) == Array("[rank 0] next\r".utf8))
        #expect(prefixer.finish().isEmpty)
        #expect(prefixer.finish().isEmpty)
    }

    /// A line of 64 KiB is cut; the line feed that ends a cut line makes no empty line.
    @Test(arguments: [
        ("just short", 65535, [65535]), ("exactly as long", 65536, [65536]), ("one longer", 65537, [65536, 1]),
        ("three times", 3 * 65536, [65536, 65536, 65536]), ("and a bit", 2 * 65536 + 5, [65536, 65536, 5]),
    ])
    func hugeLine(what: String, length: Int, pieces: [Int]) {
        let line = String(repeating: "x", count: length)
        let expected = pieces.map { "[rank 3] \(String(repeating: "x", count: $0))\n" }.joined()
        #expect(prefixed([line + "\n", "end\n"]) == expected + "[rank 3] end\n", "\(what)")
        #expect(prefixed([line]) == expected, "\(what), without line feed")
    }

    @Test func bytesAreKept() {
        // A lone continuation byte, a cut sequence, an overlong one, zero, and bytes that never occur in UTF-8.
        let line: [UInt8] = [0x80, 0x20, 0xe2, 0x82, 0x20, 0xc0, 0xaf, 0, 0xfe, 0xff, 0x0a]
        var prefixer = LinePrefixer(rank: 12)
        #expect(prefixer.add(line) == Array("[rank 12] ".utf8) + line)
    }

    /// However the bytes are cut into reads, the result is the same, and without the prefixes it is what was written.
    @Test func randomBytesInRandomParts() {
        var random = SplitMix(seed: 64_640)
        let prefix = Array("[rank 1] ".utf8)
        for round in 0..<300 {
            let comment = Comment(rawValue: "seed \(random.seed), round \(round)")
            let common: [UInt8] = [0x0a, 0x0d, 0x61, 0xff, 0xc3]
            let count = Int.random(in: 0...200, using: &random)
            let bytes = (0..<count).map { _ in common.randomElement(using: &random) ?? 0 }
            var whole = LinePrefixer(rank: 1)
            let expected = whole.add(bytes) + whole.finish()
            var prefixer = LinePrefixer(rank: 1)
            var rest = bytes[...]
            var result: [UInt8] = []
            while !rest.isEmpty {
                let part = rest.prefix(Int.random(in: 1...20, using: &random))
                rest = rest.dropFirst(part.count)
                result += prefixer.add(Array(part))
            }
            result += prefixer.finish()
            #expect(result == expected, comment)
            let isEnded = bytes.last.map { [0x0a, 0x0d].contains($0) } ?? true
            #expect(result.replacing(prefix, with: []) == bytes + (isEnded ? [] : [0x0a]), comment)
        }
    }
}
