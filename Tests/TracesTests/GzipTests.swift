import Platform
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
        #expect(try inflate(sample.compressed + [0, 0] + sample.compressed, pieces: 1) == sample.plain + sample.plain)
        #expect(throws: TraceProblem.self) { try inflate(sample.compressed + [0, 0, 1]) }
        #expect(throws: TraceProblem.self) { try inflate(sample.compressed + sample.compressed.prefix(9)) }
    }

    /// Of a trace that is cut short the line is named to which it could be read, and of trailing bytes the last.
    @Test func problemsNameTheLine() throws {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let philly = try Files.read(here.dropLast(3).joined(separator: "/") + "/traces/philly2017.csv.gz")
        let lines = 82_248
        let half = Array(philly.prefix(philly.count / 2))
        let cut = try #require(throws: TraceProblem.self) { try TraceReader().read(byteSource(half)) }
        #expect(cut.reason.contains("end early"))
        let line = try #require(cut.line)
        #expect(line > 10_000 && line < lines)
        let trailing = try #require(throws: TraceProblem.self) {
            try TraceReader().read(byteSource(philly + [1]))
        }
        #expect(trailing.line == lines + 1, "\(trailing)")
        #expect(trailing.reason.contains("no gzip"))
    }

    /// What a few hundred bytes become, many gigabytes, is never in memory at once.
    @Test func memoryIsBounded() throws {
        let sample = Sample.all[0]
        var given = 0
        let source = uncompressed {
            given += 1
            return given < 20_000 ? sample.compressed : []
        }
        var total = 0
        while true {
            let piece = try source()
            if piece.isEmpty { break }
            #expect(piece.count <= 1 << 17)
            total += piece.count
        }
        #expect(total == 19_999 * sample.plain.count)
    }
}
