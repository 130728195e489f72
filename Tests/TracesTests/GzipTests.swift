import Testing
import Traces

/// Data that zlib compressed, and what must come of damaged ones.
struct GzipTests {
    private func inflate(_ bytes: [UInt8], pieces: Int = 1 << 18) throws -> [UInt8] {
        let source = uncompressed(byteSource(bytes, pieces: pieces))
        var all: [UInt8] = []
        while true {
            let piece = try source()
            if piece.isEmpty { return all }
            all += piece
        }
    }

    @Test(arguments: Sample.all) func samplesAreWhatTheyWere(sample: Sample) throws {
        #expect(try inflate(sample.compressed) == sample.plain)
        #expect(try inflate(sample.compressed, pieces: 1) == sample.plain)
    }

    @Test(arguments: Sample.all) func everyCutIsFound(sample: Sample) {
        let step = max(1, sample.compressed.count / 200)
        for length in stride(from: 2, to: sample.compressed.count, by: step) {
            #expect(throws: TraceProblem.self) { try inflate(Array(sample.compressed.prefix(length))) }
        }
    }

    /// The checksum or the code's own rules see every flipped bit behind the header.
    @Test(arguments: Sample.all) func everyFlippedBitIsFoundOrHarmless(sample: Sample) {
        let step = max(1, sample.compressed.count / 100)
        for index in stride(from: 40, to: sample.compressed.count, by: step) {
            var damaged = sample.compressed
            damaged[index] ^= 1 << UInt8(index % 8)
            if let result = try? inflate(damaged) { #expect(result == sample.plain) }
        }
    }

    @Test func membersFollowEachOther() throws {
        let sample = Sample.all[0]
        #expect(try inflate(sample.compressed + sample.compressed) == sample.plain + sample.plain)
        #expect(try inflate(sample.compressed + [0, 0, 0]) == sample.plain)
        #expect(throws: TraceProblem.self) { try inflate(sample.compressed + [1, 2, 3]) }
    }
}
