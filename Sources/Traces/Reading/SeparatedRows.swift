import Glibc

/// Rows of comma-separated values from pieces of bytes; one row's fields at a time, without copies.
///
/// Fields may be in double quotes, with doubled quotes inside; a row is a line. Memory is bounded by the longest line.
struct SeparatedRows {
    static let longestLine = 1 << 16

    private let source: ByteSource
    private var bytes: [UInt8] = []
    private var position = 0
    private var isAtEnd = false
    /// The current row's line, 1 first.
    private(set) var line = 0
    private var starts: [Int] = []
    private var ends: [Int] = []
    private(set) var hasUnclosedQuote = false

    init(_ source: @escaping ByteSource) { self.source = source }

    /// Fields of the current row.
    var count: Int { starts.count }

    /// Goes to the next line that is not empty; false at the end.
    mutating func next() throws -> Bool {
        while true {
            line += 1
            guard let end = try lineEnd() else { return false }
            var last = end
            if last > position, bytes[last - 1] == UInt8(ascii: "\r") { last -= 1 }
            if line == 1, last - position >= 3, bytes[position] == 0xEF, bytes[position + 1] == 0xBB,
                bytes[position + 2] == 0xBF
            {
                position += 3
            }
            let first = position
            position = min(end + 1, bytes.count)
            if first == last { continue }
            split(first, last)
            return true
        }
    }

    /// The place of the line's newline, or the end of the bytes; nil when nothing is left.
    private mutating func lineEnd() throws -> Int? {
        var from = position
        while true {
            let end = newline(from: from)
            if (end ?? bytes.count) - position > Self.longestLine { throw tooLong() }
            if let end { return end }
            if isAtEnd { return position < bytes.count ? bytes.count : nil }
            bytes.removeFirst(position)
            position = 0
            from = bytes.count
            let more: [UInt8]
            do {
                more = try source()
            } catch var problem as TraceProblem {
                // What is wrong with compressed data is found while this line is read.
                problem.line = problem.line ?? line
                throw problem
            }
            if more.isEmpty { isAtEnd = true }
            bytes += more
        }
    }

    private func newline(from: Int) -> Int? {
        let rest = bytes.count - from
        return unsafe bytes.withUnsafeBytes { text -> Int? in
            guard rest > 0, let start = text.baseAddress,
                let found = unsafe memchr(start + from, CInt(UInt8(ascii: "\n")), rest)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - start
        }
    }

    private func tooLong() -> TraceProblem {
        TraceProblem(
            "it is longer than \(Self.longestLine) bytes", line: line,
            remedy: "A trace is a table of comma-separated values, with a line for each job.")
    }

    private mutating func split(_ first: Int, _ last: Int) {
        starts.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        hasUnclosedQuote = false
        var start = first
        var index = first
        var isQuoted = false
        // A reference of its own, so that the fields can be written meanwhile; nothing is copied.
        let line = bytes
        let text = line.span
        let (comma, quote) = (UInt8(ascii: ","), UInt8(ascii: "\""))
        while index < last {
            let byte = text[index]
            index &+= 1
            // Letters, digits, points and signs are all above both: one comparison for nearly every byte.
            guard byte <= comma else { continue }
            if byte == quote {
                isQuoted.toggle()
            } else if byte == comma, !isQuoted {
                starts.append(start)
                ends.append(index &- 1)
                start = index
            }
        }
        starts.append(start)
        ends.append(last)
        hasUnclosedQuote = isQuoted
    }

    /// A field's bytes, without blanks around it; with its quotes.
    private func range(_ field: Int) -> Range<Int> {
        var start = starts[field]
        var end = ends[field]
        let text = bytes.span
        while start < end, text[start] == UInt8(ascii: " ") { start += 1 }
        while end > start, text[end - 1] == UInt8(ascii: " ") { end -= 1 }
        return start..<end
    }

    func isEmpty(_ field: Int) -> Bool { range(field).isEmpty }

    func number(_ field: Int) -> FieldNumber { FieldNumber(bytes, range(field)) }

    func contains(_ field: Int, _ byte: UInt8) -> Bool {
        let text = bytes.span
        for index in range(field) where text[index] == byte { return true }
        return false
    }

    /// Puts a field into a list of names; its place, and whether it was new.
    func insert(_ field: Int, into names: inout NameList) -> (index: Int, isNew: Bool) {
        let range = range(field)
        if !range.isEmpty, bytes[range.lowerBound] == UInt8(ascii: "\"") {
            return names.insert(Array(bytes(of: field)))
        }
        return names.insert(bytes, range)
    }

    /// A field's bytes, quotes taken away.
    func bytes(of field: Int) -> ArraySlice<UInt8> {
        let range = range(field)
        let quote = UInt8(ascii: "\"")
        guard range.count >= 2, bytes[range.lowerBound] == quote, bytes[range.upperBound - 1] == quote else {
            return bytes[range]
        }
        let inner = bytes[range.lowerBound + 1..<range.upperBound - 1]
        guard inner.contains(quote) else { return inner }
        var kept: [UInt8] = []
        var isSecond = false
        for byte in inner {
            isSecond = byte == quote && !isSecond
            if !isSecond { kept.append(byte) }
        }
        return kept[...]
    }

    /// A field as text; what is not UTF-8 is replaced.
    func text(of field: Int) -> String { String(decoding: bytes(of: field), as: UTF8.self) }
}
