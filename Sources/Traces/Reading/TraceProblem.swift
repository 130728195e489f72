/// Why a trace can't be read: where, what, and what to do.
public struct TraceProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// 1 is the header's line; nil where it is the file as a whole.
    public var line: Int?
    /// As its header names it.
    public var column: String?
    public var reason: String
    /// A sentence.
    public var remedy: String

    init(_ reason: String, line: Int? = nil, column: String? = nil, remedy: String) {
        self.reason = reason
        self.line = line
        self.column = column
        self.remedy = remedy
    }

    public var description: String {
        var place = ""
        if let line { place += "line \(line), " }
        if let column { place += "column \(column), " }
        if place.isEmpty { return "\(reason)\n\(remedy)" }
        return "\(place.dropLast(2)): \(reason)\n\(remedy)"
    }

    static let endOfGzip = TraceProblem(
        "the compressed data end early", remedy: "The file was cut short: fetch it again.")
    static let damagedGzip = TraceProblem("the compressed data are damaged", remedy: "Fetch the file again.")
}
