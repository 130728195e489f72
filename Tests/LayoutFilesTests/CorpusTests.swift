import LayoutFiles
import MIGModel
import Platform
import TestSupport
import Testing

/// Texts that a fuzzer found, and every change of one byte to some of them: all are read or refused, none crashes.
struct CorpusTests {
    private static let directory: String = {
        let here = #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" }
        return "\(here)/Corpus/layouts"
    }()

    /// Reads, and writes and reads again what was understood.
    static func check(_ bytes: [UInt8]) throws {
        for configuration in [nil, "x"] {
            do throws(LayoutFileError) {
                let wanted = try LayoutFile.read(bytes, path: "f", configuration: configuration)
                #expect(!wanted.entries.isEmpty)
            } catch {
                #expect(error.description.hasPrefix("f"))
                #expect(!error.description.unicodeScalars.contains { $0.properties.generalCategory == .control })
            }
        }
    }

    @Test func isReadOrRefused() throws {
        let names = try Files.names(in: Self.directory)
        #expect(names.count > 20)
        for name in names { try Self.check(try Files.read("\(Self.directory)/\(name)")) }
    }

    @Test func changedByteByByte() throws {
        var random = SplitMix(seed: 7)
        let texts = try Files.names(in: Self.directory).map { try Files.read("\(Self.directory)/\($0)") }
        for _ in 0..<3000 {
            var bytes = texts.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert("[]{}:,-&*?!|>'\"%@`# \n\t0".utf8.randomElement(using: &random) ?? 0, at: place)
                default: bytes += (texts.randomElement(using: &random) ?? []).prefix(40)
                }
            }
            try Self.check(bytes)
        }
    }
}
