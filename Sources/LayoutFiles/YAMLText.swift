import MIGModel
import Platform
import Yams

/// The bytes of a layout file, checked for what would make a YAML reader slow or wrong.
struct YAMLText {
    /// Far more than a node's layout needs: one of 4096 GPUs has some hundred KiB.
    static let maximumBytes = 1 << 20

    let path: String
    let text: String

    /// - Throws: `LayoutFileError` for more than 1 MiB, for bytes that are no text, and for anchors.
    init(_ bytes: [UInt8], path: String) throws(LayoutFileError) {
        self.path = path
        guard bytes.count <= Self.maximumBytes else {
            throw LayoutFileError(path: path, reason: "it is longer than 1 MiB: not a layout file")
        }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw LayoutFileError(path: path, reason: "it is no text (UTF-8): not a layout file")
        }
        self.text = text
        if let place = Self.firstAnchor(in: bytes) {
            throw LayoutFileError(
                path: path, place: place,
                reason: "anchors (&name) and aliases are not read; write the entry out "
                    + "(in a comment or a text, put a space behind the \"&\")")
        }
    }

    /// Where a YAML anchor could begin. Without anchors there are no aliases, and so nothing that a few lines could
    /// blow up to gigabytes.
    ///
    /// Every "&" that stands before a name and not within a word counts, in comments and quotes too: a reader that
    /// tried to tell those apart could be led astray.
    private static func firstAnchor(in bytes: [UInt8]) -> LayoutFileError.Place? {
        func isName(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
        for index in bytes.indices where bytes[index] == UInt8(ascii: "&") {
            guard index + 1 < bytes.count, isName(bytes[index + 1]) else { continue }
            // "-&a" can't begin an anchor either, but "?&a" and ":&a" can.
            if index > 0, isName(bytes[index - 1]) { continue }
            let before = bytes[..<index]
            let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            return LayoutFileError.Place(
                line: before.count { $0 == UInt8(ascii: "\n") } + 1,
                column: String(decoding: bytes[lineStart..<index], as: UTF8.self).unicodeScalars.count + 1)
        }
        return nil
    }

    /// The file's only document.
    ///
    /// - Throws: `LayoutFileError` where it is not YAML, has a key twice, has several documents, or says nothing.
    func root() throws(LayoutFileError) -> Node {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text, .default, .default, .utf8)
        } catch {
            throw failure(error)
        }
        guard let root, root.null == nil else {
            throw LayoutFileError(
                path: path,
                reason: "it is empty; a layout file begins with \"version: 1\" (ours) or \"version: v1\" "
                    + "(NVIDIA mig-parted)")
        }
        return root
    }

    private func failure(_ error: any Error) -> LayoutFileError {
        func place(_ mark: Mark) -> LayoutFileError.Place { .init(line: mark.line, column: mark.column) }
        guard let error = error as? YamlError else {
            return LayoutFileError(path: path, reason: "it is not YAML: \(error)")
        }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
            return LayoutFileError(path: path, place: place(mark), reason: "it is not YAML: \(problem)")
        case .composer(_, let problem, let mark, _):
            return LayoutFileError(
                path: path, place: place(mark),
                reason: problem.contains("another document")
                    ? "a second document begins here; a layout file has one" : "it is not YAML: \(problem)")
        case .reader(let problem, _, _, _): return LayoutFileError(path: path, reason: "it is not YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            return LayoutFileError(
                path: path, place: place(context.mark),
                reason: "\(keys.first.map { "the key \(quoted($0))" } ?? "a key") is there twice")
        default: return LayoutFileError(path: path, reason: "it is not YAML")
        }
    }

    // MARK: Parts of the document

    func wrong(_ node: Node, _ reason: String) -> LayoutFileError {
        LayoutFileError(path: path, place: node.mark.map { .init(line: $0.line, column: $0.column) }, reason: reason)
    }

    /// The keys and values of a mapping, each key a text that is there once.
    ///
    /// - Parameter known: the keys that may be there; nil for any.
    func mapping(
        _ node: Node, _ what: String, known: [String]? = nil
    ) throws(LayoutFileError) -> [(key: String, keyNode: Node, value: Node)] {
        guard let mapping = node.mapping else { throw wrong(node, "\(what) must be \"key: value\" lines") }
        var seen: Set<String> = []
        var pairs: [(key: String, keyNode: Node, value: Node)] = []
        for (keyNode, value) in mapping {
            guard let key = keyNode.scalar?.string else { throw wrong(keyNode, "a key must be a text") }
            if let known, !known.contains(key) {
                throw wrong(keyNode, "unknown key \(quoted(key)); known here: \(known.joined(separator: ", "))")
            }
            // The parser tells 1 and "1" apart.
            guard seen.insert(key).inserted else { throw wrong(keyNode, "the key \(quoted(key)) is there twice") }
            pairs.append((key, keyNode, value))
        }
        return pairs
    }

    func list(_ node: Node, _ what: String) throws(LayoutFileError) -> [Node] {
        guard let sequence = node.sequence else { throw wrong(node, "\(what) must be a list") }
        return Array(sequence)
    }

    /// A text that says something.
    func word(_ node: Node, _ what: String) throws(LayoutFileError) -> String {
        guard let text = node.scalar?.string, !text.isEmpty, node.null == nil else {
            throw wrong(node, "\(what) must be a text")
        }
        return text
    }

    /// A whole number in decimal digits.
    func number(_ node: Node, _ what: String, in range: ClosedRange<Int>) throws(LayoutFileError) -> Int {
        guard let text = node.scalar?.string, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text),
            range.contains(number)
        else {
            throw wrong(node, "\(what) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
