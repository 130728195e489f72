import FoundationEssentials
import Platform
import Spanning

/// `spanning.json` on disk.
public enum SpanningStore {
    /// A file that is there, but can't be used.
    public struct Unusable: Error, Sendable, CustomStringConvertible {
        public let path: String
        public let reason: String
        public var description: String { "\(path) can't be used: \(reason)" }
    }

    /// Reads a file; a missing one is empty.
    ///
    /// - Throws: `Unusable`, with the reason in words.
    public static func read(_ path: String) throws(Unusable) -> SpanningFile {
        guard Files.exists(path) else { return SpanningFile() }
        let file: SpanningFile
        do {
            file = try JSONDecoder().decode(SpanningFile.self, from: Data(try Files.read(path)))
        } catch let error as DecodingError {
            throw Unusable(path: path, reason: "it is no spanning.json: \(error.sentence)")
        } catch {
            throw Unusable(path: path, reason: "\(error)")
        }
        if let problem = file.problem { throw Unusable(path: path, reason: problem) }
        return file
    }

    /// Replaces the file in one step.
    public static func write(_ file: SpanningFile, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Files.replace(path, with: Array(try encoder.encode(file)) + [UInt8(ascii: "\n")])
    }
}

extension DecodingError {
    /// Which key is wrong, and how.
    fileprivate var sentence: String {
        switch self {
        case .keyNotFound(let key, _): "the key \"\(key.stringValue)\" is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "the value of \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has another type"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "it is not JSON"
                : "the value of \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" is not known"
        @unknown default: "it is not JSON"
        }
    }
}
